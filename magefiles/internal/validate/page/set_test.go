package page_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

func tree(texts map[string]string) *validate.Tree {
	fsys, files := fstest.MapFS{}, []string{}
	for name, text := range texts {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		files = append(files, name)
	}
	return validate.NewTree(fsys, files)
}

func paths(pages []*page.Page) string {
	var all []string
	for _, p := range pages {
		all = append(all, p.Path)
	}
	return strings.Join(all, " ")
}

func TestAll(t *testing.T) {
	t.Parallel()
	repository := tree(map[string]string{
		"README.md": "x", "docs/a.md": "x", "docs/b/a.md": "x", "docs/b/c.txt": "x", "docs/changelog.d/1.doc.md": "x", "docs/testdata/x.md": "x", "testdata/x.md": "x",
		"news/1.doc.md": "x", "docs/binary.md": "\x00", "docs/latin1.md": "\xe9",
		"towncrier.toml": "[tool.towncrier]\ndirectory = \"news\"\nfilename = \"CHANGELOG.md\"\n",
	})
	set := page.All(repository)
	if got := paths(set.Pages); got != "README.md docs/a.md docs/b/a.md" || set.Err != nil {
		t.Errorf("got %s, %v", got, set.Err)
	}
	if got := paths(set.Named("a")); got != "docs/a.md docs/b/a.md" || set.Page("docs/a.md") == nil || set.Page("docs/b/c.txt") != nil {
		t.Errorf("got %s", got)
	}
	if page.All(repository) != set {
		t.Error("the pages are parsed twice")
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	book := page.Open(tree(map[string]string{
		"README.md": "[a](docs/a.md) [a](docs/a) [d](docs) [o](../x) [s](ssh:x) [q](?x)", "CHANGELOG.md": "x", "docs/a.md": "x", "docs/x/index.md": "[a](../a) [[x]] [[a.md]] [[CHANGELOG]] [[README]] [[f.png]] [[f.pdf]] [a](/a.md) [x](.)",
		"docs/x/f.png": "x",
	}), "docs")
	for from, want := range map[string]string{
		"README.md":       "docs/a.md true; docs/a false; docs true; ../x false; elsewhere; README.md true",
		"docs/x/index.md": "docs/a.md true; docs/x/index.md true; docs/a.md true; CHANGELOG.md true;  false; docs/x/f.png true;  false; docs/a.md true; docs/x/index.md true",
	} {
		p, got := book.Page(from), []string{}
		for _, l := range p.Links {
			goal := book.Follow(p, l)
			switch to := goal.Page(); {
			case goal.Elsewhere:
				got = append(got, "elsewhere")
			case to != nil:
				got = append(got, fmt.Sprint(to.Path, " ", goal.There))
			default:
				got = append(got, fmt.Sprint(goal.Path, " ", goal.There))
			}
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s: got\n%s\nwant\n%s", from, strings.Join(got, "; "), want)
		}
	}
	if book := page.Open(tree(map[string]string{"docs/a.md": "x"}), ""); len(book.Docs) != 0 || book.Holds(book.Page("docs/a.md")) {
		t.Error("there are docs without a folder")
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"uninstall", "install", "zot", "first-container", "Über uns", strings.Repeat("x", 200)}
	for name, want := range map[string]string{"instal": "install", "Install": "install", "first container": "first-container", "zzz": "", "über un": "Über uns", "": "", strings.Repeat("x", 199): ""} {
		if got := page.NewNames(names).Nearest(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// pages are n pages, of 5 KB and with ten links each.
func pages(n int) *validate.Tree {
	texts := map[string]string{}
	for i := range n {
		var b strings.Builder
		fmt.Fprintf(&b, "---\ntitle: Page %d\ntags: [a, b]\nmodified: 2026-01-02\n---\n\n# Page %d\n\n| a | b |\n|---|---|\n| [[page-%d\\|text]] | `code` |\n\n", i, i, (i+1)%n)
		for j := range 9 {
			fmt.Fprintf(&b, "## Section %d\n\n%s See [[page-%d#section-%d|there]].\n\n```sh\n%s\n```\n\n- one *two*\n- three `four`\n\n", j, strings.Repeat("Words of a *page* that `someone` wrote. ", 7), (i*7+j)%n, j, strings.Repeat("command --flag\n", 8))
		}
		texts[fmt.Sprintf("docs/how-to/page-%d.md", i)] = b.String()
	}
	return tree(texts)
}

func BenchmarkAll(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				repository := pages(n)
				b.StartTimer()
				if set := page.All(repository); len(set.Pages) != n || set.Err != nil {
					b.Fatal(len(set.Pages), set.Err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text, _ := pages(1).Text("docs/how-to/page-0.md")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		page.Parse("x.md", text)
	}
}
