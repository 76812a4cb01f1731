package image_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

func TestGraph(t *testing.T) {
	made := map[image.Name][]string{
		"a": {"r.example/ns/b:v1", "r.example/ns/c", "r.example/ns/b:v2", "r.example/ns/a:dev"},
		"b": {"r.example/ns/c:v1@sha256:0", "r.example/nsx/c:v1", "r.example/ns/c/d:v1", "r.example/ns/unknown:v1"},
		"c": {"r.example/ns/a:v1"},
		"e": nil,
	}
	containers := []image.Container{{Name: "g", Kind: image.KindGo, Base: "r.example/ns/b:v1"}}
	for _, n := range []image.Name{"a", "b", "c", "e"} {
		containers = append(containers, image.Container{Name: n, Kind: image.KindDockerfile})
	}
	no := errors.New("no")
	g := image.NewGraph(containers, "r.example/ns", func(c image.Container) ([]string, error) {
		if c.Name == "e" {
			return nil, no
		}
		return made[c.Name], nil
	})
	if got := fmt.Sprint(g.Paths("c")); got != "[[c] [c a] [c a b]]" {
		t.Error(got)
	}
	if got := fmt.Sprint(g.Paths("a"), g.Paths("b"), g.Paths("g")); got != "[[a] [a b] [a c]] [[b]] [[g] [g b]]" {
		t.Error(got)
	}
	if g.Fault("e") != no || g.Fault("a") != nil {
		t.Error(g.Fault("e"), g.Fault("a"))
	}
}

func TestSources(t *testing.T) {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"go.mod":                "module m.example/m\nfuture x\nreplace m.example/out => ../out\nreplace m.example/in => ./in/\n",
		"containers/a/main.go":  "package main\nimport (\n\"os\"\n\"m.example/m/p\"\n\"m.example/out/x\"\n\"m.example/m/containers/a/sub\"\n\"m.example/mm\"\n\"m.example/m/../../up\"\n)",
		"containers/a/bad.go":   "package",
		"containers/a/sub/s.go": "package sub\nimport _ \"m.example/m/q\"",
		"p/p.go":                "package p\nimport _ \"m.example/m/p\"\nimport _ \"m.example/m/none\"",
		"q/q.go":                "package q",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	got, err := image.Sources(files, image.Container{Name: "a", Kind: image.KindGo, Dir: "containers/a"})
	if want := "containers/a containers/a/sub go.mod go.sum none p q"; err != nil || strings.Join(paths(got), " ") != want {
		t.Errorf("got %q, want %q; %v", paths(got), want, err)
	}
	got, err = image.Sources(files, image.Container{Name: "a", Kind: image.KindDockerfile, Dir: "containers/a"})
	if err != nil || !slices.Equal(paths(got), []string{"containers/a"}) || !got[0].Whole() {
		t.Error(got, err)
	}
	delete(files, "go.mod")
	if _, err := image.Sources(files, image.Container{Kind: image.KindGo, Dir: "containers/a"}); err == nil || !strings.Contains(err.Error(), "containers/a: no go.mod") {
		t.Error(err)
	}
}

func paths(sources []image.Source) (list []string) {
	for _, s := range sources {
		list = append(list, s.Path)
	}
	return list
}

func TestWhatCountsOfASource(t *testing.T) {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"go.mod":                               "module m.example/m\n",
		"containers/go/main.go":                "package main\nimport (\n\"embed\"\n\"m.example/m/p\"\n)\n//go:embed data\nvar Data embed.FS\n",
		"p/p.go":                               "package p",
		"containers/d/.dockerignore":           "*.md\nprivate\n!private/public.txt\nDockerfile\n",
		"containers/e/.dockerignore":           "[bad\n",
		"containers/f/.dockerignore":           "*\n!bin\n",
		"containers/f/Dockerfile.dockerignore": "# nothing\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, c := range []struct {
		name   image.Name
		kind   image.Kind
		counts string
		not    string
	}{
		{"go", image.KindGo, "go.mod go.sum p/p.go p/p_windows.go p/a.s p/a.h p/a.syso containers/go/data/x containers/go/main_test.go", "p/p_test.go p/README.md p/a.c p/sub/s.go p/testdata/x.go go.work vendor/modules.txt go.mod.x containers/gox/main.go"},
		{"d", image.KindDockerfile, "containers/d/Dockerfile containers/d/.dockerignore containers/d/x containers/d/private/public.txt containers/d/sub/README.md", "containers/d/README.md containers/d/private/key containers/dd/x go.mod"},
		{"e", image.KindDockerfile, "containers/e/x", "containers/x"},
		{"f", image.KindDockerfile, "containers/f/x containers/f/.dockerignore", ""},
		{"none", image.KindDockerfile, "containers/none/README.md", ""},
	} {
		sources, err := image.Sources(files, image.Container{Name: c.name, Kind: c.kind, Dir: "containers/" + string(c.name)})
		if err != nil {
			t.Fatal(err)
		}
		for want, list := range map[bool]string{true: c.counts, false: c.not} {
			for _, file := range strings.Fields(list) {
				if got := slices.ContainsFunc(sources, func(s image.Source) bool { return s.Counts(file) }); got != want {
					t.Errorf("%s: %s counts: %t", c.name, file, got)
				}
			}
		}
	}
}

func TestReadIgnored(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string
		want   []string
		itself bool
	}{
		"no file":                  {nil, nil, false},
		"empty file":               {map[string]string{".dockerignore": "# nothing\n\n"}, nil, false},
		"all but one":              {map[string]string{".dockerignore": "*\n!src/\n"}, []string{"*", "!src"}, true},
		"the Dockerfile":           {map[string]string{".dockerignore": "Dockerfile"}, []string{"Dockerfile"}, true},
		"not the Dockerfile":       {map[string]string{".dockerignore": "*\n!*ocker*"}, []string{"*", "!*ocker*"}, false},
		"itself":                   {map[string]string{".dockerignore": ".docker*"}, []string{".docker*"}, true},
		"its own file goes first":  {map[string]string{".dockerignore": "a", "Dockerfile.dockerignore": "b\n.dockerignore"}, []string{"b", ".dockerignore"}, false},
		"its own file and itself":  {map[string]string{"Dockerfile.dockerignore": "*.dockerignore"}, []string{"*.dockerignore"}, true},
		"its own file is empty":    {map[string]string{".dockerignore": "a", "Dockerfile.dockerignore": ""}, nil, false},
		"another folder's of that": {map[string]string{".dockerignore": "sub/Dockerfile"}, []string{"sub/Dockerfile"}, false},
	} {
		files := fstest.MapFS{}
		for file, text := range c.files {
			files["containers/a/"+file] = &fstest.MapFile{Data: []byte(text)}
		}
		got, err := image.ReadIgnored(files, "containers/a")
		if err != nil || !slices.Equal(got.Patterns, c.want) || got.Itself() != c.itself {
			t.Errorf("%s: %q, itself %t, %v; want %q, %t", name, got.Patterns, got.Itself(), err, c.want, c.itself)
		}
	}
	files := fstest.MapFS{"containers/a/.dockerignore": {Data: []byte("[a")}}
	if got, err := image.ReadIgnored(files, "containers/a"); err == nil || !strings.Contains(err.Error(), "containers/a/.dockerignore") {
		t.Errorf("a pattern that is none: %q, %v; want an error that names the file", got, err)
	}
}

func TestCommitVersion(t *testing.T) {
	const hash = "1234567890abcdef1234567890abcdef12345678"
	for given, want := range map[string]string{
		"1.2.3": "v1.2.3-1234567", "v1.2": "v1.2.0-1234567", "4": "v4.0.0-1234567", "1.2.3-rc.1": "v1.2.3-rc.1-1234567", "1.2.3+b": "v1.2.3-1234567",
		"": "", "2024.01.05": "", "latest": "", "$V": "", strings.Repeat("1", 125): "",
	} {
		got, err := image.CommitVersion(given, hash)
		if got.String() != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", given, got, err)
		}
		if commit, ok := got.Commit(); ok && commit != hash[:7] {
			t.Errorf("%q: %q", got, commit)
		}
	}
	got, err := image.CommitVersion("1.0.0", "01234567890abcdef01234567890abcdef012345")
	if got.String() != "v1.0.0-01234567890a" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "1234567", strings.Repeat("x", 40)} {
		if _, err := image.CommitVersion("1.0.0", bad); err == nil {
			t.Errorf("%q is taken for a commit", bad)
		}
	}
	for tag, want := range map[string]string{"v1.0.0": "", "v1.0.0-abcdef": "", "v1.0.0-rc.1": "", "v1.0.0-abcdef0": "abcdef0", "v1.0.0-rc1-abcdef0": "abcdef0"} {
		v, err := image.ParseVersion(tag)
		if commit, _ := v.Commit(); commit != want || err != nil {
			t.Errorf("%s: %q, %v", tag, commit, err)
		}
	}
}

// FuzzSources checks that sources are in the repository, with any go.mod and program.
func FuzzSources(f *testing.F) {
	f.Add("module m\nreplace a => ./b\n", "package main\nimport \"m/p\"\nimport \"a/../../c\"")
	f.Add("module \"m\"\ngo 1.99\nfuture (\n)\n", "package main\nimport `m`")
	f.Fuzz(func(t *testing.T, mod, program string) {
		files := fstest.MapFS{"go.mod": {Data: []byte(mod)}, "containers/a/main.go": {Data: []byte(program)}}
		got, err := image.Sources(files, image.Container{Kind: image.KindGo, Dir: "containers/a"})
		if err != nil {
			return
		}
		if list := paths(got); !slices.Contains(list, "containers/a") || !slices.Contains(list, "go.mod") {
			t.Errorf("%q", list)
		}
		for _, s := range got {
			if _, err := files.Open(s.Path); errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%q leads out", s.Path)
			}
		}
	})
}
