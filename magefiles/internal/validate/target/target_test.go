package target_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/target"
)

// read reads the targets of an archive.
func read(archive string) (*target.Set, error) {
	fsys, names := fstest.MapFS{}, []string{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		names = append(names, f.Name)
	}
	return target.Read(validate.NewTree(fsys, names))
}

const folder = `
-- go.mod --
module example.org/site
-- magefiles/magefile.go --
//go:build mage

package main

import (
	"context"
	"time"

	"github.com/magefile/mage/mg"

	// mage:import db
	"example.org/site/build/database"
	"example.org/site/build/unmarked"
)

var Default = Build

var Aliases = map[string]interface{}{"b": Build, "pub": Container.Publish}

// Container is a namespace.
type Container mg.Namespace

type other struct{}

// Publish publishes.
func (Container) Publish(ctx context.Context, name, version string, dryRun *bool, wait *time.Duration) error { return nil }

// BuildAll is spelled in two words.
func (Container) BuildAll() {}

func (other) Not() {}

func Build(ctx context.Context) error { return nil }

func Takes(list []string) error { return nil }
func Gives() (int, error) { return 0, nil }
func Generic[T any]() {}
func hidden() {}
-- magefiles/tool.go --
//go:build ignore

package main

func Ignored() {}
-- magefiles/magefile_test.go --
package main

func Tested() {}
-- build/database/database.go --
package database

func Migrate(steps int) error { return nil }
-- build/unmarked/unmarked.go --
package unmarked

func Unmarked() {}
`

func TestRead(t *testing.T) {
	t.Parallel()
	set, err := read(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range set.All() {
		names = append(names, f.Name)
	}
	if want := []string{"build", "container:buildAll", "container:publish", "db:migrate"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	for _, name := range []string{"pub", "Container:Publish", "container:publish"} {
		publish, ok := set.Find(name)
		if !ok || len(publish.Positional) != 2 || publish.Positional[1] != (target.Param{Name: "version", Type: "string"}) ||
			!slices.Equal(publish.Flags, []target.Param{{Name: "dryRun", Type: "bool"}, {Name: "wait", Type: "time.Duration"}}) {
			t.Errorf("%s: got %v, %v", name, publish, ok)
		}
	}
	if set.Open {
		t.Error("all imports are known, and the set is open")
	}
}

func TestReadRoot(t *testing.T) {
	t.Parallel()
	set, err := read(`
-- main.go --
package main

func Other() {}
-- build.go --
//go:build mage

package main

// mage:import
import _ "example.com/elsewhere"

func Build() {}
`)
	if err != nil || len(set.All()) != 1 || !set.Open {
		t.Errorf("got %v, %v", set, err)
	}
}

// TestNames compares the names with the output of mage itself.
func TestNames(t *testing.T) {
	t.Parallel()
	set, err := read(names)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range set.All() {
		got = append(got, f.Name)
	}
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(names)).Files {
		file := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, f.Data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "tool", "mage", "-d", dir, "-l").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, list, _ := strings.Cut(string(out), "Targets:")
	if want := strings.Fields(list); len(want) != 11 || !slices.Equal(got, want) {
		t.Errorf("got %v, mage says %v", got, want)
	}
}

// names are names of many forms. One namespace and one function have the same name.
const names = `
-- go.mod --
module example.org/names

go 1.26
-- magefiles/magefile.go --
//go:build mage

package main

import "github.com/magefile/mage/mg"

type CI mg.Namespace

func (CI) Tag() {}

func Ci() {}
func BuildAll() {}
func DNS() {}
func DNSZone() {}
func HTTP2Server() {}
func Lint_All() {}
func X() {}
func XAll() {}
func ABc() {}
func ÄAll() {}
`

func TestReadErrors(t *testing.T) {
	t.Parallel()
	if _, err := read("-- main.go --\npackage main\n"); !errors.Is(err, target.ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
	if _, err := read("-- magefiles/a.go --\npackage main\nfunc {\n"); err == nil || errors.Is(err, target.ErrNone) {
		t.Errorf("a file that is not Go: got %v", err)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	set, err := read(folder)
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"container:publsh": "container:publish", "biuld": "", "buil": "build", "zzz": "", strings.Repeat("b", 200): ""} {
		if got := set.Nearest(given); got != want {
			t.Errorf("%s: got %q, want %q", given, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("package main\n\nfunc Build(a string, b *int) error { return nil }\n")
	f.Add("//go:build mage && !windows\n\npackage main\n\nvar Aliases = map[string]any{\"a\": B.C}\n")
	f.Fuzz(func(t *testing.T, text string) {
		fsys := fstest.MapFS{"magefiles/a.go": &fstest.MapFile{Data: []byte(text)}}
		set, err := target.Read(validate.NewTree(fsys, []string{"magefiles/a.go"}))
		if err == nil {
			set.Nearest("build")
		}
	})
}
