package docsite

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// folder makes a folder with files; a text that begins with "-> " is a link.
func folder(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(file), 0o700))
		if to, link := strings.CutPrefix(text, "-> "); link {
			must(t, os.Symlink(to, file))
			continue
		}
		must(t, os.WriteFile(file, []byte(text), 0o600))
	}
	root, err := os.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return root
}

var packed = time.Date(2026, 3, 8, 12, 0, 0, 123, time.FixedZone("", 60*60))

func TestPack(t *testing.T) {
	long := strings.Repeat("a/very/long/path/", 16) + "Straße.html"
	files := map[string]string{
		"index.html": "home", "b/x.html": "x", "b.html": "b", "a link.html": "-> b/x.html", ".well-known/security.txt": "s", long: "ß", "b/empty": "",
	}
	var one, two bytes.Buffer
	must(t, Pack(folder(t, files), &one, packed, "v1.2.3"))
	again := folder(t, files)
	must(t, again.Chmod("b.html", 0o777)) // and written in another order, at another time
	must(t, Pack(again, &two, packed, "v1.2.3"))
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same site has two archives")
	}
	zip, err := gzip.NewReader(bytes.NewReader(one.Bytes()))
	must(t, err)
	if h := zip.Header; h.Name != "" || !h.ModTime.IsZero() || h.Comment != "" || h.OS != 255 {
		t.Errorf("gzip has %+v", h)
	}
	var names []string
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		mode := map[byte]int64{tar.TypeReg: 0o644, tar.TypeDir: 0o755}[h.Typeflag]
		if h.Mode != mode || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || !h.ModTime.Equal(packed.Truncate(time.Second)) {
			t.Errorf("%s: %+v", h.Name, h)
		}
		names = append(names, h.Name)
	}
	if names[0] != "release.json" || !slices.Contains(names, "b/") || !slices.Contains(names, long) {
		t.Errorf("entries %q", names)
	}
	c, err := Unpack(t.TempDir(), bytes.NewReader(one.Bytes()), MaxUnpacked)
	must(t, err)
	defer c.Close()
	for target, want := range map[string]string{
		"/": "home", "/b/x": "x", "/a%20link": "x", "/" + strings.TrimSuffix(long, ".html"): "ß", "/release.json": "{\"version\":\"v1.2.3\"}\n", "/b/empty": "",
	} {
		if got := get(c, "GET", strings.ReplaceAll(target, "ß", "%C3%9F")); got.Code != 200 || got.Body.String() != want {
			t.Errorf("%s: %d %q, want %q", target, got.Code, got.Body, want)
		}
	}
}

func TestPackWithoutVersion(t *testing.T) {
	var b bytes.Buffer
	must(t, Pack(folder(t, map[string]string{"index.html": "", "release.json": "own"}), &b, packed, ""))
	c, err := Unpack(t.TempDir(), &b, MaxUnpacked)
	must(t, err)
	defer c.Close()
	if got := get(c, "GET", "/release.json").Body.String(); got != "own" {
		t.Errorf("release.json is %q", got)
	}
}

func TestPackRefuses(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(outside, []byte("x"), 0o600))
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"no index":         {map[string]string{"a/index.html": ""}, "index.html: missing at the root"},
		"own release.json": {map[string]string{"release.json": ""}, "release.json: already exists"},
		"absolute link":    {map[string]string{"a": "-> " + outside}, "a: is a link of the built site to a file that is missing or outside"},
		"link up":          {map[string]string{"b/a": "-> ../../secret"}, "b/a: is a link of the built site to a file that is missing or outside"},
		"link to nothing":  {map[string]string{"a": "-> b"}, "missing or outside"},
		"link in a circle": {map[string]string{"a": "-> a"}, "missing or outside"},
		"link to a folder": {map[string]string{"a": "-> b", "b/c": ""}, "whose target is not a file"},
		"line break":       {map[string]string{"a\nb": ""}, `"a\nb": invalid name in the built site: it contains a control character`},
		"backslash":        {map[string]string{`a\b`: ""}, "backslash"},
		"not UTF-8":        {map[string]string{"a\xffb": ""}, "not UTF-8"},
	} {
		if _, ok := c.files["a/index.html"]; !ok {
			c.files["index.html"] = ""
		}
		err := Pack(folder(t, c.files), io.Discard, packed, "v1.2.3")
		var wrong *Error
		if !errors.As(err, &wrong) || wrong.Hint() == "" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
	}
	pipe := folder(t, map[string]string{"index.html": "", "link": "-> pipe"})
	must(t, syscall.Mkfifo(filepath.Join(pipe.Name(), "pipe"), 0o600))
	if err := Pack(pipe, io.Discard, packed, ""); err == nil || !strings.Contains(err.Error(), "whose target is not a file") {
		t.Errorf("a named pipe: %v", err)
	}
	if err := Pack(folder(t, map[string]string{"index.html": "x"}), failing{}, packed, ""); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

var errFull = errors.New("no space left")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestStage(t *testing.T) {
	files := map[string]string{
		"docs/index.md": "# Home\n", "docs/a/b.md": "b", "docs/a/script.sh": "run", "docs/link.md": "-> a/b.md", "docs/quartz.config.ts": "config", "docs/a/quartz.config.ts": "asset",
		"docs/changelog.d/1.doc.md": "x", "docs/a/changelog.d/x.md": "kept", "docs/node_modules/x/index.js": "x", "docs/a/.DS_Store": "x", "docs/skipped/x.md": "x", "outside.md": "x",
	}
	root := folder(t, files)
	must(t, root.Chmod("docs/a/script.sh", 0o700))
	dates := map[string]vcs.Dates{"docs/index.md": {Created: came, Modified: changed}, "docs/a/script.sh": {Created: came, Modified: changed}}
	plan, err := Detect(root.FS(), "docs", Settings{})
	must(t, err)
	to := t.TempDir()
	staged, err := Stage(root.FS(), plan, Pages{Dates: dates, Time: packed, Skip: []string{"docs/skipped"}}, to)
	must(t, err)
	if staged.Base != "" {
		t.Errorf("base %s", staged.Base)
	}
	const b = "---\ncreated: 2026-03-08T11:00:00Z\nmodified: 2026-03-08T11:00:00Z\n---\nb"
	want := map[string]string{
		"content/index.md": "---\ncreated: 2024-05-06T05:08:09Z\nmodified: 2025-06-07T08:09:10Z\n---\n# Home\n", "content/a/b.md": b, "content/a/script.sh": "run",
		"content/link.md": b, "quartz.config.ts": "config", "content/a/quartz.config.ts": "asset", "content/a/changelog.d/x.md": "---\ncreated: 2026-03-08T11:00:00Z\nmodified: 2026-03-08T11:00:00Z\n---\nkept",
	}
	compare(t, staged.Overlay, want)
	if len(staged.Times) != len(want) || !staged.Times["content/index.md"].Equal(changed) || !staged.Times["content/a/b.md"].Equal(packed) || !staged.Times["quartz.config.ts"].Equal(packed) {
		t.Errorf("times %v", staged.Times)
	}
	if info, err := os.Stat(filepath.Join(staged.Overlay, "content", "a", "script.sh")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("a script lost its executable bit: %v, %v", info, err)
	}
}

// compare reads a folder.
func compare(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	must(t, filepath.Walk(dir, func(file string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		name, _ := filepath.Rel(dir, file)
		got[filepath.ToSlash(name)] = string(text)
		return err
	}))
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s holds\n%q\nwant\n%q", dir, got, want)
	}
}

// A page from elsewhere has dates like all pages, and replaces none.
func TestStageOutside(t *testing.T) {
	news := OutsidePage{Path: "pages/NEWS.md", Text: []byte("# News\n"), Dates: vcs.Dates{Created: came, Modified: changed}}
	for name, c := range map[string]struct {
		files map[string]string
		want  string // content/NEWS.md; "" for none
	}{
		"none":           {nil, "---\ncreated: 2024-05-06T05:08:09Z\nmodified: 2025-06-07T08:09:10Z\n---\n# News\n"},
		"in a folder":    {map[string]string{"docs/a/NEWS.md": "own"}, "---\ncreated: 2024-05-06T05:08:09Z\nmodified: 2025-06-07T08:09:10Z\n---\n# News\n"},
		"the same":       {map[string]string{"docs/NEWS.md": "own"}, "---\ncreated: 2026-03-08T11:00:00Z\nmodified: 2026-03-08T11:00:00Z\n---\nown"},
		"in small print": {map[string]string{"docs/news.md": "own"}, ""},
		"another tool":   {map[string]string{"docs/package.json": docusaurus, "docs/package-lock.json": "{}"}, ""},
	} {
		files := map[string]string{"docs/index.md": "x"}
		maps.Copy(files, c.files)
		root := folder(t, files)
		plan, err := Detect(root.FS(), "docs", Settings{})
		must(t, err)
		staged, err := Stage(root.FS(), plan, Pages{Time: packed, Outside: []OutsidePage{news}}, t.TempDir())
		must(t, err)
		got, err := os.ReadFile(filepath.Join(staged.Overlay, "content", "NEWS.md"))
		if string(got) != c.want || errors.Is(err, fs.ErrNotExist) != (c.want == "") {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}

func TestStageNode(t *testing.T) {
	files := map[string]string{
		"docs/package.json": docusaurus, "docs/package-lock.json": "{}", "docs/pages/index.md": "# Home\n", "docs/build/old.html": "x", "docs/changelog.d/1.doc.md": "x",
	}
	root := folder(t, files)
	plan, err := Detect(root.FS(), "docs", Settings{})
	must(t, err)
	staged, err := Stage(root.FS(), plan, Pages{Dates: map[string]vcs.Dates{"docs/pages/index.md": {Created: came, Modified: changed}}}, t.TempDir())
	must(t, err)
	compare(t, staged.Base, map[string]string{"package.json": docusaurus, "package-lock.json": "{}"})
	compare(t, staged.Overlay, map[string]string{"package.json": docusaurus, "package-lock.json": "{}", "pages/index.md": "# Home\n"})
	if len(staged.Times) != 1 || !staged.Times["pages/index.md"].Equal(changed) {
		t.Errorf("times %v", staged.Times)
	}
	plan.Manifests = nil
	staged, err = Stage(root.FS(), plan, Pages{}, t.TempDir())
	must(t, err)
	if staged.Base != staged.Overlay {
		t.Errorf("npm ci needs all, and gets %s", staged.Base)
	}
}

func TestStageRefuses(t *testing.T) {
	for name, c := range map[string]struct{ to, says string }{
		"absolute":         {"/etc/passwd", "docs/link.md: is a link to /etc/passwd, which is outside docs"},
		"beside":           {"../secret.md", "docs/link.md: is a link to ../secret.md, which is outside docs"},
		"far":              {"../../../etc/passwd", "outside docs"},
		"like the docs":    {"../docs2/a.md", "outside docs"},
		"through a folder": {"a/../../secret.md", "outside docs"},
		"nowhere":          {"missing.md", "which cannot be read"},
		"itself":           {"link.md", "which cannot be read"},
		"folder":           {"a", "which is not a file"},
	} {
		root := folder(t, map[string]string{"docs/index.md": "x", "docs/a/b.md": "x", "docs2/a.md": "x", "secret.md": "x", "docs/link.md": "-> " + c.to})
		plan, err := Detect(root.FS(), "docs", Settings{})
		must(t, err)
		_, err = Stage(root.FS(), plan, Pages{}, t.TempDir())
		var wrong *Error
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
	}
	pipe := folder(t, map[string]string{"docs/index.md": ""})
	must(t, syscall.Mkfifo(filepath.Join(pipe.Name(), "docs", "pipe"), 0o600))
	plan, err := Detect(pipe.FS(), "docs", Settings{})
	must(t, err)
	if _, err := Stage(pipe.FS(), plan, Pages{}, t.TempDir()); err == nil || !strings.Contains(err.Error(), "docs/pipe: is neither") {
		t.Errorf("a named pipe: %v", err)
	}
}
