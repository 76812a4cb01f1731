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

// root is the path from this package's folder to the repository's root.
const root = "../../.."

// page is a Markdown file.
type page struct {
	path string // slash path from the repository's root
	text string
}

// section is the text between a heading, given in full, and the next one of the same or a higher level.
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

// pages are the pages of docs, without changelog fragments.
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

// read reads one page, by its path from the root.
func read(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return page{name, string(text)}
}

// README.md and CONTRIBUTING.md have Markdown links; the pages name files in backticks.
var (
	markdownLink = regexp.MustCompile(`\]\(([^)#]+)\)`)
	filePath     = regexp.MustCompile("`((?:magefiles|containers|docs|\\.ci)/[A-Za-z0-9_./-]+)`")
)

// placeholders are paths that the reader creates.
var placeholders = []string{
	"containers/NAME", "containers/greeter",
	"magefiles/internal/validate/checks/todo.go", "magefiles/internal/validate/checks/testdata/todo", "magefiles/internal/lab/greeter.go",
}

func TestNamedFilesExist(t *testing.T) {
	atRoot := []page{read(t, "README.md"), read(t, "CONTRIBUTING.md")}
	named := map[string][]string{}
	for _, p := range atRoot {
		for _, m := range markdownLink.FindAllStringSubmatch(p.text, -1) {
			if !strings.Contains(m[1], "://") {
				named[m[1]] = append(named[m[1]], p.path)
			}
		}
	}
	for _, p := range append(pages(t), atRoot...) {
		if p.path == "docs/reference/checks.md" {
			continue // it is generated from the checks, and names rules that look like paths
		}
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
