package docs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository's, from this package's folder.
const root = "../../.."

// page is a Markdown file.
type page struct {
	path string // slash path from the repository's root
	text string
}

// name is what a wiki link calls the page.
func (p page) name() string { return strings.TrimSuffix(path.Base(p.path), ".md") }

// section is what stands between a heading, given whole, and the next of the same level or a higher one.
func (p page) section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(p.text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s: there is no section %q", p.path, heading)
	}
	level := strings.Index(heading, " ")
	next := regexp.MustCompile(`(?m)^#{1,` + string(rune('0'+level)) + `} `)
	if at := next.FindStringIndex(rest); at != nil {
		return rest[:at[0]]
	}
	return rest
}

// pages are those of docs. Changelog fragments are no pages.
func pages(t *testing.T) []page {
	t.Helper()
	var found []page
	files := os.DirFS(root)
	err := fs.WalkDir(files, "docs", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "docs/changelog.d":
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".md":
			return nil
		}
		text, err := fs.ReadFile(files, name)
		found = append(found, page{name, string(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 5 {
		t.Fatalf("only %d pages were found", len(found))
	}
	return found
}

// read is one page, by its path from the root.
func read(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return page{name, string(text)}
}

var wikiLink = regexp.MustCompile(`\[\[([^\]|#]*)(#[^\]|]*)?(\|[^\]]*)?\]\]`)

func TestWikiLinksResolve(t *testing.T) {
	all := pages(t)
	known := map[string]string{}
	for _, p := range all {
		if other, taken := known[p.name()]; taken {
			t.Errorf("%s and %s have the same name, which a wiki link cannot tell apart", other, p.path)
		}
		known[p.name()] = p.path
	}
	links := 0
	for _, p := range all {
		for _, m := range wikiLink.FindAllStringSubmatch(p.text, -1) {
			links++
			if _, ok := known[m[1]]; !ok {
				t.Errorf("%s: %s leads to no page (names without folder and .md)", p.path, m[0])
			}
		}
	}
	if links == 0 {
		t.Error("no wiki link was found")
	}
}

func TestEveryPageIsInTheIndex(t *testing.T) {
	index := read(t, "docs/index.md")
	linked := map[string]bool{}
	for _, m := range wikiLink.FindAllStringSubmatch(index.text, -1) {
		linked[m[1]] = true
	}
	for _, p := range pages(t) {
		if p.path != index.path && !linked[p.name()] {
			t.Errorf("%s is not linked from %s", p.path, index.path)
		}
	}
}

var modified = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

func TestFrontmatter(t *testing.T) {
	for _, p := range pages(t) {
		matter := frontmatter(p.text)
		for _, key := range []string{"title", "tags", "modified"} {
			if matter[key] == "" {
				t.Errorf("%s: the frontmatter has no %s", p.path, key)
			}
		}
		if !modified.MatchString(matter["modified"]) {
			t.Errorf("%s: modified is %q, expected a date as in 2026-11-21", p.path, matter["modified"])
		}
		if heading := "\n# " + matter["title"] + "\n"; !strings.Contains(p.text, heading) {
			t.Errorf("%s: the heading is not the title %q", p.path, matter["title"])
		}
	}
}

// frontmatter reads «key: value» between two lines of dashes at the start.
func frontmatter(text string) map[string]string {
	matter := map[string]string{}
	rest, ok := strings.CutPrefix(text, "---\n")
	if !ok {
		return matter
	}
	head, _, _ := strings.Cut(rest, "\n---\n")
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(line, ":")
		matter[key] = strings.TrimSpace(value)
	}
	return matter
}

// README's links are those of any Markdown; the pages name files in backticks.
var (
	markdownLink = regexp.MustCompile(`\]\(([^)#]+)\)`)
	filePath     = regexp.MustCompile("`((?:magefiles|containers|docs|\\.ci)/[A-Za-z0-9_./-]+)`")
)

// placeholders are paths that the reader makes.
var placeholders = []string{"containers/NAME", "containers/greeter"}

func TestNamedFilesExist(t *testing.T) {
	readme := read(t, "README.md")
	named := map[string][]string{}
	for _, m := range markdownLink.FindAllStringSubmatch(readme.text, -1) {
		if !strings.Contains(m[1], "://") {
			named[m[1]] = append(named[m[1]], readme.path)
		}
	}
	for _, p := range append(pages(t), readme) {
		for _, m := range filePath.FindAllStringSubmatch(p.text, -1) {
			named[m[1]] = append(named[m[1]], p.path)
		}
	}
	if len(named) < 10 {
		t.Fatalf("only %d files are named", len(named))
	}
	for name, where := range named {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(name))); err != nil && !slices.Contains(placeholders, name) {
			t.Errorf("%s: %s does not exist", strings.Join(slices.Compact(where), ", "), name)
		}
	}
}
