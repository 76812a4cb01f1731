package docschangelog_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docschangelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

const (
	newsConfig = "[tool.towncrier]\nfilename = \"CHANGELOG.md\"\ndirectory = \"news\"\ntitle_format = \"## {version} of {project_date}\"\nissue_format = \"\"\n"
	newsHead   = "# Changelog\n\n<!-- towncrier release notes start -->\n"
)

// newsTree is a working tree with two fragments and the given files.
func newsTree(t *testing.T, files map[string]string) (docschangelog.Changelog, string) {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"towncrier.toml": newsConfig, "CHANGELOG.md": newsHead, "news/1.feature.md": "One.\n", "news/+two.doc.md": "Two.\n", "news/.gitkeep": ""}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	zone := time.FixedZone("east", 2*60*60)
	return docschangelog.Changelog{Root: root, Zone: zone, Now: func() time.Time { return time.Date(2026, 3, 7, 23, 0, 0, 0, time.UTC) }}, dir
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func content(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const newsSection = "## v1.0.0 of 2026-03-08\n\n### Features\n\n- One.\n\n### Improved Documentation\n\n- Two.\n"

func TestChangelogIsWritten(t *testing.T) {
	c, dir := newsTree(t, nil)
	got, err := c.Run(t.Context(), tasks.ChangelogArgs{Version: "v1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != "CHANGELOG.md v1.0.0 2026-03-08" || got.Status != docschangelog.StatusWritten {
		t.Errorf("%+v", got)
	}
	if text := content(t, dir, "CHANGELOG.md"); text != newsHead+"\n"+newsSection {
		t.Errorf("%q", text)
	}
	if left := names(t, dir); !slices.Equal(left, []string{"CHANGELOG.md", "news/.gitkeep", "towncrier.toml"}) {
		t.Errorf("left are %v", left)
	}
	if info, err := os.Stat(filepath.Join(dir, "CHANGELOG.md")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v; want the mode that it had", info, err)
	}
	again, err := c.Run(t.Context(), tasks.ChangelogArgs{Version: "1.0.0"})
	if err != nil || again.Status != step.StatusUnchanged || again.String() != got.String() {
		t.Errorf("the second time: %+v, %v", again, err)
	}
}

func TestChangelogDraftWritesNothing(t *testing.T) {
	c, dir := newsTree(t, nil)
	got, err := c.Draft(tasks.ChangelogArgs{Version: "v1.0.0", Date: "2026-03-08"})
	if err != nil || got.String()+"\n" != newsSection || got.Status != docschangelog.StatusDraft {
		t.Errorf("%+v, %v", got, err)
	}
	if text := content(t, dir, "CHANGELOG.md"); text != newsHead || len(names(t, dir)) != 5 {
		t.Errorf("%q, %v", text, names(t, dir))
	}
	var read map[string]any
	text, err := json.Marshal(got)
	if err != nil || json.Unmarshal(text, &read) != nil || read["status"] != "draft" || len(read["fragments"].([]any)) != 2 {
		t.Errorf("%s, %v", text, err)
	}
}

// A run ends after it has written the changelog, or before the new changelog replaced the old one.
func TestChangelogIsFinished(t *testing.T) {
	c, dir := newsTree(t, map[string]string{"CHANGELOG.md": newsHead + "\n" + newsSection, ".CHANGELOG.md.new": "half"})
	if err := os.Remove(filepath.Join(dir, "news", "1.feature.md")); err != nil {
		t.Fatal(err)
	}
	got, err := c.Run(t.Context(), tasks.ChangelogArgs{Version: "v1.0.0"})
	if err != nil || got.Status != docschangelog.StatusFinished || len(got.Fragments) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if left := names(t, dir); !slices.Equal(left, []string{"CHANGELOG.md", "news/.gitkeep", "towncrier.toml"}) || content(t, dir, "CHANGELOG.md") != newsHead+"\n"+newsSection {
		t.Errorf("left are %v, %q", left, content(t, dir, "CHANGELOG.md"))
	}

	c, dir = newsTree(t, map[string]string{".CHANGELOG.md.new": "half"})
	if _, err := c.Run(t.Context(), tasks.ChangelogArgs{Version: "v1.0.0"}); err != nil {
		t.Fatal(err)
	}
	if left := names(t, dir); slices.Contains(left, ".CHANGELOG.md.new") || content(t, dir, "CHANGELOG.md") != newsHead+"\n"+newsSection {
		t.Errorf("left are %v, %q", left, content(t, dir, "CHANGELOG.md"))
	}
}

func TestChangelogBehindALink(t *testing.T) {
	c, dir := newsTree(t, map[string]string{"docs/NEWS.md": newsHead})
	link := filepath.Join(dir, "CHANGELOG.md")
	if err := errors.Join(os.Remove(link), os.Symlink("docs/NEWS.md", link)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Run(t.Context(), tasks.ChangelogArgs{Version: "v1.0.0"}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 || content(t, dir, "docs/NEWS.md") != newsHead+"\n"+newsSection {
		t.Errorf("%v, %v, %q", info, err, content(t, dir, "docs/NEWS.md"))
	}
}

func TestChangelogRefuses(t *testing.T) {
	for _, args := range []tasks.ChangelogArgs{{Version: "dev"}, {Version: "1.0"}, {Version: ""}, {Version: "-draft"}, {Version: "vv1.0.0"}} {
		c, _ := newsTree(t, nil)
		var wrong *image.InvalidError
		if _, err := c.Run(t.Context(), args); !errors.As(err, &wrong) {
			t.Errorf("%+v: error %v", args, err)
		}
	}
	c, dir := newsTree(t, map[string]string{"news/sub/3.doc.md": "Three."})
	var lost *changelog.FragmentsError
	if _, err := c.Run(t.Context(), tasks.ChangelogArgs{Version: "v1.0.0"}); !errors.As(err, &lost) || content(t, dir, "CHANGELOG.md") != newsHead || len(names(t, dir)) != 6 {
		t.Errorf("error %v", err)
	}
	c, _ = newsTree(t, nil)
	if _, err := c.Run(t.Context(), tasks.ChangelogArgs{Version: "v1.0.0", Date: "08.03.2026"}); err == nil || !strings.Contains(err.Error(), "YEAR-MONTH-DAY") {
		t.Errorf("error %v", err)
	}
}

func TestChangelogWarns(t *testing.T) {
	c, _ := newsTree(t, map[string]string{"CHANGELOG.md": "# Changelog\n"})
	var said []string
	c.Warn = func(text string) { said = append(said, text) }
	if _, err := c.Run(t.Context(), tasks.ChangelogArgs{Version: "v1.0.0"}); err != nil || len(said) != 1 || !strings.Contains(said[0], "is at its top") {
		t.Errorf("%v, %q", err, said)
	}
}
