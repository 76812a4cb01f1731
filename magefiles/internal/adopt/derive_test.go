package adopt

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func objectsIn(folders map[string]int) fstest.MapFS {
	files := fstest.MapFS{}
	for folder, n := range folders {
		for i := range n {
			files[fmt.Sprintf("%s/o%d.yaml", folder, i)] = &fstest.MapFile{Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")}
		}
	}
	return files
}

// The folder of the manifests is stated only where most objects are in it.
func TestManifestsFolder(t *testing.T) {
	for name, c := range map[string]struct {
		folders     map[string]int
		value, from string // "-": no setting
	}{
		"most":          {map[string]int{"cluster/apps": 8, "other": 2}, "cluster", "8 of 10 Kubernetes objects"},
		"the default":   {map[string]int{"argocd/apps": 8, "other": 2}, "-", ""},
		"two halves":    {map[string]int{"apps": 5, "system": 4}, "", "the folder that Argo CD deploys from: of 9 Kubernetes objects, 5 in apps, 4 in system"},
		"too few":       {map[string]int{"deploy": 2}, "", "the folder that Argo CD deploys from: of 2 Kubernetes objects, 2 in deploy"},
		"in the root":   {map[string]int{".": 3}, "", "the folder that Argo CD deploys from: 3 Kubernetes objects in the root"},
		"none":          {nil, "-", ""},
		"of the forge":  {map[string]int{".github": 3}, "-", ""},
		"charts beside": {map[string]int{"argocd": 2, "charts": 4}, "charts", "4 of 6 Kubernetes objects"},
	} {
		files := fstest.MapFS{}
		for file, content := range objectsIn(c.folders) {
			files[strings.TrimPrefix(file, "./")] = content
		}
		value, from := "-", ""
		for _, s := range plan(t, files, "").Settings {
			if s.Name == "Manifests" {
				value, from = s.Value, s.From
			}
		}
		if value != c.value || from != c.from {
			t.Errorf("%s: %q (%s), expected %q (%s)", name, value, from, c.value, c.from)
		}
	}
}

// Files that git ignores are not of the repository: neither a container nor a manifest of them counts.
func TestIgnoredFiles(t *testing.T) {
	files := objectsIn(map[string]int{"cluster": 4, "rendered": 40})
	files["containers/web/Dockerfile"] = &fstest.MapFile{Data: []byte("FROM scratch\n")}
	files["containers/scratch/Dockerfile"] = &fstest.MapFile{Data: []byte("FROM scratch\n")}
	files["tmp/old/Dockerfile"] = &fstest.MapFile{Data: []byte("FROM scratch\n")}
	list := []string{"containers/web/Dockerfile"}
	for i := range 4 {
		list = append(list, fmt.Sprintf("cluster/o%d.yaml", i))
	}
	p, err := Adopt{Files: files, List: list, Module: module}.Run()
	if err != nil {
		t.Fatal(err)
	}
	text := p.String()
	if p.setting("Manifests") != "cluster" || len(p.Containers) != 1 || strings.Contains(text, "rendered") || strings.Contains(text, "tmp/old") {
		t.Errorf("the plan has ignored files:\n%s", text)
	}
}

// Markdown alone is no site of Quartz: the setting that its build needs is the default.
func TestPlainMarkdown(t *testing.T) {
	p := plan(t, fstest.MapFS{"docs/index.md": {Data: []byte("# A\n")}}, "")
	if strings.Contains(p.Files[1].Text, "DocsGenerator") || !strings.Contains(p.String(), "has Markdown and no generator: docs:build makes a website of it with Quartz") {
		t.Error(p)
	}
	p = plan(t, fstest.MapFS{"docs/index.md": {Data: []byte("# A\n")}, "docs/quartz.config.ts": {Data: []byte("x")}}, "")
	if p.setting("DocsGenerator") != "quartz" {
		t.Error(p)
	}
}

// Many containers below another folder are one line of the plan.
func TestContainersElsewhere(t *testing.T) {
	files := fstest.MapFS{"metal/pxe/Dockerfile": {Data: []byte("FROM scratch\n")}}
	for _, name := range []string{"a", "b", "c"} {
		files["apps/"+name+"/Dockerfile"] = &fstest.MapFile{Data: []byte("FROM scratch\n")}
	}
	var got []string
	for _, c := range plan(t, files, "").Changes {
		if strings.Contains(c.What, "containers/") {
			got = append(got, c.Where+" "+c.What)
		}
	}
	want := "apps has 3 containers outside of containers/ (a, b, c): targets build the folders containers/NAME, so move them\n" +
		"metal/pxe/Dockerfile is outside of containers/: targets build the folders containers/NAME, so move it and the files that it copies"
	if strings.Join(got, "\n") != want {
		t.Errorf("%q, expected %q", got, want)
	}
}

// The setting Packages is stated where the default does not find each project.
func TestPackages(t *testing.T) {
	project := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("[project]\nname = \"" + name + "\"\nversion = \"1.0.0\"\n")}
	}
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string
		names string
	}{
		"root":         {fstest.MapFS{"pyproject.toml": project("a")}, "", "a"},
		"a folder":     {fstest.MapFS{"tool/pyproject.toml": project("a")}, "", "a"},
		"below":        {fstest.MapFS{"python/a/pyproject.toml": project("a"), "python/b/pyproject.toml": project("b")}, "python", "a b"},
		"both":         {fstest.MapFS{"pyproject.toml": project("a"), "libs/b/pyproject.toml": project("b")}, ".,libs", "a b"},
		"only tools":   {fstest.MapFS{"a/b/pyproject.toml": {Data: []byte("[tool.ruff]\n")}}, "", ""},
		"hidden":       {fstest.MapFS{".dagger/src/pyproject.toml": project("a")}, "", ""},
		"others' code": {fstest.MapFS{"a/testdata/b/pyproject.toml": project("a")}, "", ""},
	} {
		p := plan(t, c.files, "")
		var names []string
		for _, found := range p.Packages {
			names = append(names, found.Name)
		}
		if got := p.setting("Packages"); got != c.want || strings.Join(names, " ") != c.names {
			t.Errorf("%s: Packages %q, projects %q", name, got, names)
		}
	}
	p := plan(t, fstest.MapFS{"a/pyproject.toml": {Data: []byte("[project]\nname = \"-\"\n")}}, "")
	if !strings.Contains(p.String(), "a/pyproject.toml") {
		t.Error(p)
	}
}

// Containers without a version are one line of the plan.
func TestSilentContainers(t *testing.T) {
	files := fstest.MapFS{}
	for i, want := range []string{"containers/a: state the version of the packaged application (", "containers: state the versions of the packaged applications ("} {
		files["containers/"+string(rune('a'+i))+"/Dockerfile"] = &fstest.MapFile{Data: []byte("FROM scratch\n")}
		found := 0
		for _, c := range plan(t, files, "").Changes {
			if strings.Contains(c.What, "CONTAINER_APP_VERSION") {
				found++
				if got := c.Where + ": " + c.What; !strings.HasPrefix(got, want) || i > 0 && !strings.HasSuffix(got, ": a, b") {
					t.Errorf("%s, expected %s", got, want)
				}
			}
		}
		if found != 1 {
			t.Errorf("%d lines", found)
		}
	}
}

// Applications that a template makes cannot be read: the address is to be set.
func TestArgoCDInTemplates(t *testing.T) {
	for name, c := range map[string]struct{ file, text, value, from string }{
		"none":     {"apps/a.yaml", "kind: ConfigMap\n", "none", "no Application was found"},
		"template": {"apps/templates/a.yaml", "{{- range .Values.apps }}\napiVersion: argoproj.io/v1alpha1\nkind: Application\n{{ end }}\n", "", "apps/templates/a.yaml uses Argo CD, and no Application could be read; none, if it is not used"},
		"chart":    {"system/argocd/Chart.yaml", "dependencies:\n  - name: argo-cd\n    repository: https://argoproj.github.io/argo-helm\n", "", "system/argocd/Chart.yaml uses Argo CD, and no Application could be read; none, if it is not used"},
		"other":    {"a.yaml", "{{ x }}\napiVersion: app.k8s.io/v1beta1\nkind: Application\n", "none", "no Application was found"},
	} {
		for _, s := range plan(t, fstest.MapFS{c.file: {Data: []byte(c.text)}}, "").Settings {
			if s.Name == "ArgoCDURL" && (s.Value != c.value || s.From != c.from) {
				t.Errorf("%s: %q (%s), expected %q (%s)", name, s.Value, s.From, c.value, c.from)
			}
		}
	}
}
