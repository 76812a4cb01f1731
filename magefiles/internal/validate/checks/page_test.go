package checks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/report"
)

var modified = regexp.MustCompile(`(?m)^modified: (\d{4}-\d{2}-\d{2})$`)

// TestPage compares docs/reference/checks.md with the checks. With -update it writes the page, and dates it if it says something else then.
func TestPage(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "..", "..", "docs", "reference", "checks.md")
	there, err := os.ReadFile(name)
	if err != nil && !(*update && errors.Is(err, fs.ErrNotExist)) {
		t.Fatal(err)
	}
	date := time.Now().UTC().Format(time.DateOnly)
	if found := modified.FindSubmatch(there); found != nil {
		if same := report.Page(All(), string(found[1])); same == string(there) {
			return
		}
	}
	if !*update {
		t.Fatalf("%s does not say what the checks do now; want go test ./magefiles/internal/validate/checks -run TestPage -update", name)
	}
	if err := os.WriteFile(name, []byte(report.Page(All(), date)), 0o644); err != nil {
		t.Fatal(err)
	}
}
