package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// A tag python-NAME-vX.Y.Z names a package; vX.Y.Z is one of the only package, if no docs are released.
func TestPackageTag(t *testing.T) {
	const project = "[project]\nname = \"%\"\nversion = \"1.0\"\n"
	for name, c := range map[string]struct {
		files   []string // folders of projects, and containers
		docs    string
		ref     string
		name    string
		version string
		says    string
	}{
		"by its name":    {[]string{"a", "b"}, "docs.yaml", "refs/tags/python-a-v1.0.0", "a", "v1.0.0", ""},
		"a container":    {[]string{"a", "containers/python-a"}, "", "python-a-v1.0.0", "", "", ""},
		"a broken one":   {[]string{"b", "containers/python-b"}, "", "python-b-v1.0.0", "", "", ""},
		"the only one":   {[]string{"a"}, "", "refs/tags/v1.0.0", "a", "v1.0.0", ""},
		"a preview":      {[]string{"a"}, "", "v1.0.0-rc.1", "a", "v1.0.0-rc.1", ""},
		"docs":           {[]string{"a"}, "docs.yaml", "v1.0.0", "", "", ""},
		"several":        {[]string{"a", "b"}, "", "v1.0.0", "", "", ""},
		"none":           {nil, "", "v1.0.0", "", "", ""},
		"one is invalid": {[]string{"a", "broken"}, "", "v1.0.0", "", "", "broken/pyproject.toml: "},
		"not a version":  {[]string{"a"}, "", "v1", "", "", ""},
	} {
		root := t.TempDir()
		for _, dir := range c.files {
			file, text := "pyproject.toml", strings.ReplaceAll(project, "%", filepath.Base(dir))
			switch {
			case dir == "broken":
				text = "[project]\n"
			case dir == "containers/python-b":
				file, text = "Dockerfile", "# blumeops:platforms nonsense\nFROM scratch\n"
			case strings.HasPrefix(dir, "containers/"):
				file, text = "Dockerfile", "ARG CONTAINER_APP_VERSION=1.0.0\nFROM scratch\n"
			}
			if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		files, err := os.OpenRoot(root)
		if err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		a := &App{
			Settings: settings.Settings{Packages: ".", DocsManifest: c.docs}, files: files,
			console: console.New(console.Options{Stdout: &said, Stderr: &said, Env: func(string) string { return "" }}),
		}
		got, version, ok := a.packageTag(c.ref)
		if ok != (c.name != "") || ok && (got != c.name || version != c.version) || !strings.Contains(said.String(), c.says) || c.says == "" && said.Len() > 0 {
			t.Errorf("%s: %q %q %t, %s", name, got, version, ok, &said)
		}
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	}
}
