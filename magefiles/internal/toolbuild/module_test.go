package toolbuild

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

func TestModuleDirIsTheFolderOfTheModule(t *testing.T) {
	b, log := newBuilder(t)
	dir, err := b.ModuleDir(t.Context(), hello(), "example.org/lib")
	if want := filepath.Join(b.Sources, "hello", "lib"); err != nil || dir != want {
		t.Errorf("got %q, %v, want %q", dir, err, want)
	}
	if len(log.all) > 0 {
		t.Errorf("said %q", log.all)
	}
	_, err = b.ModuleDir(t.Context(), hello(), "example.org/other")
	if err == nil || !strings.Contains(err.Error(), "folder of example.org/other, for Hello v1.2.3") {
		t.Errorf("a module that is not required: %v", err)
	}
}

func TestModulesAreDownloaded(t *testing.T) {
	b, log := newBuilder(t)
	publish(t, b, module.Version{Path: "example.org/lib", Version: "v1.2.3"})
	dir, err := b.ModuleDir(t.Context(), hello(), "example.org/lib")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "lib.go")); err != nil {
		t.Error(err)
	}
	if log.count("downloading example.org/lib") != 1 {
		t.Errorf("said %q", log.all)
	}
	build(t, b, hello())
}

func TestModuleThatIsNotAsPinnedIsRefused(t *testing.T) {
	b, _ := newBuilder(t)
	publish(t, b, module.Version{Path: "example.org/lib", Version: "v1.2.3"})
	sum := filepath.Join(b.Sources, "hello", "go.sum")
	data, err := os.ReadFile(sum)
	if err != nil {
		t.Fatal(err)
	}
	write(t, strings.ReplaceAll(string(data), "h1:", "h1:AAAA"), sum)
	if _, err := b.Build(t.Context(), hello()); err == nil || !strings.Contains(err.Error(), "build Hello v1.2.3") {
		t.Errorf("got %v", err)
	}
}

// publish puts testdata/hello/lib into a proxy on disk, and makes the program require it from there, with an empty module cache.
func publish(t *testing.T, b Builder, m module.Version) {
	t.Helper()
	lib, proxy := filepath.Join(b.Sources, "hello", "lib"), t.TempDir()
	at := filepath.Join(proxy, filepath.FromSlash(m.Path), "@v", m.Version)
	mod, err := os.ReadFile(filepath.Join(lib, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, string(mod), at+".mod")
	write(t, `{"Version":"`+m.Version+`"}`, at+".info")
	f, err := os.Create(at + ".zip")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := zip.CreateFromDir(f, m, lib); err != nil {
		t.Fatal(err)
	}
	tree, err := dirhash.HashZip(f.Name(), dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	gomod, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return os.Open(at + ".mod") })
	if err != nil {
		t.Fatal(err)
	}
	line := m.Path + " " + m.Version
	write(t, line+" "+tree+"\n"+line+"/go.mod "+gomod+"\n", b.Sources, "hello", "go.sum")
	write(t, "module example.org/hello\n\ngo 1.26\n\nrequire "+line+"\n", b.Sources, "hello", "go.mod")
	t.Setenv("GOPROXY", "file://"+filepath.ToSlash(proxy))
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw") // so that the test can remove it
}
