package page

import (
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// Book is the documentation: the pages of a folder, which link to each other by name, and all other possible link targets.
type Book struct {
	*Set
	// Docs are the pages of the folder.
	Docs []*Page

	tree    *validate.Tree
	dir     string
	named   map[string][]*Page
	aliases map[string][]*Page
	names   func() Names
	files   map[string][]string // files of the folder that are not pages, by name without folders
	sites   map[string]website  // by the folder of their settings
}

type bookKey struct{ dir string }

// Open is the documentation in a folder of the tree. It is built once for each tree and folder. Without a folder ("") it has no pages, but
// it can resolve Markdown links.
func Open(tree *validate.Tree, dir string) *Book {
	return validate.Shared(tree, bookKey{dir}, func(tree *validate.Tree) *Book {
		b := &Book{Set: All(tree), tree: tree, dir: dir, named: map[string][]*Page{}, aliases: map[string][]*Page{}, files: map[string][]string{}, sites: websites(tree)}
		b.names = sync.OnceValue(b.allNames)
		if dir == "" {
			return b
		}
		b.Docs = b.Below(dir)
		for _, p := range b.Docs {
			b.named[p.Name()] = append(b.named[p.Name()], p)
			for _, alias := range p.Front.Strings("aliases") {
				b.aliases[alias] = append(b.aliases[alias], p)
			}
		}
		if p := b.Page(b.Changelog); p != nil && !b.Holds(p) {
			b.named[p.Name()] = append(b.named[p.Name()], p)
		}
		for _, name := range tree.Files(dir) {
			if !strings.HasSuffix(name, ".md") {
				b.files[path.Base(name)] = append(b.files[path.Base(name)], name)
			}
		}
		return b
	})
}

// IsWiki says whether the documentation has the conventions of a wiki: frontmatter in each page, and links that lead to each page. It has them if
// Quartz builds it, or if half of its pages have frontmatter or wiki links.
func (b *Book) IsWiki() bool {
	if b.dir == "" {
		return false
	}
	for name := range b.files {
		if strings.HasPrefix(name, "quartz.config.") {
			return true
		}
	}
	with := 0
	for _, p := range b.Docs {
		if p.Front != nil || slices.ContainsFunc(p.Links, Link.IsWiki) {
			with++
		}
	}
	return 2*with >= len(b.Docs)
}

// Holds says whether a page belongs to the documentation, so that its wiki links count as links.
func (b *Book) Holds(p *Page) bool { return b.dir != "" && strings.HasPrefix(p.Path, b.dir+"/") }

// IsIndex says whether a page is the index of its folder.
func (p *Page) IsIndex() bool { return p.Name() == "index" || p.Name() == "README" }

// Draft says whether the page's frontmatter keeps it out of the site.
func (p *Page) Draft() bool {
	_, value := p.Front.Get("draft")
	return value != nil && value.Kind == yaml.ScalarNode && value.Value == "true"
}

// Goal is the target of a link.
type Goal struct {
	// Elsewhere says that the link leads out of the repository: its address has a scheme.
	Elsewhere bool
	// Pages are the possible targets; more than one if the name is not unique.
	Pages []*Page
	// Path is the target file or folder, if it is not a page or does not exist. It is "" for a wiki link without a target.
	Path string
	// There says whether the target exists.
	There bool
}

// Page is the only page that the link may lead to; nil if there are none or several.
func (g Goal) Page() *Page {
	if len(g.Pages) == 1 {
		return g.Pages[0]
	}
	return nil
}

// Follow finds the target of a page's link.
func (b *Book) Follow(p *Page, l Link) Goal {
	switch {
	case l.Target == "":
		return Goal{Pages: []*Page{p}, There: true}
	case l.Kind == LinkWiki, l.Kind == LinkEmbed:
		goal := b.followName(p, l.Target)
		if l.Kind == LinkEmbed && !goal.There && strings.Contains(l.Target, "/") {
			return b.followEmbed(p, l.Target)
		}
		return goal
	case scheme().MatchString(l.Target):
		return Goal{Elsewhere: true}
	}
	return b.followPath(p, l.Target)
}

var scheme = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*:|//)`) })

// followName finds a page by name or alias, then the index of a folder, then a file.
func (b *Book) followName(p *Page, target string) Goal {
	name := strings.TrimSuffix(target, ".md")
	if root := b.Page(b.dir + "/" + name + ".md"); root != nil && name == "index" {
		return Goal{Pages: []*Page{root}, There: true} // the name is not unique; Quartz takes the page at the root
	}
	for _, pages := range [][]*Page{b.named[name], b.aliases[target]} {
		if len(pages) > 0 {
			return Goal{Pages: pages, There: true}
		}
	}
	if index := b.Page(b.dir + "/" + name + "/index.md"); index != nil && !strings.Contains(name, "/") {
		return Goal{Pages: []*Page{index}, There: true}
	}
	if files := b.files[target]; len(files) > 0 {
		return Goal{Path: files[0], There: true}
	}
	for _, file := range []string{path.Join(b.dir, target), path.Join(path.Dir(p.Path), target)} {
		if path.Ext(target) != ".md" && path.Ext(target) != "" && b.tree.Has(file) {
			return Goal{Path: file, There: true}
		}
	}
	return Goal{}
}

// followEmbed finds the page at a path, from the documentation's root or from the page's folder.
func (b *Book) followEmbed(p *Page, target string) Goal {
	name := strings.TrimSuffix(target, ".md") + ".md"
	for _, dir := range []string{b.dir, path.Dir(p.Path)} {
		if found := b.Page(path.Join(dir, name)); found != nil && b.Holds(found) {
			return Goal{Pages: []*Page{found}, Path: found.Path, There: true}
		}
	}
	return Goal{}
}

// followPath finds a file, relative to the page or from the root: of the repository, or of the website.
func (b *Book) followPath(p *Page, target string) Goal {
	target, _, _ = strings.Cut(target, "?")
	if plain, err := url.PathUnescape(target); err == nil {
		target = plain
	}
	var tries []string
	switch {
	case target == "":
		return Goal{Pages: []*Page{p}, There: true}
	case !strings.HasPrefix(target, "/"):
		tries = []string{path.Join(path.Dir(p.Path), target)}
	default:
		tries = []string{path.Join(".", target)}
		if b.Holds(p) {
			tries = append(tries, path.Join(b.dir, target))
		}
	}
	site, in := b.websiteOf(p)
	if in {
		if site.quartz && strings.HasPrefix(strings.TrimPrefix(target, "/"), "tags/") {
			return Goal{Elsewhere: true}
		}
		tries = append(tries, site.places(p, target)...)
	}
	for _, try := range tries {
		if g := b.file(try, in || b.Holds(p)); g.There {
			return g
		}
	}
	if in && site.unknown(p, target) {
		return Goal{Elsewhere: true}
	}
	return Goal{Path: tries[0]}
}

// file is the target at a path. Links between pages of a website may leave out .md.
func (b *Book) file(name string, website bool) Goal {
	if found := b.Page(name); found != nil {
		return Goal{Pages: []*Page{found}, Path: name, There: true}
	}
	if website {
		for _, suffix := range []string{"/index.md", "/_index.md", "/README.md", ".md"} {
			if found := b.Page(name + suffix); found != nil {
				return Goal{Pages: []*Page{found}, Path: name + suffix, There: true}
			}
		}
		if b.tree.Has(name + ".mdx") {
			return Goal{Path: name + ".mdx", There: true}
		}
	}
	return Goal{Path: name, There: name != ".." && !strings.HasPrefix(name, "../") && b.tree.Has(name)}
}

// Names are all names and aliases that a wiki link may use.
func (b *Book) Names() Names { return b.names() }

func (b *Book) allNames() Names {
	return NewNames(slices.AppendSeq(slices.Collect(maps.Keys(b.named)), maps.Keys(b.aliases)))
}
