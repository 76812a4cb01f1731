package checks

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

const front = "---\ntitle: Hostile\ntags: [hostile]\nmodified: 2026-11-01\n---\n\n# Hostile\n\n"

// deep nests YAML, in block or in flow style.
func deep(levels int, flow bool) string {
	if flow {
		return "a: " + strings.Repeat("[", levels) + strings.Repeat("]", levels) + "\n"
	}
	var b strings.Builder
	for range levels {
		b.WriteString("- ")
	}
	return b.String() + "a\n"
}

// bomb is YAML whose aliases expand to more than a machine's memory.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	return b.String()
}

// hostile are files that nobody writes.
func hostile() map[string]string {
	files := map[string]string{
		"docs/huge.md": strings.Repeat("a ", 5<<20), "argocd/huge.yaml": strings.Repeat("a: b\n", 2<<20), "CHANGELOG.md": "\xff\xfe\x00",
		"docs/index.md": front + "![[index]]\n", "containers/a/Dockerfile": "FROM " + strings.Repeat("a", 1<<20),
		"containers/b/Dockerfile": "ARG CONTAINER_APP_VERSION=1\nFROM alpine:3\nRUN " + strings.Repeat("a $b ${c:-d} ", 80_000),
		"containers/c/Dockerfile": "FROM alpine:3\n" + strings.Repeat("RUN a \\\n", 20_000), "containers/d/main.go": strings.Repeat("(", 100_000),
		"service-versions.yaml": bomb(), "service-versions.yml": deep(10_000, true), "towncrier.toml": "a = " + strings.Repeat("[", 10_000),
		".gitleaks.toml": "a = " + strings.Repeat("[", 10_000), ".gitleaksignore": strings.Repeat(":", 10_000), ".markdownlint.yaml": bomb(),
		"go.mod": "module " + strings.Repeat("(", 10_000), "mise.toml": "[tools]\ngo = " + strings.Repeat("{a=", 10_000), "dagger.json": strings.Repeat("[", 100_000),
		"magefiles/magefile.go": "package main\n\nvar x = " + strings.Repeat("(", 100_000), "a.env": strings.Repeat("op://", 20_000), "b.env": strings.Repeat("TOKEN=", 20_000),
		"docs/changelog.d/+a.feature.md": strings.Repeat("- ", 10_000), "docs/changelog.d/+b.feature.md": strings.Repeat("```\n", 10_000),
		"argocd/a/kustomization.yaml": "resources: [../b]\n", "argocd/b/kustomization.yaml": "resources: [../a]\n", "argocd/c/kustomization.yaml": "resources: [.]\n",
		"argocd/latin1.yaml": "a: \xe9\n", "docs/\xff.md": front, "docs/new\nline.md": front,
	}
	for name, unit := range map[string]string{
		"brackets": "[", "wiki": "[[", "closing": "]", "embed": "![[", "pipes": "|", "quotes": "> ", "lists": "- ", "stars": "*a ", "underscores": "_", "backticks": "`a", "ticks": "``` ",
		"comments": "<!--", "tags": "<a ", "autolinks": "<http://a", "links": "[a](", "images": "![a](b", "references": "[a]: b\n", "headings": "# a\n", "hashes": "#", "tables": "|a|b\n|-|-\n",
		"entities": "&#", "escapes": `\[`, "tabs": "\t", "spaces": " ", "feet": "[^a]", "frontmatter": "---\n", "links to headings": "[[index#a]] ", "reused": "[[#hostile]]\n",
	} {
		files["docs/"+name+".md"] = front + strings.Repeat(unit, 100_000/len(unit))
	}
	for dir, suffix := range map[string]string{"argocd/": ".yaml", ".forgejo/workflows/": ".yaml"} {
		files[dir+"deep"+suffix], files[dir+"flow"+suffix], files[dir+"bomb"+suffix] = deep(10_000, false), deep(10_000, true), bomb()
		files[dir+"secret"+suffix] = "kind: Secret\ndata: " + strings.Repeat("{a: ", 10_000)
		files[dir+"self"+suffix] = "a: &a [*a]\nb: *a\n"
		files[dir+"documents"+suffix] = strings.Repeat("---\n", 20_000)
		files[dir+"expression"+suffix] = "on: push\njobs: {a: {runs-on: docker, steps: [{run: \"" + strings.Repeat("${{ a", 5_000) + "\"}]}}\n"
		files[dir+"shell"+suffix] = "on: push\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - run: mage " + strings.Repeat("$((`\"", 5_000) + "\n"
	}
	files["docs/deep.md"] = "---\n" + deep(10_000, true) + "---\n"
	files["docs/bomb.md"] = "---\n" + bomb() + "---\n"
	return files
}

// run runs all checks. It fails the test if they take more than a minute or a check fails.
func run(t *testing.T, fsys fs.FS, names []string) *validate.Report {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	done := make(chan *validate.Report, 1)
	go func() {
		report, _ := validate.Run(ctx, validate.NewTree(fsys, names), All(), validate.Options{Site: site})
		done <- report
	}()
	select {
	case report := <-done:
		for _, f := range report.Failures {
			t.Errorf("%s: %s\n%s", f.Check, f.Error, f.Stack)
		}
		return report
	case <-time.After(90 * time.Second):
		t.Fatal("a check goes on after its context has ended")
		return nil
	}
}

// TestHostile gives every check files that break parsers.
func TestHostile(t *testing.T) {
	t.Parallel()
	dir, names := t.TempDir(), []string{} // fstest.MapFS fails on links that loop
	for name, text := range hostile() {
		place := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(place, []byte(text), 0o644); err != nil && utf8.ValidString(name) { // some systems do not allow such names
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for name, target := range map[string]string{"docs/self.md": "self.md", "docs/loop1.md": "loop2.md", "docs/loop2.md": "loop1.md", "argocd/gone.yaml": "gone/gone.yaml", "docs/around": ".."} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	report := run(t, root.FS(), names)
	large := 0
	for _, f := range report.Findings {
		if f.Rule == "large" {
			large++
		}
		if strings.ContainsAny(f.String(), "\n\x1b") || len(f.Message) > 10_000 {
			t.Errorf("a message of %d bytes: %.200q", len(f.Message), f.String())
		}
	}
	if large != 2 {
		t.Errorf("%d files are too large, want two", large)
	}
}

// TestEmpty gives every check an empty file of each kind that it reads, and an unterminated one.
func TestEmpty(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "\xef\xbb\xbf", "---", "---\n---", "a", "\r\n", "#", "{}", "[]", "null", "- "} {
		fsys := fstest.MapFS{}
		names := []string{
			"docs/a.md", "docs/index.md", "README.md", "CHANGELOG.md", "docs/changelog.d/+a.feature.md", "towncrier.toml", "containers/a/Dockerfile", "containers/b/main.go", "containers/a/.dockerignore",
			"service-versions.yaml", ".forgejo/workflows/a.yaml", ".forgejo/actions/a/action.yml", "argocd/a.yaml", "argocd/b/kustomization.yaml", ".gitleaks.toml", ".gitleaksignore", ".markdownlint.yaml", ".markdownlint.json",
			"go.mod", "go.sum", "mise.toml", "dagger.json", "a.env", "magefiles/magefile.go", "magefiles/main.go", "a.sh", "store.p12",
		}
		for _, name := range names {
			fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		}
		run(t, fsys, names)
	}
	run(t, fstest.MapFS{}, nil)
}
