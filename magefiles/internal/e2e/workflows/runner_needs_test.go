package workflows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"mvdan.cc/sh/v3/syntax"
)

// bySDK are commands that no line of ours names: Dagger's SDK starts its command line, which starts the engine with Docker's.
var bySDK = []string{"dagger", "docker"}

// testHolds compares what the image adds to Debian's with the commands that the workflows and the targets start.
func (j *jobImage) testHolds(t *testing.T) {
	if j.config.User != "1000:1000" || !strings.Contains(j.read(t, "etc/passwd"), "runner:x:1000:1000:") || j.config.WorkingDir != "/home/runner" {
		t.Errorf("configuration %+v", j.config)
	}
	env := j.env()
	adds := append(j.names(t, "usr/local/bin"), "go")
	if got := j.chosen(t); !slices.Equal(got, []string{"ca-certificates", "git"}) {
		t.Errorf("packages %q; ca-certificates are for TLS, each other one is to be a command that is needed", got)
	}
	adds = append(adds, "git")
	needs := append(commandsOfWorkflows(t), bySDK...)
	needs = append(needs, commandsOfMage(t)...)
	slices.Sort(needs)
	needs = slices.Compact(needs)
	for _, name := range needs {
		if j.which(env["PATH"], name) == "" {
			t.Errorf("the image has no command %s", name)
		}
	}
	for _, name := range adds {
		if !slices.Contains(needs, name) {
			t.Errorf("the image has the command %s, which nothing needs", name)
		}
	}
	for _, dir := range []string{"opt", "srv", "usr/local/sbin", "var/lib/apt/lists"} {
		if names := j.names(t, dir); len(names) > 0 {
			t.Errorf("%s holds %q", dir, names)
		}
	}
	if dagger := env["_EXPERIMENTAL_DAGGER_CLI_BIN"]; dagger != j.which(env["PATH"], "dagger") {
		t.Errorf("Dagger's SDK takes %q", dagger)
	}
	t.Logf("needed: %q", needs)
}

// which is the path in the image of a command; "" if there is none.
func (j *jobImage) which(path, name string) string {
	for dir := range strings.SplitSeq(path, ":") {
		if info, err := os.Stat(filepath.Join(j.root, dir, name)); err == nil && info.Mode()&0o111 != 0 {
			return dir + "/" + name
		}
	}
	return ""
}

// commandsOfWorkflows are the commands of all scripts, but for the repository's own: .ci/run installs what it needs besides.
func commandsOfWorkflows(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	for name, workflow := range readWorkflows(t) {
		for _, job := range workflow.Jobs {
			for _, step := range job.Steps {
				script, err := syntax.NewParser().Parse(strings.NewReader(step.Run), name)
				if err != nil {
					t.Fatal(err)
				}
				syntax.Walk(script, func(n syntax.Node) bool {
					if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
						if command := call.Args[0].Lit(); !strings.Contains(command, "/") {
							found[command] = true
						}
					}
					return true
				})
			}
		}
	}
	if found[""] {
		t.Error("a script has a command that is in a variable")
	}
	return slices.Collect(maps.Keys(found))
}

// commandsOfMage are those whose names are in the sources of mage's binary, but for the lab's and the shell's for people: no workflow starts one. In
// CI no secret is read with op.
func commandsOfMage(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags=mage", "-deps", "-f", "{{if not .Standard}}{{$p := .}}{{range .GoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}\n{{end}}{{end}}", "./magefiles")
	cmd.Dir = e2etest.Root()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		const own = "forge.ops.eblu.me/eblume/blumeops/magefiles"
		if !strings.HasPrefix(name, own) || strings.HasPrefix(name, own+"/internal/lab") || name == own+"/internal/staticshell" {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(n ast.Node) bool {
			if command, ok := started(n); ok {
				found[command] = true
			}
			return true
		})
	}
	delete(found, "op")
	if len(found) < 2 {
		t.Errorf("of the commands that targets start only %v were found", found)
	}
	return slices.Collect(maps.Keys(found))
}

// started is the command of a call of package exec that names it.
func started(n ast.Node) (command string, ok bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return "", false
	}
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	at, ok := map[string]int{"Command": 0, "LookPath": 0, "CommandContext": 1}[function.Sel.Name]
	if pkg, isName := function.X.(*ast.Ident); !ok || !isName || pkg.Name != "exec" || at >= len(call.Args) {
		return "", false
	}
	literal, ok := call.Args[at].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	command, err := strconv.Unquote(literal.Value)
	return command, err == nil
}
