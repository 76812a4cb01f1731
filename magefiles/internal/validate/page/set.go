package page

import (
	"context"
	"path"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// Set is the Markdown pages of a tree, except changelog fragments and files below a folder testdata.
type Set struct {
	// Pages are in the order of their paths.
	Pages []*Page
	// Err names the pages that could not be parsed. Only a bug of the parser causes it.
	Err error
	// Changelog is the path of the changelog, which is a page of the website too: the build of the docs copies it there.
	Changelog string

	paths map[string]*Page
	names map[string][]*Page
}

type setKey struct{}

// All are the pages of a tree. They are parsed once for each tree.
func All(tree *validate.Tree) *Set { return validate.Shared(tree, setKey{}, parseAll) }

// Page is the page at a path; nil if there is none.
func (s *Set) Page(name string) *Page { return s.paths[name] }

// Named are the pages with a file name, without folder and .md.
func (s *Set) Named(name string) []*Page { return s.names[name] }

// Below are the pages of a folder and of its subfolders.
func (s *Set) Below(dir string) []*Page {
	return slices.DeleteFunc(slices.Clone(s.Pages), func(p *Page) bool { return !strings.HasPrefix(p.Path, dir+"/") })
}

// Name is the page's name in wiki links: its file's name without .md.
func (p *Page) Name() string { return strings.TrimSuffix(path.Base(p.Path), ".md") }

func parseAll(tree *validate.Tree) *Set {
	s := &Set{paths: map[string]*Page{}, names: map[string][]*Page{}}
	fragments := "changelog.d" // the default
	s.Changelog = "CHANGELOG.md"
	if config, err := changelog.ParseConfig(tree.Dir()); err == nil {
		fragments, s.Changelog = config.Directory, config.Filename
	}
	files := pageFiles(tree, fragments)
	pages := make([]*Page, len(files))
	index := make(map[string]int, len(files))
	for i, name := range files {
		index[name] = i
	}
	s.Err = validate.Each(context.Background(), files, func(name string) error {
		if content, ok := tree.Text(name); ok {
			pages[index[name]] = Parse(name, content)
		}
		return nil
	})
	for _, p := range pages {
		if p != nil {
			s.Pages = append(s.Pages, p)
			s.paths[p.Path] = p
			s.names[p.Name()] = append(s.names[p.Name()], p)
		}
	}
	return s
}

// pageFiles are the files of the pages.
func pageFiles(tree *validate.Tree, fragments string) []string {
	return slices.DeleteFunc(tree.Files(".", ".md"), func(name string) bool {
		dir := "/" + path.Dir(name) + "/"
		return strings.HasPrefix(name, fragments+"/") || strings.Contains(dir, "/changelog.d/") || tree.Foreign(name)
	})
}
