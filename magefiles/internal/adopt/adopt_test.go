package adopt

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/markdown"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

var update = flag.Bool("update", false, "write the plans in testdata")

const module = "forge.ops.eblu.me/eblume/blumeops"

// read returns the files of an archive. The permissions of a script are those that its first line asks for.
func read(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, f := range archive.Files {
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(string(f.Data), "#!") {
			mode = 0o755
		}
		files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: mode}
	}
	return files
}

func plan(t *testing.T, files fs.FS, remote string) *Plan {
	t.Helper()
	p, err := Adopt{Files: files, Remote: remote, Module: module}.Run()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The plans of repositories are those in testdata, as text and as a page. -update writes them; read them before you commit them.
func TestPlans(t *testing.T) {
	for name, remote := range map[string]string{"homelab": "https://forge.example/me/homelab", "service": "https://github.com/me/service", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			p := plan(t, read(t, filepath.Join("testdata", name+".txtar")), remote)
			for suffix, got := range map[string]string{".plan.txt": p.String() + "\n", ".plan.md": p.Markdown()} {
				file := filepath.Join("testdata", name+suffix)
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil || string(want) != got {
					t.Errorf("%s differs (-update writes it): %v\n%s", file, err, got)
				}
			}
			rules, problems := markdown.ParseSettings(`{"MD013": false, "MD010": {"code_blocks": false}}`, nil)
			for _, problem := range append(problems, markdown.Lint(page.Parse("plan.md", p.Markdown()), rules)...) {
				t.Errorf("the page: %v", problem)
			}
			again, err := json.Marshal(p)
			if err != nil || strings.Contains(string(again), ":null") {
				t.Errorf("as JSON: %s, %v", again, err)
			}
		})
	}
}

// Every setting of a plan is a field, and the files are Go as gofmt writes it.
func TestFilesAreGo(t *testing.T) {
	p := plan(t, read(t, "testdata/homelab.txtar"), "https://forge.example/me/homelab")
	for _, s := range p.Settings {
		if _, is := reflect.TypeFor[settings.Settings]().FieldByName(s.Name); !is {
			t.Errorf("there is no setting %s", s.Name)
		}
	}
	for _, f := range p.Files {
		formatted, err := format.Source([]byte(f.Text))
		if err != nil || string(formatted) != f.Text {
			t.Errorf("%s: %v\n%s", f.Path, err, f.Text)
		}
	}
}

// The module path has no port, which the go command refuses.
func TestModulePath(t *testing.T) {
	for remote, want := range map[string]string{
		"https://forge.example/me/homelab": "go mod init forge.example/me/homelab", "https://forge.example:8443/git/me/homelab.git": "go mod init forge.example/git/me/homelab",
		"http://127.0.0.1:3000/me/homelab": "go mod init 127.0.0.1/me/homelab", "": "go mod init homelab.example/me",
	} {
		if got := plan(t, fstest.MapFS{}, remote).Steps[0]; got != want {
			t.Errorf("%s: %s, expected %s", remote, got, want)
		}
	}
}

// The output folder of an unknown generator is a setting that the user must set.
func TestUnknownOutput(t *testing.T) {
	p := plan(t, fstest.MapFS{
		"docs/package.json": {Data: []byte(`{"scripts": {"build": "node build.js"}}`)}, "docs/package-lock.json": {Data: []byte("{}")},
	}, "")
	if p.setting("DocsGenerator") != "node" || !strings.Contains(p.Files[1].Text, "DocsOutput:    \"\", // set this: folder in docs") {
		t.Errorf("the plan is %s", p)
	}
	for _, change := range p.Changes {
		if change.Where == "docs" {
			t.Errorf("the plan has %+v", change)
		}
	}
}

// targetsOf are the names of all targets.
func targetsOf(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../../targets/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is || !f.Name.IsExported() {
				continue
			}
			name := strings.ToLower(f.Name.Name)
			if f.Recv != nil {
				name = strings.ToLower(f.Recv.List[0].Type.(*ast.Ident).Name) + ":" + name
			}
			names = append(names, name)
		}
	}
	return names
}

var targetName = regexp.MustCompile(`\b[a-z]+:[a-z]+\b|^(validate|drift|doctor)\b|tool mage ([a-z]+)`)

// A plan names only targets that exist.
func TestTargetsExist(t *testing.T) {
	known := targetsOf(t)
	texts := plan(t, fstest.MapFS{}, "").Steps
	for _, r := range rules {
		texts = append(texts, r.target)
	}
	for _, text := range texts {
		for _, m := range targetName.FindAllStringSubmatch(text, -1) {
			name := m[0]
			if m[2] != "" {
				name = m[2]
			}
			if !slices.Contains(known, name) {
				t.Errorf("%q names the target %s, which does not exist", text, name)
			}
		}
	}
}

func TestReplacement(t *testing.T) {
	for line, want := range map[string]string{
		"dagger call -m ./ci publish-container --name devpi": "container:publish NAME VERSION",
		"dagger -q call build-docs":                          "docs:build, or docs:release patch",
		"sudo -E docker buildx build --push .":               "container:publish NAME VERSION",
		"docker buildx build --load .":                       "container:build NAME",
		"uvx --from towncrier towncrier build --yes":         "docs:changelog VERSION, or docs:release patch",
		"uv run towncrier check":                             "validate -only=changelog",
		"/usr/local/bin/argocd app sync docs":                "container:promote NAME VERSION -sync; for the docs docs:release patch",
		"python3 -m build --wheel":                           "package:build NAME",
		"python build":                                       "",
		"uvx twine upload dist/*":                            "package:publish NAME VERSION",
		"python -m twine upload dist/*":                      "package:publish NAME VERSION",
		"uv tool run --from towncrier towncrier build":       "docs:changelog VERSION, or docs:release patch",
		"uv tool":                              "",
		"uv publish":                           "package:publish NAME VERSION",
		"git tag --list":                       "",
		"git tag":                              "",
		"git tag v1.2.3":                       "container:release NAME patch, or docs:release patch",
		"git commit -m docker":                 "",
		"docker ps":                            "",
		"uv sync":                              "",
		"env":                                  "",
		"A=b":                                  "",
		"npx quartz build":                     "docs:build",
		"sed -i s/newTag:.*/newTag:v2/ k.yaml": "container:promote NAME VERSION",
		"sed -i s/a/b/ k.yaml":                 "",
	} {
		got, _ := replacement(strings.Fields(line))
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// Scripts of any text are read, and each command has a line of its file.
func FuzzCommands(f *testing.F) {
	for _, seed := range []string{
		"docker build .\n", "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          docker push ${{ x }} \\\n            y\n", "a:\n\t@docker build ü \\\n\t\t.\n", "#!/bin/sh\ncat <<E\ndocker build\nE\n", "- cmd: [a", "{{}}${{",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		lines := strings.Count(content, "\n") + 1
		for _, name := range []string{".forgejo/workflows/x.yaml", "Makefile", "x.sh", "Taskfile.yml"} {
			for _, s := range scriptsOf(text{name, content}) {
				for _, c := range s.calls() {
					if c.line < 1 || len(c.words) == 0 || name != "Taskfile.yml" && name != ".forgejo/workflows/x.yaml" && c.line > lines {
						t.Errorf("%s: %+v in %d lines", name, c, lines)
					}
					_, _ = replacement(c.words)
				}
			}
		}
	})
}

// TestUnreadFiles are named, because a command in them is missing in the plan.
func TestUnreadFiles(t *testing.T) {
	large := &fstest.MapFile{Data: make([]byte, maxText+1), Mode: 0o755}
	p := plan(t, fstest.MapFS{".github/workflows/a.yaml": large, "data.json": large, "program": large}, "")
	var got []string
	for _, change := range p.Changes {
		if strings.Contains(change.What, "was not read") {
			got = append(got, change.Where+" "+change.What)
		}
	}
	if want := []string{".github/workflows/a.yaml was not read: it is larger than 1 MiB"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
