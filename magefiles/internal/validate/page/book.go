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

// Book is the documentation: the pages of a folder, which link to each other by name, and all that they can link to besides.
type Book struct {
	*Set
	// Docs are the pages of the folder.
	Docs []*Page

	tree    *validate.Tree
	dir     string
	named   map[string][]*Page
	aliases map[string][]*Page
	names   func() Names
	files   map[string][]string // of the folder that are no pages, by their name without folders
}

type bookKey struct{ dir string }

// Open is the documentation that a folder of the tree holds. It is made once, whoever asks. Without a folder ("") it has no pages, but
// links of Markdown can be resolved.
func Open(tree *validate.Tree, dir string) *Book {
	return validate.Shared(tree, bookKey{dir}, func(tree *validate.Tree) *Book {
		b := &Book{Set: All(tree), tree: tree, dir: dir, named: map[string][]*Page{}, aliases: map[string][]*Page{}, files: map[string][]string{}}
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

// Holds says whether a page is one of the documentation, so that its wiki links are links.
func (b *Book) Holds(p *Page) bool { return b.dir != "" && strings.HasPrefix(p.Path, b.dir+"/") }

// IsIndex says whether a page is what a folder is read from.
func (p *Page) IsIndex() bool { return p.Name() == "index" || p.Name() == "README" }

// Draft says whether the page's frontmatter keeps it out of the site.
func (p *Page) Draft() bool {
	_, value := p.Front.Get("draft")
	return value != nil && value.Kind == yaml.ScalarNode && value.Value == "true"
}

// Goal is where a link leads.
type Goal struct {
	// Elsewhere says that it leads out of the repository, by an address with a scheme.
	Elsewhere bool
	// Pages are those that it may lead to; more than one if its name is not unique.
	Pages []*Page
	// Path is the file or folder, for what is no page or if there is none. It is "" for a wiki link that leads nowhere.
	Path string
	// There says whether it leads to something.
	There bool
}

// Page is the one page that the link leads to; nil if it leads to none, or may lead to several.
func (g Goal) Page() *Page {
	if len(g.Pages) == 1 {
		return g.Pages[0]
	}
	return nil
}

// Follow says where a link of a page leads.
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

// followName looks for a page by name, by alias, then for a folder's index and a file.
func (b *Book) followName(p *Page, target string) Goal {
	name := strings.TrimSuffix(target, ".md")
	if root := b.Page(b.dir + "/" + name + ".md"); root != nil && name == "index" {
		return Goal{Pages: []*Page{root}, There: true} // it is not unique, and Quartz takes that of the root
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

// followEmbed looks for the page that a path names, from the documentation's root or from the page's folder.
func (b *Book) followEmbed(p *Page, target string) Goal {
	name := strings.TrimSuffix(target, ".md") + ".md"
	for _, dir := range []string{b.dir, path.Dir(p.Path)} {
		if found := b.Page(path.Join(dir, name)); found != nil && b.Holds(found) {
			return Goal{Pages: []*Page{found}, Path: found.Path, There: true}
		}
	}
	return Goal{}
}

// followPath looks for a file, relative to the page or from the root: of the repository, or of the site.
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
	for _, try := range tries {
		if g := b.file(p, try); g.There {
			return g
		}
	}
	return Goal{Path: tries[0]}
}

// file is what stands at a path. A generator of sites lets its pages leave out .md.
func (b *Book) file(p *Page, name string) Goal {
	if found := b.Page(name); found != nil {
		return Goal{Pages: []*Page{found}, Path: name, There: true}
	}
	if b.Holds(p) {
		for _, suffix := range []string{"/index.md", "/README.md", ".md"} {
			if found := b.Page(name + suffix); found != nil {
				return Goal{Pages: []*Page{found}, Path: name + suffix, There: true}
			}
		}
	}
	return Goal{Path: name, There: name != ".." && !strings.HasPrefix(name, "../") && b.tree.Has(name)}
}

// Names are all names and aliases that a wiki link may have.
func (b *Book) Names() Names { return b.names() }

func (b *Book) allNames() Names {
	return NewNames(slices.AppendSeq(slices.Collect(maps.Keys(b.named)), maps.Keys(b.aliases)))
}
