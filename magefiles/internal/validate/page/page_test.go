package page

import (
	"fmt"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// show prints one link a line, for comparison in a test.
func show(links []Link) string {
	var b strings.Builder
	for _, l := range links {
		fmt.Fprintf(&b, "%d:%d %s %s", l.Line, l.Column, [...]string{"wiki", "embed", "markdown", "image"}[l.Kind], l.Target)
		if l.HasFragment {
			b.WriteString("#" + l.Fragment)
		}
		b.WriteString(" (" + l.Text + ")")
		if l.Spaced {
			b.WriteString(" spaced")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"wiki":             {"a [[b]] [[c|d e]] [[f#G h|i]] [[#J]] ![[k.png]]", "1:3 wiki b (b)\n1:9 wiki c (d e)\n1:19 wiki f#G h (i)\n1:31 wiki #J (J)\n1:38 embed k.png (k.png)\n"},
		"spaces":           {"[[ a]] [[b |c]] [[d| e]] [[f g]] [[h #i]]", "1:1 wiki a (a) spaced\n1:8 wiki b (c) spaced\n1:17 wiki d (e) spaced\n1:26 wiki f g (f g)\n1:34 wiki h#i (h#i) spaced\n"},
		"code":             {"`[[a]]` ``[[b]] ` `` [[c]]\n\n    [[d]]\n\n```\n[[e]]\n```\n~~~ x\n[[f]]\n~~~\n", "1:22 wiki c (c)\n"},
		"unclosed code":    {"`[[a]]\n\n```\n[[b]]\n", "1:2 wiki a (a)\n"},
		"comments":         {"<!-- [[a]] -->\n[[b]]\n\nx <!-- [[c]]\n[[d]] --> [[e]]\n\n<!--\n\n[[f]]\n\n-->\n", "2:1 wiki b (b)\n5:11 wiki e (e)\n"},
		"hidden":           {"[[a]] %%[[b]]%% [[c]]\n\n%%\n# x\n[[d]]\n%% `%%` [[e]] `%%` %% [[f]]\n", "1:1 wiki a (a)\n1:17 wiki c (c)\n6:9 wiki e (e)\n6:23 wiki f (f)\n"},
		"spaced math":      {"$ [[a]] $ $ [[b]]$ [[c]] $$ [[d]] $$\n", "1:13 wiki b (b)\n1:20 wiki c (c)\n"},
		"math":             {"$[[a]]$ $$[[b]]$$ costs $5 and [[c]] for $6\n\n$$\n[[d]]\n$$\n[[e]] $x\n", "1:32 wiki c (c)\n6:1 wiki e (e)\n"},
		"frontmatter":      {"---\ntitle: \"[[a]]\"\n---\n[[b]]", "4:1 wiki b (b)\n"},
		"table":            {"| a | b |\n|---|---|\n| [[x\\|y]] é | `[[n\\|m]]` [[z]] |\n", "3:3 wiki x (y)\n3:27 wiki z (z)\n"},
		"table with pipes": {"a|b\n-|-\n[[x|y]] | [z](w) `[[n|m]]`\n## `[[a|b]]`\n", "3:1 wiki x (y)\n3:11 markdown w (z)\n"},
		"quotes and lists": {"> - é [[a]]\n>   > 1. [[b]]\n\t- [[c]]\n- x\n\n\t[[d]]\n", "1:7 wiki a (a)\n2:10 wiki b (b)\n3:4 wiki c (c)\n6:2 wiki d (d)\n"},
		"crlf":             {"---\r\ntitle: x\r\n---\r\n\r\né [[a]]\r\n```\r\n[[b]]\r\n```\r\n[[c]]\r\n", "5:3 wiki a (a)\n9:1 wiki c (c)\n"},
		"markdown":         {"[a](b.md#c \"t\") ![d](e%20f.png) [g][h] [h] [i](<j k.md>) <https://l> [m](n&amp;o\\*.md)\n\n[h]: p.md#q\n", "1:1 markdown b.md#c (a)\n1:17 image e%20f.png (d)\n1:33 markdown p.md#q (g)\n1:40 markdown p.md#q (h)\n1:44 markdown j k.md (i)\n1:70 markdown n&o*.md (m)\n"},
		"nested":           {"[![a](b.png)](c.md) [*d* `e` [[f]]](g)", "1:1 markdown c.md (a)\n1:2 image b.png (a)\n1:21 markdown g (d e f)\n1:30 wiki f (f)\n"},
		"none":             {"[[]] [[ ]] [[a]b]] \\[[c]] [[d\ne]] [x] [ ] [[|f]] if [[ -n", ""},
		"brackets":         {"[[a]](b.md) [[[c]]] ![[[d]]]", "1:1 markdown b.md ([a])\n1:14 wiki c (c)\n1:23 wiki d (d)\n"},
		"footnotes":        {"x[^1]\n\n[^1]: word [[a]]\n\n[b](c)\n", "3:12 wiki a (a)\n5:1 markdown c (b)\n"},
		"headings":         {"# A [[b|c]]\n\nD [e](f)\n===\n", "1:5 wiki b (c)\n3:3 markdown f (e)\n"},
	} {
		if got := show(Parse("x.md", c.text).Links); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestHeadings(t *testing.T) {
	t.Parallel()
	p := Parse("x.md", "---\ntitle: x\n---\n# Hello, *World*!\n\n## `mage -l` &amp; «more» \\* [[a|b]]\n\n## Über uns\n## Über uns\nSetext\ntwo\n---\n\n##\n# A_b – c-d <a id=\"own\"></a>\n## With {#its-own}\n")
	want := []Heading{
		{Text: "Hello, World!", Anchor: "hello-world", Level: 1, Line: 4}, {Text: "mage -l & «more» * b", Anchor: "mage--l--more--b", Level: 2, Line: 6},
		{Text: "Über uns", Anchor: "über-uns", Level: 2, Line: 8}, {Text: "Über uns", Anchor: "über-uns-1", Level: 2, Line: 9},
		{Text: "Setext two", Anchor: "setext-two", Level: 2, Line: 10}, {Level: 2, Line: 14}, {Text: "A_b – c-d", Anchor: "a_b--c-d", Level: 1, Line: 15},
		{Text: "With {#its-own}", Anchor: "with-its-own", Level: 2, Line: 16},
	}
	if fmt.Sprint(p.Headings) != fmt.Sprint(want) {
		t.Errorf("got\n%v\nwant\n%v", p.Headings, want)
	}
	for fragment, want := range map[string]bool{
		"own": true, "its-own": true, "über-uns-1": true, "über-uns-2": false, "Hello, World!": true, "HELLO WORLD": true, "x#Setext two": true, "^id": false,
	} {
		if p.HasAnchor(fragment) != want {
			t.Errorf("HasAnchor(%q) = %v", fragment, !want)
		}
	}
	if p := Parse("x.md", "text ^my-id\n\n^below\r\n"); !p.HasAnchor("^my-id") || !p.HasAnchor("^below") || p.HasAnchor("^id") {
		t.Error("blocks are not found")
	}
}

func TestFront(t *testing.T) {
	t.Parallel()
	p := Parse("x.md", "---\ntitle: x\ntags: [a, b]\naliases: one\n---\nbody\n")
	key, value := p.Front.Get("tags")
	if key.Line != 3 || value.Line != 3 || value.Column != 7 || fmt.Sprint(p.Front.Strings("tags"), p.Front.Strings("aliases"), p.Front.Strings("no")) != "[a b] [one] []" {
		t.Errorf("got %v %v", key, value)
	}
	if p.Text[p.Body:] != "body\n" {
		t.Errorf("body at %d", p.Body)
	}
	for text, want := range map[string]string{
		"---\ntitle: x\n":               "line 1: the frontmatter has no closing line ---",
		"---":                           "line 1: the frontmatter has no closing line ---",
		"---\n- a\n---\n":               "line 2: the frontmatter is not a mapping of keys to values",
		"---\na: b\nc: [\n---\n":        "line 3: the frontmatter is not YAML: did not find expected node content",
		"---\na: b\n\tc: d\n---\n":      "line 3: the frontmatter is not YAML: found a tab character that violates indentation",
		"---\na: &x [*x]\nb: *y\n---\n": "line 2: the frontmatter is not YAML: unknown anchor 'y' referenced",
	} {
		if front := Parse("x.md", text).Front; front == nil || front.Err == nil || front.Err.Error() != want {
			t.Errorf("%q: got %v", text, front.Err)
		}
	}
	for _, text := range []string{"---\n---\n", "---\n# x\n---", "---  \r\na: b\r\n---\r\n"} {
		if front := Parse("x.md", text).Front; front == nil || front.Err != nil {
			t.Errorf("%q: got %v", text, front)
		}
	}
	for _, text := range []string{"", "\n---\na: b\n---\n", "----\n", "--- x\n"} {
		if front := Parse("x.md", text).Front; front != nil {
			t.Errorf("%q: got %v", text, front)
		}
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("é\tx🙂\r\n", 300) + strings.Repeat("üa", 1000) + "\n"
	p := Parse("x.md", text)
	for offset := range len(text) + 2 {
		if offset < len(text) && text[offset]&0xc0 == 0x80 {
			continue
		}
		line, column := p.Position(offset)
		if l, c := validate.Position(text, offset); l != line || c != column {
			t.Fatalf("%d is %d:%d, want %d:%d", offset, line, column, l, c)
		}
	}
}

// TestHostile checks that hostile pages end without a panic. Benchmarks measure the time.
func TestHostile(t *testing.T) {
	t.Parallel()
	const size = 1 << 14
	for _, unit := range []string{
		"[", "[[", "![[", "[[a", "]]", "[[a]]", "[a](", "[a](b)", "![", "$", "$a", "$$", "$$\n", "`", "a`b``", ">", "> ", "- ", "* a\n  ", "1. ", "<!--", "<a ", "<", "*a", "**a_", "~", "|", "|a|b\n", "a|b\n-|-\n",
		"# x\n", "[^a]", "[^a]: b\n", "[a]: b\n", "&", "\\", "\t", "\n", " ", "\x00", "\r", "> - ", "[[a|", "é", "```\n", "[a][b]", "(", "^a\n", "---\n", "<a id=x>", "https://a", "a.b@c", "[^a]: > ", "[^a]: [^b]: ",
	} {
		text := strings.Repeat(unit, size/len(unit)+1)
		Parse("x.md", text)
	}
}
