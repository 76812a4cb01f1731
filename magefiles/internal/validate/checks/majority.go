package checks

import (
	"fmt"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// fewPages is the number of pages of which each is reported: with more, a mistake of most pages is one finding.
const fewPages = 5

// most says that more than half of the pages, and more than a few, have a mistake: it is a convention that the repository does not have, and one finding.
func most(with []*page.Page, all int) bool { return len(with) > fewPages && 2*len(with) > all }

// reportRare reports the keys that most pages do not have, one finding for each, and returns the others, which each page must have. Without frontmatter in
// most pages, no key is required.
func reportRare(in *validate.Input, book *page.Book) (required []string) {
	var none, fronts []*page.Page
	for _, p := range book.Docs {
		switch {
		case p.Front == nil:
			none = append(none, p)
		case p.Front.Err == nil:
			fronts = append(fronts, p)
		}
	}
	if len(in.Keys) > 0 && most(none, len(book.Docs)) {
		in.Report(validate.Finding{
			Path: in.Site.Docs, Rule: "none", Message: fmt.Sprintf("%d of %d pages have no frontmatter", len(none), len(book.Docs)),
			Do: "Begin them, such as " + none[0].Path + ", with " + strings.Join(in.Keys, ", ") + " between two lines ---; or set DocsKeys to none, and no page needs it.",
		})
		return nil
	}
	required = slices.Clone(in.Keys)
	for _, key := range in.Keys {
		var without []*page.Page
		for _, p := range fronts {
			if found, _ := p.Front.Get(key); found == nil {
				without = append(without, p)
			}
		}
		if !most(without, len(fronts)) {
			continue
		}
		in.Report(validate.Finding{
			Path: in.Site.Docs, Rule: "required", Message: fmt.Sprintf("the frontmatter of %d of %d pages has no %s", len(without), len(fronts), key),
			Do: strings.TrimSuffix(requiredLine(key), ".") + " of them, such as " + without[0].Path + "." + withoutKey(in.Keys, key),
		})
		required = slices.DeleteFunc(required, func(k string) bool { return k == key })
	}
	return required
}

// withoutKey says how to require the other keys.
func withoutKey(keys []string, key string) string {
	others := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == key })
	if len(others) == 0 {
		return " If pages need no frontmatter, set DocsKeys to none."
	}
	return " If pages do not need it, set DocsKeys to " + strings.Join(others, ",") + "."
}
