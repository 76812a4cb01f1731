package page

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"---\ntitle: x\ntags: [a]\n---\n# A [[b|c]]\r\n\r\n> - é ![[d.png]] `[[e]]` $f$\n", "| a |\n|---|\n| [[x\\|y]] [z](w \"t\") |\n", "---\na: &b [*b]\n",
		"x[^1] [a][b] ![c](<d e>)\n\n[^1]: f\n[b]: g#h\n", "\t- [[a]]\n\n\t  <!-- [[b]] --> <a id=\"c\">\n\n$$\n[[d]]\n$$\n", "***a_[b](c\x1f[[|", "## A\n## A\n## A-1\n^id\n",
		"%%\n## A\n`%%` [[a]] $ %% $ x ^id\n%%\n- $$\n  %%\n  $$\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := Parse("x.md", text)
		for _, l := range p.Links {
			if l.Offset < p.Body || l.Offset >= len(text) {
				t.Fatalf("%+v is at %d of %d, body at %d", l, l.Offset, len(text), p.Body)
			}
			begins := map[LinkKind]string{LinkWiki: "[[", LinkEmbed: "![[", LinkMarkdown: "[", LinkImage: "!["}[l.Kind]
			if !strings.HasPrefix(text[l.Offset:], begins) {
				t.Fatalf("%+v begins with %.10q", l, text[l.Offset:])
			}
			if line, column := validate.Position(text, l.Offset); utf8.ValidString(text) && (line != l.Line || column != l.Column) {
				t.Fatalf("%+v is at %d:%d", l, line, column)
			}
		}
		anchors := map[string]bool{}
		p.HasAnchor("^id")
		for _, h := range p.Headings {
			if h.Hidden {
				continue
			}
			if anchors[h.Anchor] || h.Line < 1 || h.Line > len(p.Lines) || h.Level < 1 || h.Level > 6 || !p.HasAnchor(h.Anchor) {
				t.Fatalf("%+v", h)
			}
			anchors[h.Anchor] = true
		}
		if p.Front != nil && (p.Front.Err != nil) == (p.Front.Root != nil) && p.Front.Root != nil {
			t.Fatal("the frontmatter is wrong and right")
		}
	})
}

func FuzzParseWiki(f *testing.F) {
	for _, seed := range []string{"a", "a#b c|d", `a\|b`, "#b", " a |", "a#^c", "|", "a]b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, inner string) {
		w, ok := ParseWiki(inner)
		switch {
		case !ok && w != Wiki{}:
			t.Fatalf("%q is none, and %+v", inner, w)
		case !ok:
			return
		case w.Target == "" && w.Fragment == "", strings.ContainsAny(w.Target, "#|"), strings.Contains(w.Fragment, "|"):
			t.Fatalf("%q is %+v", inner, w)
		case strings.TrimSpace(w.Target) != w.Target, strings.TrimSpace(w.Fragment) != w.Fragment, strings.TrimSpace(w.Text) != w.Text:
			t.Fatalf("%q keeps spaces: %+v", inner, w)
		case !strings.Contains(inner, w.Target), !strings.Contains(inner, w.Fragment), !strings.Contains(inner, w.Text):
			t.Fatalf("%q does not hold %+v", inner, w)
		}
	})
}

func FuzzSlug(f *testing.F) {
	for _, seed := range []string{"Hello, World!", "Über – uns", "a_b-c", "日本語 ①", "\xff", "İ ẞ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, heading string) {
		slug := Slug(heading)
		if again := Slug(slug); again != slug {
			t.Fatalf("%q gives %q, and that %q", heading, slug, again)
		}
		if strings.ContainsFunc(slug, func(r rune) bool { return unicode.IsSpace(r) || r >= 'A' && r <= 'Z' || unicode.IsControl(r) }) {
			t.Fatalf("%q gives %q", heading, slug)
		}
	})
}
