package image

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

// tree writes files, and symbolic links ("-> target"), below a new folder, and opens it as the
// program does: as a root that no path leaves.
func tree(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

var repository = map[string]string{
	"containers/devpi/Dockerfile":      "# blumeops:platforms linux/amd64\nARG CONTAINER_APP_VERSION=6.15.0\nFROM python:3.12-slim\n",
	"containers/devpi/main.go":         "package main\n",
	"containers/nettest/main.go":       "// Command nettest.\n//\n//blumeops:version 0.1.0\n//blumeops:base registry.example/base:1\npackage main\n",
	"containers/nettest/main_test.go":  "package main\n",
	"containers/nettest/gen.go":        "//go:build ignore\n\npackage main\n//blumeops:version 9\n",
	"containers/library/lib.go":        "package library\n",
	"containers/generator/gen.go":      "//go:build ignore\n\npackage main\n",
	"containers/nix-only/default.nix":  "{}",
	"containers/.hidden/Dockerfile":    "FROM scratch\n",
	"containers/README.md":             "text",
	"containers/quartz/Dockerfile":     "FROM scratch\n",
	"containers/quartz/deep/ly/x.html": "x",
}

func TestFind(t *testing.T) {
	found, err := Find(tree(t, repository).FS())
	if err != nil {
		t.Fatal(err)
	}
	want := []Container{
		{Name: "devpi", Kind: KindDockerfile, Dir: "containers/devpi", Version: "6.15.0", Platforms: []Platform{{"linux", "amd64", ""}},
			VersionAt: Position{"containers/devpi/Dockerfile", 2, 27}},
		{Name: "nettest", Kind: KindGo, Dir: "containers/nettest", Version: "0.1.0", Base: "registry.example/base:1",
			VersionAt: Position{"containers/nettest/main.go", 3, 20}, BaseAt: Position{"containers/nettest/main.go", 4, 17}},
		{Name: "quartz", Kind: KindDockerfile, Dir: "containers/quartz"},
	}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("found\n%+v\nwant\n%+v", found, want)
	}
}

func TestFindWithoutContainers(t *testing.T) {
	if found, err := Find(fstest.MapFS{}); err != nil || len(found) != 0 {
		t.Errorf("got %v, %v; want none", found, err)
	}
}

func TestFaultyContainersDoNotHideTheOthers(t *testing.T) {
	root := tree(t, map[string]string{
		"containers/good/Dockerfile":  "FROM scratch\n",
		"containers/Upper/Dockerfile": "FROM scratch\n",
		"containers/typo/Dockerfile":  "# blumeops:platfroms linux/amd64\nFROM scratch\n",
		"containers/arm/main.go":      "//blumeops:platforms arm\npackage main\n",
		"containers/line/a\nb.go":     "//blumeops:platforms arm\npackage main\n",
		"containers/out":              "-> ../../elsewhere",
		"containers/abs":              "-> /etc",
		"containers/in":               "-> good",
		"containers/file/Dockerfile":  "-> /etc/passwd",
	})
	found, err := Find(root.FS())
	if len(found) != 1 || found[0].Name != "good" {
		t.Errorf("found %v; want good alone", found)
	}
	for _, want := range []string{
		`containers/Upper: container name "Upper": has upper case letters`,
		"containers/typo: Dockerfile:1:1: blumeops:platfroms is unknown",
		`containers/arm: main.go:1:1: platform "arm"`,
		`containers/line: "a\nb.go":1:1: platform "arm"`,
		"containers/out: out is a symbolic link to ../../elsewhere, outside of the repository",
		"containers/abs: abs is a symbolic link to /etc, outside of the repository",
		"containers/in: in is a symbolic link to good; put the real files there",
		"containers/file: Dockerfile is a symbolic link to /etc/passwd, outside of the repository",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\nwant it to say %q", err, want)
		}
	}
	if _, err := Lookup(root.FS(), "good"); err != nil {
		t.Errorf("the good container cannot be used: %v", err)
	}
	var fault *ContainerError
	if _, err := Lookup(root.FS(), "out"); !errors.As(err, &fault) || fault.Dir != "containers/out" {
		t.Errorf("Lookup of a link out of the tree: %v; want a *ContainerError", err)
	}
}

// A statement of a Dockerfile is a comment or an ARG as BuildKit parses it.
func TestDockerfileStatements(t *testing.T) {
	for name, c := range map[string]struct{ text, version, platforms string }{
		"heredoc":           {"FROM scratch\nCOPY <<EOF /template/Dockerfile\n# blumeops:platforms linux/s390x\nARG CONTAINER_APP_VERSION=6.6\nEOF\n", "", ""},
		"heredocs":          {"FROM a\nRUN <<-A cat <<B\n# blumeops:platforms linux/s390x\n\tA\n# blumeops:platforms linux/386\nB\n# blumeops:platforms linux/amd64\n", "", "linux/amd64"},
		"heredoc, ONBUILD":  {"FROM a\nONBUILD RUN <<A\n# blumeops:platforms linux/s390x\nA\nARG CONTAINER_APP_VERSION=2\n", "2", ""},
		"no heredoc":        {"FROM a\nENV A=<<EOF\nARG CONTAINER_APP_VERSION=3\n", "3", ""},
		"several":           {"ARG A=1 CONTAINER_APP_VERSION=1.2.3\nFROM scratch\n", "1.2.3", ""},
		"continued":         {"ARG \\\n  # a comment\n  CONTAINER_APP_VERSION=1.2.3\nFROM scratch\n", "1.2.3", ""},
		"another escape":    {"# escape=`\nARG `\n CONTAINER_APP_VERSION=1.2.3\nFROM scratch\n", "1.2.3", ""},
		"lower case":        {"ARG container_app_version=1.2.3\nFROM scratch\n", "", ""},
		"another keyword":   {"arg CONTAINER_APP_VERSION=1.2.3\nFROM scratch\n", "1.2.3", ""},
		"quoted":            {"ARG CONTAINER_APP_VERSION='1.2'\".3\"\r\nFROM scratch\r\n", "1.2.3", ""},
		"a variable":        {"ARG CONTAINER_APP_VERSION=\"${V}\"\nFROM scratch\n", "${V}", ""},
		"the first":         {"FROM a\nARG CONTAINER_APP_VERSION\nARG CONTAINER_APP_VERSION=1\nARG CONTAINER_APP_VERSION=2\n", "1", ""},
		"in a RUN":          {"FROM a\nRUN echo \\\n# blumeops:platforms linux/arm64\nARG CONTAINER_APP_VERSION=1\n", "", "linux/arm64"},
		"byte order mark":   {"\ufeff# blumeops:platforms linux/arm64\nFROM a\n", "", "linux/arm64"},
		"unknown keyword":   {"FRM a\nARG CONTAINER_APP_VERSION=1\n", "1", ""},
		"another frontend":  {"# syntax=example.org/bake\n# blumeops:platforms linux/arm64\n", "", "linux/arm64"},
		"nothing to build":  {"# blumeops:platforms linux/arm64\n", "", "linux/arm64"},
		"directives above":  {"# syntax=docker/dockerfile:1\n# check=error=true\n# blumeops:platforms linux/arm64\nARG CONTAINER_APP_VERSION=1\nFROM a\n", "1", "linux/arm64"},
		"linter's comments": {"FROM a\n\n# check=skip=all\nARG CONTAINER_APP_VERSION=1\n", "1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Lookup(fstest.MapFS{"containers/x/Dockerfile": {Data: []byte(c.text)}}, "x")
			if err != nil || got.Version != c.version || JoinPlatforms(got.Platforms) != c.platforms {
				t.Errorf("version %q, platforms %v, %v", got.Version, got.Platforms, err)
			}
		})
	}
	_, err := Lookup(fstest.MapFS{"containers/x/Dockerfile": {Data: []byte("FROM a\nRUN <<EOF\n")}}, "x")
	var stated *StatementError
	if !errors.As(err, &stated) || err.Error() != "containers/x: Dockerfile:2:1: unterminated heredoc" {
		t.Errorf("a file that does not parse: %v", err)
	}
}

func TestLookup(t *testing.T) {
	fsys := tree(t, repository).FS()
	if c, err := Lookup(fsys, "nettest"); err != nil || c.Kind != KindGo {
		t.Errorf("got %+v, %v; want nettest", c, err)
	}
	_, err := Lookup(fsys, "netest")
	var unknown *UnknownError
	if !errors.As(err, &unknown) {
		t.Fatalf("error %v; want an *UnknownError", err)
	}
	if want := `unknown container "netest"; did you mean nettest? (known: devpi, nettest, quartz)`; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	var other *OtherKindError
	want := "containers/nix-only: has a default.nix, so it is built with Nix; these targets build only folders with a Dockerfile or a Go main package"
	if _, err := Lookup(fsys, "nix-only"); err == nil || err.Error() != want || !errors.As(err, &other) || other.Hint() == "" {
		t.Errorf("a folder that Nix builds: %v", err)
	}
	empty := fstest.MapFS{"containers/notes/README.md": {}, "containers/notes/default.nix/a": {}}
	if _, err := Lookup(empty, "notes"); err == nil || !strings.Contains(err.Error(), "neither a Dockerfile nor a Go main package") {
		t.Errorf("a folder without an image: %v", err)
	}
	if _, err := Lookup(fstest.MapFS{}, "nettest"); err == nil || !strings.Contains(err.Error(), "no container in the folder containers/") {
		t.Errorf("no containers at all: %v", err)
	}
}

func TestFindOthers(t *testing.T) {
	fsys := fstest.MapFS{
		"containers/a/default.nix": {}, "containers/b/flake.nix": {}, "containers/c/Containerfile": {}, "containers/d/apko.yaml": {},
		"containers/e/default.nix": {}, "containers/e/Dockerfile": {Data: []byte("FROM scratch\n")}, "containers/f/README.md": {}, "containers/.g/default.nix": {}, "containers/default.nix": {},
		"containers/h/default.nix": {}, "containers/h/main.go": {Data: []byte("package main\n")}, "containers/i/nix/default.nix": {},
	}
	var got []string
	for _, c := range FindOthers(fsys) {
		got = append(got, string(c.Name)+" "+string(c.Kind)+" "+c.Dir)
	}
	if got, want := strings.Join(got, ", "), "a nix containers/a, b nix containers/b, c containerfile containers/c, d apko containers/d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if found, err := Find(fsys); err != nil || len(found) != 2 {
		t.Errorf("%+v, %v", found, err)
	}
	if got := FindOthers(fstest.MapFS{}); got != nil {
		t.Error(got)
	}
}

func FuzzDockerfileStatements(f *testing.F) {
	f.Add("ARG CONTAINER_APP_VERSION=1.2.3\n")
	f.Add("# blumeops:platforms linux/amd64,linux/arm\n")
	f.Add("arg container_app_version=\"7\" \r\n# blumeops:base x")
	f.Add("FROM a\nRUN <<-A cat <<B\n# blumeops:platforms linux/s390x\n\tA\nB\nARG \\\n CONTAINER_APP_VERSION=${A:-'b'}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Lookup(fstest.MapFS{"containers/x/Dockerfile": {Data: []byte(text)}}, "x")
		if err == nil && (c.Kind != KindDockerfile || strings.Contains(c.Version, "\n") || (c.Version != "") != (c.VersionAt.Line > 0)) {
			t.Errorf("read %+v", c)
		}
	})
}

func FuzzGoStatements(f *testing.F) {
	f.Add("//blumeops:version 1\npackage main")
	f.Add("//go:build ignore\n\npackage main")
	f.Add("package main\x00//blumeops:platforms arm")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Lookup(fstest.MapFS{"containers/x/main.go": {Data: []byte(text)}}, "x")
		if err == nil && c.Kind != KindGo {
			t.Errorf("read %+v", c)
		}
	})
}
