package checks

import (
	"context"
	"fmt"
	"path"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// index finds pages that readers cannot reach from an index.
var index = validate.Check{
	Name:   "index",
	Covers: "The sections of the documentation, which are the folders directly in it: whether the index page of the section links to each of their pages. That is SECTION/index.md, SECTION/SECTION.md, SECTION.md or, for a section without one, the index.md of the documentation. Documentation that is no wiki, see frontmatter, is not checked.",
	Rules: []validate.Rule{
		{ID: "missing", What: "The index page of a section does not link to one of its pages.", Do: "Add a link to the page to the section's index page."},
		{ID: "none", What: "A section has no index page.", Do: "Write an index.md that links to the section's pages."},
	},
	Run: func(_ context.Context, in *validate.Input) error {
		book := page.Open(in.Tree, in.Site.Docs)
		if book.Err != nil || !isWiki(in, book) {
			return book.Err
		}
		sections := map[string]*sectionIndex{}
		for _, p := range book.Docs {
			section, _, below := strings.Cut(strings.TrimPrefix(p.Path, in.Site.Docs+"/"), "/")
			if !below {
				continue
			}
			if sections[section] == nil {
				sections[section] = indexOf(book, in.Site.Docs, section)
				if sections[section].page == nil {
					in.Report(validate.Finding{Path: path.Join(in.Site.Docs, section), Rule: "none", Message: fmt.Sprintf("the section %s has no index page", section)})
				}
			}
			s := sections[section]
			if p.IsIndex() || p.Draft() {
				continue
			}
			if s.pages++; s.page != nil && !s.links[p] {
				s.missing = append(s.missing, p)
			}
		}
		for _, s := range sections {
			if most(s.missing, s.pages) {
				in.Report(validate.Finding{Path: s.page.Path, Rule: "missing", Message: fmt.Sprintf("the index page does not link to %d of %d pages of its section", len(s.missing), s.pages), Do: "Add links to them, such as to " + s.missing[0].Path + "."})
				continue
			}
			for _, p := range s.missing {
				in.Report(validate.Finding{Path: p.Path, Rule: "missing", Message: fmt.Sprintf("the index page of its section, %s, does not link to this page", s.page.Path)})
			}
		}
		return nil
	},
}

// sectionIndex is the index page of a section, if it has one, and the pages that it links to, including itself.
type sectionIndex struct {
	page    *page.Page
	links   map[*page.Page]bool
	missing []*page.Page // pages without a link
	pages   int          // of the section, without the index page
}

func indexOf(book *page.Book, docs, section string) *sectionIndex {
	s := &sectionIndex{links: map[*page.Page]bool{}}
	for _, name := range []string{section + "/index.md", section + "/README.md", section + "/" + section + ".md", section + ".md", "index.md", "README.md"} {
		if s.page = book.Page(docs + "/" + name); s.page != nil {
			break
		}
	}
	if s.page == nil {
		return s
	}
	s.links[s.page] = true
	for _, link := range s.page.Links {
		for _, to := range book.Follow(s.page, link).Pages {
			s.links[to] = true
		}
	}
	return s
}
