package docsite

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// tree is a file system of files by name.
func tree(files map[string]string) fs.FS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return m
}

const (
	docusaurus = `{"scripts": {"build": "docusaurus build"}, "dependencies": {"@docusaurus/core": "3"}}`
	unknown    = `{"scripts": {"build": "make"}, "devDependencies": {"other": "1"}}`
)

func TestDetect(t *testing.T) {
	quartz := []string{"npx", "--no", "quartz", "build", "--directory=content", "--output=public"}
	run := []string{"npm", "run", "build"}
	for name, c := range map[string]struct {
		files    map[string]string
		settings Settings
		want     Plan
	}{
		"pages alone": {map[string]string{"docs/index.md": ""}, Settings{}, Plan{Generator: Quartz, Build: quartz, Output: "public"}},
		"Quartz": {
			map[string]string{"mkdocs.yml": "", "docs/index.md": "", "docs/quartz.config.ts": "", "docs/quartz.layout.ts": "", "docs/a/quartz.config.ts": ""}, Settings{Generator: "auto"},
			Plan{Generator: Quartz, Build: quartz, Output: "public", Config: []string{"quartz.config.ts", "quartz.layout.ts"}},
		},
		"Quartz by a setting": {
			map[string]string{"docs/package.json": docusaurus, "docs/mkdocs.yml": "", "mkdocs.yml": ""}, Settings{Generator: "quartz"}, Plan{Generator: Quartz, Build: quartz, Output: "public"},
		},
		"Docusaurus": {
			map[string]string{"docs/package.json": docusaurus, "docs/package-lock.json": "{}", "docs/.npmrc": ""}, Settings{},
			Plan{Generator: Node, Build: run, Output: "build", Manifests: []string{"package.json", "package-lock.json", ".npmrc"}},
		},
		"VitePress, shrinkwrap": {
			map[string]string{"docs/package.json": `{"scripts": {"build": "x"}, "devDependencies": {"vitepress": "1"}, "bin": "x"}`, "docs/npm-shrinkwrap.json": "{}"}, Settings{},
			Plan{Generator: Node, Build: run, Output: ".vitepress/dist", Manifests: []string{"package.json", "npm-shrinkwrap.json"}},
		},
		"another generator": {
			map[string]string{"docs/package.json": unknown, "docs/package-lock.json": "{}"}, Settings{Build: "make a b", Output: "./out/"},
			Plan{Generator: Node, Build: []string{"sh", "-c", "make a b"}, Output: "out", Manifests: []string{"package.json", "package-lock.json"}},
		},
		"npm ci runs a script": {
			map[string]string{"docs/package.json": `{"scripts": {"build": "x", "prepare": "y"}}`, "docs/package-lock.json": "{}"}, Settings{Output: "out"},
			Plan{Generator: Node, Build: run, Output: "out"},
		},
		"npm ci links a folder": {
			map[string]string{"docs/package.json": `{"scripts": {"build": "x"}, "dependencies": {"own": "file:own"}}`, "docs/package-lock.json": "{}"}, Settings{Output: "out"},
			Plan{Generator: Node, Build: run, Output: "out"},
		},
		"workspaces": {
			map[string]string{"docs/package.json": `{"scripts": {"build": "x"}, "workspaces": ["a"]}`, "docs/package-lock.json": "{}"}, Settings{Output: "out"},
			Plan{Generator: Node, Build: run, Output: "out"},
		},
	} {
		c.want.Dir = "docs"
		got, err := Detect(tree(c.files), "docs", c.settings)
		if err != nil || got.String() != c.want.String() || got.Dir != c.want.Dir || !slices.Equal(got.Config, c.want.Config) || !slices.Equal(got.Manifests, c.want.Manifests) ||
			!slices.Equal(got.Build, c.want.Build) {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, c.want)
		}
	}
}

func TestDetectRefuses(t *testing.T) {
	locked := func(manifest string) map[string]string {
		return map[string]string{"docs/package.json": manifest, "docs/package-lock.json": "{}"}
	}
	for name, c := range map[string]struct {
		files    map[string]string
		settings Settings
		says     string
	}{
		"no folder":                {map[string]string{"other/index.md": ""}, Settings{}, "docs: cannot be read"},
		"no such generator":        {map[string]string{"docs/index.md": ""}, Settings{Generator: "hugo"}, "BLUMEOPS_DOCS_GENERATOR=hugo"},
		"both":                     {map[string]string{"docs/package.json": "{}", "docs/quartz.config.ts": ""}, Settings{}, "both package.json and"},
		"MkDocs above the docs":    {map[string]string{"mkdocs.yml": "", "docs/index.md": ""}, Settings{}, "mkdocs.yml: is a configuration of MkDocs"},
		"MkDocs":                   {map[string]string{"docs/mkdocs.yml": "", "docs/index.md": ""}, Settings{}, "docs/mkdocs.yml: is a configuration of MkDocs"},
		"lock alone":               {map[string]string{"docs/package-lock.json": ""}, Settings{}, "without package.json"},
		"Quartz in another form":   {map[string]string{"docs/quartz.config.yaml": ""}, Settings{}, "docs/quartz.config.yaml: Quartz does not read"},
		"Quartz with a command":    {map[string]string{"docs/index.md": ""}, Settings{Build: "make"}, "BLUMEOPS_DOCS_BUILD"},
		"not JSON":                 {locked("{"), Settings{}, "docs/package.json: invalid package.json"},
		"bin is a number":          {locked(`{"bin": 1}`), Settings{}, "invalid package.json"},
		"no package.json":          {map[string]string{"docs/index.md": ""}, Settings{Generator: "node"}, "docs/package.json: cannot be read"},
		"no lock":                  {map[string]string{"docs/package.json": docusaurus}, Settings{}, "no package-lock.json"},
		"yarn's lock":              {map[string]string{"docs/package.json": docusaurus, "docs/yarn.lock": ""}, Settings{}, "docs/yarn.lock: is not a lock file of npm"},
		"no build":                 {locked(`{}`), Settings{Output: "out"}, "no script `build`"},
		"output not known":         {locked(unknown), Settings{}, "unknown output folder"},
		"output outside":           {locked(docusaurus), Settings{Output: "../out"}, "BLUMEOPS_DOCS_OUTPUT=../out"},
		"output is the docs":       {locked(docusaurus), Settings{Output: "."}, "BLUMEOPS_DOCS_OUTPUT=."},
		"output is absolute":       {locked(docusaurus), Settings{Output: "/out"}, "BLUMEOPS_DOCS_OUTPUT=/out"},
		"package.json is a folder": {map[string]string{"docs/package.json/x": ""}, Settings{}, "docs/package.json: cannot be read"},
	} {
		_, err := Detect(tree(c.files), "docs", c.settings)
		var wrong *Error
		if !errors.As(err, &wrong) || wrong.Hint() == "" || wrong.ExitStatus() != 2 || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
	}
}

func TestCheckQuartz(t *testing.T) {
	const manifest = `{"bin": {"quartz": "./quartz/bootstrap-cli.mjs"}}`
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"Quartz":          {map[string]string{"package.json": manifest, "package-lock.json": "{}"}, ""},
		"empty":           {nil, "cannot read its package.json"},
		"another package": {map[string]string{"package.json": `{"bin": "quartz"}`, "package-lock.json": "{}"}, "no program `quartz`"},
		"not locked":      {map[string]string{"package.json": manifest}, "no package-lock.json"},
	} {
		err := CheckQuartz(tree(c.files), "URL#COMMIT")
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// FuzzDetect: with any package.json and settings, a plan has a command, and writes to a folder below the docs.
func FuzzDetect(f *testing.F) {
	f.Add(docusaurus, "", "", "")
	f.Add(unknown, "make", "out", "node")
	f.Add(`{"bin": [], "scripts": null, "workspaces": {}}`, "", "a/../..", "auto")
	f.Fuzz(func(t *testing.T, manifest, build, output, generator string) {
		files := map[string]string{"docs/package.json": manifest, "docs/package-lock.json": "{}"}
		p, err := Detect(tree(files), "docs", Settings{Generator: generator, Build: build, Output: output})
		if err != nil {
			return
		}
		if len(p.Build) == 0 || !fs.ValidPath(p.Output) || p.Output == "." || p.Generator != Quartz && p.Generator != Node {
			t.Errorf("%+v", p)
		}
	})
}
