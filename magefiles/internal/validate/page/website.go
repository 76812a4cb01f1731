package page

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// website is a website that a generator makes of the pages below a folder. Its links have more targets than those of a forge.
type website struct {
	content []string // folders of pages; the address / is one of them
	files   []string // other folders whose files are at /
	quartz  bool     // links without / at the beginning may begin at the root of the content, too; each tag has a page below tags/
	jekyll  bool     // the frontmatter and the settings of a page decide its address
	mkdocs  bool     // the address of a page ends with /, and a link to an address is relative to it
}

// generators are the settings files of generators.
var generators = []string{
	"docusaurus.config.js", "docusaurus.config.ts", "mkdocs.yml", "mkdocs.yaml", "quartz.config.ts", "hugo.toml", "hugo.yaml", "astro.config.mjs", "astro.config.ts",
	"_config.yml", // Jekyll
}

// contentFolders are the folders of pages next to a settings file; staticFolders are those of other files.
var (
	contentFolders = []string{"docs", "content", "blog", "src/content/docs", "src/pages"}
	staticFolders  = []string{"static", "public"}
)

// websites are the websites of a tree, by the folder of their settings.
func websites(tree *validate.Tree) map[string]website {
	found := map[string]website{}
	for _, base := range generators {
		for _, name := range tree.All(base) {
			if !tree.Foreign(name) {
				found[path.Dir(name)] = newWebsite(tree, name)
			}
		}
	}
	return found
}

var (
	docsDir    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^docs_dir:[ \t]*['"]?([^'"\s#]+)`) })
	resolution = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`markdownLinkResolution:\s*["'](?:absolute|shortest)["']`)
	})
)

func newWebsite(tree *validate.Tree, settings string) website {
	dir, base := path.Split(settings)
	text, _ := tree.Text(settings)
	w := website{mkdocs: strings.HasPrefix(base, "mkdocs."), quartz: resolution().MatchString(text) && strings.HasPrefix(base, "quartz.")}
	if base == "_config.yml" {
		return website{jekyll: true, content: []string{path.Clean("./" + dir)}, files: []string{path.Clean("./" + dir)}}
	}
	folders := contentFolders
	if m := docsDir().FindStringSubmatch(text); w.mkdocs && m != nil {
		folders = []string{m[1]}
	}
	for _, name := range folders {
		if at := path.Join(dir, name); tree.Has(at) {
			w.content = append(w.content, at)
		}
	}
	if len(w.content) == 0 && dir != "" {
		w.content = []string{path.Clean(dir)}
	}
	w.files = append(w.files, path.Clean("./"+dir))
	for _, name := range staticFolders {
		if at := path.Join(dir, name); tree.Has(at) {
			w.files = append(w.files, at)
		}
	}
	return w
}

// websiteOf is the website that has the page. ok is false if there is none.
func (b *Book) websiteOf(p *Page) (w website, ok bool) {
	for dir := path.Dir(p.Path); ; dir = path.Dir(dir) {
		if w, ok = b.sites[dir]; ok || dir == "." {
			break
		}
	}
	return w, ok && slices.ContainsFunc(w.content, func(dir string) bool { return dir == "." || strings.HasPrefix(p.Path, dir+"/") })
}

// unknown says that a link of a page leads to an address that only the generator knows: one that Liquid makes, or the address of a page of Jekyll,
// which has no extension, or that of the HTML file. Jekyll makes a page only of a file with frontmatter.
func (w website) unknown(p *Page, target string) bool {
	return w.jekyll && p.Front != nil && (strings.Contains(target, "{{") || strings.Contains(target, "{%") || path.Ext(target) == "" || path.Ext(target) == ".html")
}

// places are the paths that a link of a page may mean on the website, beside its path in the repository.
func (w website) places(p *Page, target string) (found []string) {
	absolute := strings.HasPrefix(target, "/")
	if absolute || w.quartz {
		for _, dir := range w.content {
			found = append(found, path.Join(dir, target))
		}
	}
	if absolute {
		for _, dir := range w.files {
			found = append(found, path.Join(dir, target))
		}
	} else if w.mkdocs && !p.IsIndex() && path.Ext(target) != ".md" {
		found = append(found, path.Join(strings.TrimSuffix(p.Path, ".md"), target))
	}
	return found
}
