package checks

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// links checks the targets of links.
var links = validate.Check{
	Name:   "links",
	Covers: "Wiki links, embeds, Markdown links and images of all pages: whether they lead to a page, heading or file of the repository; and pages without a link to them, if the documentation is a wiki. In pages of Docusaurus, MkDocs, Hugo, Astro and Quartz, links may also be addresses of the website. Network addresses are not checked.",
	Rules: []validate.Rule{
		{ID: "page", What: "A wiki link names a page, alias or file that the documentation does not have.", Do: "Correct the name, or write the page."},
		{ID: "ambiguous", What: "A wiki link names a page or alias that exists more than once.", Do: "Rename all but one of them."},
		{ID: "path", What: "A wiki link contains a path: it would break when the page moves.", Do: "Link to the page only by its name."},
		{ID: "spaces", What: "A wiki link has spaces at its brackets, its # or its pipe, which some programs do not remove.", Do: "Write [[page|text]] without these spaces."},
		{ID: "heading", What: "A link names a heading, block or anchor that the page does not have.", Do: "Correct what follows the #, or the heading."},
		{ID: "file", What: "A Markdown link, image or embed leads to a file that the repository does not have.", Do: "Correct the path, which is relative to the page, or add the file to git."},
		{ID: "orphan", What: "No other page links to a page of the documentation.", Do: "Link to the page, for example from the index of its section."},
	},
	Run: func(ctx context.Context, in *validate.Input) error {
		book := page.Open(in.Tree, in.Site.Docs)
		if book.Err != nil {
			return book.Err
		}
		linked := linkedPages{pages: map[*page.Page]bool{}}
		err := validate.Each(ctx, book.Pages, func(p *page.Page) error {
			l := linkChecker{book: book, page: p, report: in.Report, suggestions: maxSuggestions}
			for _, link := range p.Links {
				if p.Path == book.Changelog || link.IsWiki() && !book.Holds(p) {
					continue // entries of past versions stay unchanged; outside of the docs [[ ]] is text
				}
				goal := book.Follow(p, link)
				linked.add(p, goal)
				l.link(link, goal)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !isWiki(in, book) {
			return nil
		}
		var orphans []*page.Page
		for _, p := range book.Docs {
			if !linked.pages[p] && !p.IsIndex() && !p.Draft() {
				orphans = append(orphans, p)
			}
		}
		if most(orphans, len(book.Docs)) {
			in.Report(validate.Finding{Path: in.Site.Docs, Rule: "orphan", Message: fmt.Sprintf("no other page links to %d of %d pages", len(orphans), len(book.Docs)), Do: "Link to them, such as to " + orphans[0].Path + ", from a page that readers find."})
			return nil
		}
		for _, p := range orphans {
			in.Report(validate.Finding{Path: p.Path, Rule: "orphan", Message: "no other page links to this one"})
		}
		return nil
	},
}

// linkedPages are the pages that another page links to.
type linkedPages struct {
	lock  sync.Mutex
	pages map[*page.Page]bool
}

func (s *linkedPages) add(from *page.Page, goal page.Goal) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, to := range goal.Pages {
		if to != from {
			s.pages[to] = true
		}
	}
}

// maxSuggestions is the number of names of a page that are compared with all existing names.
const maxSuggestions = 20

// manyLinks is the number of findings of one rule in a page from which on they are one: the page is not up to date as a whole.
const manyLinks = 10

// linkChecker checks the links of a page in order.
type linkChecker struct {
	book        *page.Book
	page        *page.Page
	report      func(validate.Finding)
	suggestions int // number of suggestions left
}

// nearest returns the name that was probably meant.
func (c *linkChecker) nearest(name string, names func() page.Names) string {
	if c.suggestions == 0 {
		return ""
	}
	c.suggestions--
	near := names().Nearest(name)
	return didYouMean(near) + lookalike(name, near)
}

func (c *linkChecker) link(link page.Link, goal page.Goal) {
	do := ""
	found := func(rule, format string, args ...any) {
		c.report(validate.Finding{
			Path: c.page.Path, Line: link.Line, Column: link.Column, Rule: rule, Message: clipped(fmt.Sprintf(format, args...)), Do: do, Group: rule, GroupFrom: manyLinks,
		})
	}
	if link.Spaced {
		found("spaces", "the wiki link to %q has spaces at its edges", writtenTarget(link))
	}
	switch {
	case goal.Elsewhere:
	case !goal.There && strings.HasPrefix(goal.Path, "../"):
		found("file", "%s is outside of the repository", link.Target)
	case !goal.There && !link.IsWiki():
		found("file", "%s not found%s", goal.Path, c.otherPath(link))
	case !goal.There && link.Kind == page.LinkEmbed:
		found("file", "no file or page of the documentation is named %q", strings.TrimPrefix(link.Target, "./"))
	case link.IsWiki() && goal.Path == "" && strings.Contains(link.Target, "/"):
		switch name := strings.TrimSuffix(path.Base(link.Target), ".md"); len(c.book.Named(name)) {
		case 0:
		case 1:
			do = fmt.Sprintf("Link to the page only by its name: [[%s]].", name)
		default:
			do = fmt.Sprintf("Rename all but one of the pages named %s, and link to each only by its name.", name)
		}
		found("path", "%q is a path", link.Target)
	case !goal.There:
		found("page", "no page is named %q%s", link.Target, c.nearest(link.Target, c.book.Names))
	case len(goal.Pages) > 1:
		found("ambiguous", "%q is ambiguous: %s", link.Target, pagePaths(goal.Pages))
	case link.HasFragment && goal.Page() != nil:
		c.fragment(goal.Page(), link, found)
	}
}

// clipped shortens a message with a very long link.
func clipped(message string) string {
	const limit = 300
	if len(message) <= limit {
		return message
	}
	return strings.ToValidUTF8(message[:limit], "") + "…"
}

// writtenTarget is the link's target as written, without the spaces.
func writtenTarget(l page.Link) string {
	if l.HasFragment {
		return l.Target + "#" + l.Fragment
	}
	return l.Target
}

func (c *linkChecker) fragment(to *page.Page, link page.Link, found func(rule, format string, args ...any)) {
	fragment, has := link.Fragment, to.HasAnchor
	if !link.IsWiki() {
		has = to.HasID
		if plain, err := url.PathUnescape(fragment); err == nil {
			fragment = plain
		}
		if fragment == "" || fragment == "top" || strings.Contains(link.Target, "?") {
			return // the beginning of the page, or an anchor that only a forge knows
		}
	}
	if has(fragment) {
		return
	}
	if id, ok := page.IsBlock(fragment); ok && link.IsWiki() {
		c.block(to, id, found)
		return
	}
	if plain := strings.ReplaceAll(fragment, "#", ""); link.IsWiki() && plain != fragment && to.HasAnchor(plain) {
		found("heading", "%s has the heading %q, which a wiki link must name without #: write %q", to.Path, fragment, plain)
		return
	}
	found("heading", "%s has no heading %q%s", to.Path, fragment, c.nearest(fragment, func() page.Names {
		var names []string
		for _, h := range to.Headings {
			switch {
			case h.Hidden:
			case link.IsWiki():
				names = append(names, h.Text)
			default:
				names = append(names, h.Anchor)
			}
		}
		return page.NewNames(names)
	}))
}

// block says why a link to a block has no target.
func (c *linkChecker) block(to *page.Page, id string, found func(rule, format string, args ...any)) {
	ids := to.BlockIDs()
	if at := slices.IndexFunc(ids, func(other string) bool { return strings.EqualFold(other, id) }); at >= 0 {
		found("heading", "%s has the block %q, but links to blocks require lower case: write its ID as %q", to.Path, "^"+ids[at], "^"+strings.ToLower(id))
		return
	}
	found("heading", "%s has no block %q%s", to.Path, "^"+id, c.nearest(id, func() page.Names {
		names := make([]string, len(ids))
		for i, other := range ids {
			names[i] = "^" + other
		}
		return page.NewNames(names)
	}))
}

// otherPath suggests a page of the same name at another path.
func (c *linkChecker) otherPath(link page.Link) string {
	name := strings.TrimSuffix(path.Base(link.Target), ".md")
	if pages := c.book.Named(name); len(pages) == 1 && pages[0] != c.page {
		return didYouMean(pages[0].Path)
	}
	return ""
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", name)
}

// lookalike names the characters in which two names differ that look the same to a reader.
func lookalike(written, near string) string {
	a, b := []rune(written), []rune(near)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			if near != "" && (a[i] > unicode.MaxASCII || b[i] > unicode.MaxASCII) {
				return fmt.Sprintf(" (character %d is %U here, but %U there)", i+1, a[i], b[i])
			}
			return ""
		}
	}
	return ""
}

// maxPaths is the maximum number of pages of one name in a message.
const maxPaths = 5

func pagePaths(pages []*page.Page) string {
	var paths []string
	for _, p := range pages[:min(len(pages), maxPaths)] {
		paths = append(paths, p.Path)
	}
	if more := len(pages) - maxPaths; more > 0 {
		paths = append(paths, fmt.Sprintf("one of %d more", more))
	}
	return strings.Join(paths, " or ")
}
