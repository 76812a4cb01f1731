package python_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

func tree(files map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

const (
	static = "[project]\nname = \"My.Pkg\"\nversion = \"1.2.0\"\n"
	poetry = "[tool.poetry]\nname = \"old\"\nversion = \"0.1\"\n[build-system]\nrequires = [\"poetry-core>=1\"]\nbuild-backend = \"poetry.core.masonry.api\"\n"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text          string
		want, backend string
		from          python.From
	}{
		"static":         {static, "My.Pkg 1.2.0", "setuptools.build_meta:__legacy__", python.FromFile},
		"poetry":         {poetry, "old 0.1", "poetry.core.masonry.api", python.FromFile},
		"poetry 2":       {"[project]\nname = \"a\"\ndynamic = [\"version\"]\n[tool.poetry]\nversion = \"3\"\n", "a ", "", python.FromCode},
		"setuptools-scm": {"[project]\nname = \"a\"\ndynamic = [\"version\"]\n[build-system]\nrequires = [\"setuptools\", \"Setuptools_SCM[toml] >=8\"]\n", "a ", "", python.FromTag},
		"scm, by table":  {"[project]\nname = \"a\"\ndynamic = [\"version\"]\n[tool.setuptools_scm]\n", "a ", "", python.FromTag},
		"hatch-vcs":      {"[project]\nname = \"a\"\ndynamic = [\"version\"]\n[tool.hatch.version]\nsource = \"vcs\"\n", "a ", "", python.FromTag},
		"code":           {"[project]\nname = \"a\"\ndynamic = [\"version\"]\n[tool.hatch.version]\npath = \"a.py\"\n", "a ", "", python.FromCode},
	} {
		p, err := python.Parse(c.text)
		if err != nil || string(p.Name)+" "+p.StatedVersion() != c.want || p.From != c.from || c.backend != "" && p.Backend != c.backend {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for name, c := range map[string]struct{ text, says string }{
		"syntax":      {"[project]\nname = x\n", "line 2, column 8: "},
		"type":        {"[project]\nname = 1\n", "project.name: expected a string"},
		"array":       {"[build-system]\nrequires = [1]\n", "build-system.requires: expected an array of strings"},
		"table":       {"project = 1\n", "project: expected a table"},
		"no name":     {"[build-system]\nrequires = []\n", "states no name"},
		"no version":  {"[project]\nname = \"a\"\n", "states no version"},
		"bad version": {"[project]\nname = \"a\"\nversion = \"one\"\n", `version of a Python package "one"`},
		"bad name":    {"[project]\nname = \"a b\"\nversion = \"1\"\n", `name of a Python package "a b"`},
		"tools":       {"[tool.ruff]\n", "has neither"},
	} {
		if p, err := python.Parse(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestFind(t *testing.T) {
	files := tree(map[string]string{
		"pyproject.toml": "[tool.ruff]\n", "python/one/pyproject.toml": static, "python/two/pyproject.toml": poetry, "python/notes/x.txt": "",
		"python/.venv/pyproject.toml": poetry, "broken/pyproject.toml": "[project]\n",
	})
	found, err := python.Places{Folders: []string{".", "python", "./python/"}}.Find(files)
	var broken *python.ProjectError
	if !errors.As(err, &broken) || broken.Dir != "broken" || len(found) != 2 || found[0].Dir != "python/one" || found[1].Name != "old" {
		t.Errorf("%+v, %v", found, err)
	}
	for name, want := range map[string]string{"my_pkg": "python/one", "old": "python/two", "MY-PKG": "python/one"} {
		if p, err := (python.Places{Folders: []string{".", "python"}}).Lookup(files, name); err != nil || p.Dir != want {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for name, c := range map[string]struct {
		files   map[string]string
		folders []string
		asked   string
		says    string
	}{
		"unknown":    {map[string]string{"pyproject.toml": static}, []string{"."}, "other", "not found (known: My.Pkg)"},
		"none":       {nil, []string{"."}, "other", "no folder of the setting Packages has a pyproject.toml"},
		"a flag":     {nil, []string{"."}, "-dryrun", "looks like a flag"},
		"several":    {map[string]string{"a/pyproject.toml": static, "b/pyproject.toml": poetry}, []string{"."}, ".", "requires exactly one package (known: My.Pkg, old)"},
		"twice":      {map[string]string{"a/pyproject.toml": static, "b/pyproject.toml": static}, []string{"."}, "my-pkg", "b/pyproject.toml: has the name My.Pkg, as a/pyproject.toml"},
		"outside":    {nil, []string{"../x"}, "a", "must be below the root"},
		"its broken": {map[string]string{"pyproject.toml": "[project]\n"}, []string{"."}, ".", "pyproject.toml: states no name"},
	} {
		if p, err := (python.Places{Folders: c.folders}).Lookup(tree(c.files), c.asked); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	if p, err := (python.Places{Folders: []string{"."}}).Lookup(tree(map[string]string{"pyproject.toml": static}), "."); err != nil || p.Dir != "." {
		t.Errorf("the only one: %+v, %v", p, err)
	}
}

// TestSource has a folder that a user names: exactly this one, also outside of the setting's folders and hidden.
func TestSource(t *testing.T) {
	files := tree(map[string]string{
		"pyproject.toml": static, "sub/pyproject.toml": poetry, "tools/.x/pyproject.toml": poetry, "plain/a.txt": "", "ruff/pyproject.toml": "[tool.ruff]\n",
		"broken/pyproject.toml": "[project]\n",
	})
	for source, want := range map[string]string{".": "My.Pkg", "./sub/": "old", "tools/.x": "old"} {
		for _, name := range []string{".", want} {
			if p, err := (python.Places{Folders: []string{"none"}, Source: source}).Lookup(files, name); err != nil || string(p.Name) != want {
				t.Errorf("%s of %s: %+v, %v", name, source, p, err)
			}
		}
	}
	for source, says := range map[string]string{
		"/sub": "must be relative to the root", "../x": "must be below the root", "sub/../..": "must be below the root", "none": "not found", "plain/a.txt": "is not a folder",
		"plain": "has no pyproject.toml", "ruff": "has neither [project]", "broken": "states no name", "sub": "not found (known: old)",
	} {
		p, err := python.Places{Folders: []string{"."}, Source: source}.Lookup(files, "My.Pkg")
		var status interface{ ExitStatus() int }
		if err == nil || !strings.Contains(err.Error(), says) || !errors.As(err, &status) || status.ExitStatus() != 2 {
			t.Errorf("%s: %+v, %v", source, p, err)
		}
	}
}

// FuzzParse: a file is refused, or has a name and either a version or its source.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{static, poetry, "[project]\nname = \"a\"\ndynamic = [\"version\"]\n[tool.hatch.version]\nsource = \"vcs\"\n", "project.name = \"a\"\nproject = 1", "[[project]]\n", "[tool]\npoetry = [1]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := python.Parse(text)
		if err != nil {
			if p := err.Error(); p == "" || strings.Contains(p, "\n") {
				t.Errorf("error %q", p)
			}
			return
		}
		if _, err := python.ParseName(string(p.Name)); err != nil || p.Backend == "" || (p.From == python.FromFile) != (p.StatedVersion() != "") {
			t.Errorf("%+v, %v", p, err)
		}
	})
}
