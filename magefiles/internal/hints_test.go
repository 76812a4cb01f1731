package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/target"
)

// speakers are the targets that say the messages of a file in which flags are named, by path below magefiles. A message may instead name the target
// that has the flag, as in `docs:release patch -new`.
var speakers = map[string][]string{
	"internal/app/attend.go":                  {"container:build", "container:publish", "docs:build"},
	"internal/builders/error.go":              {"container:build", "container:publish"},
	"internal/app/builder_secrets.go":         {"container:build", "container:publish", "container:shell"},
	"internal/app/changed.go":                 {"container:changed"},
	"internal/app/ci_containers.go":           {"container:changed"},
	"internal/app/container_release.go":       {"container:release"},
	"internal/app/docs_serve.go":              {"docs:serve"},
	"internal/adopt/commands.go":              {"validate"},
	"internal/app/adopt.go":                   {"adopt"},
	"internal/app/shell.go":                   {"container:shell"},
	"internal/app/publish_promote.go":         {"container:publish", "ci:tag"},
	"internal/console/format.go":              {"container:publish", "container:list", "docs:release", "doctor", "engine:status", "validate"},
	"internal/build/build.go":                 {"container:build"},
	"internal/containerrelease/run_errors.go": {"container:release"},
	"internal/publish/errors.go":              {"container:publish"}, // others say something else: publish.WithoutForce
	"internal/cijobs/choose.go":               {"ci"},
	"internal/pipeline/errors.go":             {"container:build", "container:publish", "container:shell"},
	"internal/promote/errors.go":              {"container:promote", "container:publish", "ci:tag"},
	"internal/docsrelease/plan.go":            {"docs:release"},
	"internal/app/validate.go":                {"validate"},
	"internal/validate/checks/workflows.go":   {"validate"},
	"internal/validate/baseline/file.go":      {"validate"},
	"internal/validate/report/baseline.go":    {"validate"},
	"internal/validate/choose.go":             {"validate", "doctor", "drift"},
	"internal/validate/report/report.go":      {"validate", "doctor", "drift"},
	"internal/validate/report/text.go":        {"validate", "doctor", "drift"},
}

var (
	flagInText   = regexp.MustCompile("(?:^|[\\s(`«\"])-([a-z]+)\\b")
	targetInText = regexp.MustCompile(`\b[a-z]+:[a-z]+\b`)
)

// TestFlagsInMessages reads every message, and looks whether the targets that say it have the flags that it names.
func TestFlagsInMessages(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	set := targets(t, root)
	all := map[string]bool{}
	for _, one := range set.All() {
		for _, flag := range one.Flags {
			all[flag.Name] = true
		}
	}
	seen, used := 0, map[string]bool{}
	for _, file := range sources(t) {
		for _, text := range texts(t, filepath.Join("..", file)) {
			for _, m := range flagInText.FindAllStringSubmatch(text, -1) {
				flag := m[1]
				if !all[flag] || named(set, text, flag) {
					continue
				}
				seen++
				used[file] = true
				if len(speakers[file]) == 0 {
					t.Errorf("%s: %q names -%s: write which target has it, or list the targets that say this", file, text, flag)
				}
				for _, name := range speakers[file] {
					if one, ok := set.Find(name); !ok || !has(one, flag) {
						t.Errorf("%s: %q names -%s, which %s does not have", file, text, flag, name)
					}
				}
			}
		}
	}
	for file := range speakers {
		if !used[file] {
			t.Errorf("%s names no flag: take it out of the list", file)
		}
	}
	if seen < 10 {
		t.Errorf("only %d flags were found", seen)
	}
}

func has(one target.Target, flag string) bool {
	return slices.ContainsFunc(one.Flags, func(p target.Param) bool { return p.Name == flag })
}

// named tells whether a text names a target that has the flag.
func named(set *target.Set, text, flag string) bool {
	return slices.ContainsFunc(targetInText.FindAllString(text, -1), func(name string) bool {
		one, ok := set.Find(name)
		return ok && has(one, flag)
	})
}

// generated is a file that Mage writes while it compiles, as tests of other packages have it do at the same time.
const generated = "mage_output_file.go"

func targets(t *testing.T, root string) *target.Set {
	t.Helper()
	var names []string
	for _, pattern := range []string{"go.mod", "magefiles/*.go", "magefiles/targets/*.go"} {
		found, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, slices.DeleteFunc(found, func(name string) bool { return path.Base(name) == generated })...)
	}
	set, err := target.Read(validate.NewTree(os.DirFS(root), names))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// sources are the files whose messages users read, by path below magefiles.
func sources(t *testing.T) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || entry.Name() == generated {
			return err
		}
		for _, other := range []string{"internal/bench/", "internal/e2e/", "internal/lab/", "internal/engine/enginetest/", "internal/testenv/"} { // for developers
			if strings.HasPrefix(name, other) {
				return nil
			}
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// texts are the string literals of a file that are sentences, not arguments of commands.
func texts(t *testing.T, name string) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		if text, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(text, " ") && !strings.HasPrefix(text, "go ") {
			found = append(found, text)
		}
		return true
	})
	return found
}
