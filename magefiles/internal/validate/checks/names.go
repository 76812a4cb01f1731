package checks

import (
	"context"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// names checks the names of pages.
var names = validate.Check{
	Name:   "names",
	Covers: "The pages of the documentation: whether each name belongs to only one page, because wiki links lead to pages by name. Documentation that is no wiki, see frontmatter, is not checked.",
	Rules: []validate.Rule{
		{ID: "unique", What: "Two pages have the same file name, without regard to case; index.md and README.md of folders may repeat.", Do: "Rename one of them, and the links to it."},
	},
	Run: func(_ context.Context, in *validate.Input) error {
		book := page.Open(in.Tree, in.Site.Docs)
		if book.Err != nil {
			return book.Err
		}
		if !isWiki(in, book) {
			return nil // links lead to pages by path
		}
		first := map[string]*page.Page{}
		for _, p := range book.Docs {
			name := strings.ToLower(p.Name())
			if other := first[name]; other == nil {
				first[name] = p
			} else if !p.IsIndex() {
				but := ""
				if other.Name() != p.Name() {
					but = " except for case"
				}
				in.Report(validate.Finding{Path: p.Path, Rule: "unique", Message: fmt.Sprintf("%s has the same name%s", other.Path, but)})
			}
		}
		return nil
	},
}
