package workflow_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/target"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/workflow"
)

// options know one target.
func options(t testing.TB) workflow.Options {
	t.Helper()
	fsys := fstest.MapFS{"magefiles/a.go": &fstest.MapFile{Data: []byte("package main\n\nfunc Publish(name string, dryRun *bool) {}\n")}}
	set, err := target.Read(validate.NewTree(fsys, []string{"magefiles/a.go"}))
	if err != nil {
		t.Fatal(err)
	}
	return workflow.Options{Forgejo: true, Targets: set, Exists: func(string) bool { return true }}
}

func check(t testing.TB, text string) string {
	t.Helper()
	var lines []string
	for _, p := range workflow.Check(".forgejo/workflows/a.yaml", text, options(t)) {
		lines = append(lines, fmt.Sprintf("%d:%d %s: %s", p.Line, p.Column, p.Rule, p.Message))
	}
	return strings.Join(lines, "\n")
}

const head = "on: workflow_dispatch\njobs:\n  a:\n    runs-on: docker\n    steps:\n"

// TestPlaces checks the places of expressions and commands, in each style of script.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ steps, want string }{
		"plain":    {"      - run: ä ${{ github.ref }}\n", "6:16"},
		"quoted":   {"      - run: \"ä ${{ github.ref }}\"\n", "6:17"},
		"escaped":  {"      - run: \"\\t${{ github.ref }}\"\n", "6:14"},
		"literal":  {"      - run: |\n          echo\n\n          ö ${{ github.ref }}\n", "9:13"},
		"indented": {"      - run: |2-\n            ${{ github.ref }}\n", "7:13"},
		"folded":   {"      - run: >-\n          echo\n          ${{ github.ref }}\n", "6:14"},
		"crlf":     {"      - run: |\r\n          echo\r\n          ${{ github.ref }}\r\n", "8:11"},
	} {
		if got := check(t, head+c.steps); !strings.HasPrefix(got, c.want+" injection: ") || strings.Contains(got, "\n") {
			t.Errorf("%s: got %q, want one at %s", name, got, c.want)
		}
	}
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	steps := "      - &step\n        run: mage publish $X\n        env: &env\n          X: y\n      - *step\n      - run: make\n        env: {<<: *env}\n"
	if got := check(t, head+steps); got != "" {
		t.Errorf("want silence, got %s", got)
	}
	merged := "      - &step\n        run: make\n        env:\n          X: y\n      - <<: *step\n        run: mage nothing\n"
	if got, want := check(t, head+merged), `11:19 mage: mage has no target "nothing"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()
	for on, want := range map[string]bool{
		"push":                          true,
		"{push: {branches: [main]}}":    false,
		"{push: {branches: 'v*'}}":      true,
		"{push: {tags: [v1]}}":          true,
		"[pull_request, schedule]":      false,
		"[pull_request, release]":       true,
		"{workflow_call: {inputs: {}}}": true,
	} {
		text := strings.Replace(head, "workflow_dispatch", on, 1) + "      - run: echo ${{ github.ref_name }}\n"
		if got := strings.Contains(check(t, text), "injection"); got != want {
			t.Errorf("on: %s: a finding: %v, want %v", on, got, want)
		}
	}
}

// merges has n mappings; each merges the previous one twice.
func merges(n int) string {
	text := "a0: &a0 {x: y}\n"
	for i := range n {
		text += fmt.Sprintf("a%d: &a%d {<<: [*a%d, *a%d], k%d: v}\n", i+1, i+1, i, i, i)
	}
	return text
}

// TestHostile has texts that would take long or exhaust the stack.
func TestHostile(t *testing.T) {
	t.Parallel()
	many := func(s string, n int) string { return strings.Repeat(s, n/len(s)) }
	const size = validate.MaxSize / 16 // large enough to show quadratic time
	for name, text := range map[string]string{
		"sequences":     many("[", size),
		"mappings":      many("{a: ", size),
		"levels":        many("- ", 20000),
		"parentheses":   head + "      - run: ${{ " + many("(", size) + "\n",
		"condition":     head + "      - if: " + many("!", size) + "\n        run: make\n",
		"operators":     head + "      - run: ${{ " + many("a && ", size) + "a }}\n",
		"expressions":   head + "      - run: " + many("${{ github.ref }}", size) + "\n",
		"open":          head + "      - run: " + many("${{ ", size) + "\n",
		"lines":         head + "      - run: |\n" + many("          mage x ${{ github.ref }}\n", size),
		"substitutions": head + "      - run: mage " + many("$(", size) + "\n",
		"braces":        head + "      - run: mage " + many("{", size) + "\n",
		"heredocs":      head + "      - run: |\n          mage\n" + many("          cat <<A\n", size),
		"steps":         head + many("      - run: mage x\n", size),
		"jobs":          "on: push\njobs:\n" + many("  a: {runs-on: a, needs: [b], steps: [{run: a}]}\n", size),
		"keys":          head + "      - run: a\n        env:\n" + many("          A: b\n", size),
		"merges":        merges(14) + "on: push\njobs: {a: *a14, b: {<<: [*a14, *a13]}}\n",
		"too many":      merges(60),
		"aliases":       "a: &a [x]\nb: [" + many("*a, ", size) + "]\n",
	} {
		t.Run(name, func(t *testing.T) {
			workflow.Check(".forgejo/workflows/a.yaml", text, options(t))
		})
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("a.yaml", head+"      - run: mage publish ${{ inputs.x }} \"$X\" -dryrun\n        env: &e\n          X: ${{ secrets.X }}\n      - uses: a/b@c\n        env: *e\n")
	f.Add("a.yaml", "on: {push: {branches: [main]}, schedule: [{cron: '@daily'}]}\npermissions: {}\njobs: {a: {uses: ./x, <<: {container: b}}}\n")
	f.Add("action.yml", "name: a\ndescription: b\ninputs: {c: {}}\nruns: {using: composite, steps: [{run: 'a ${{ inputs.c }}', shell: bash}]}\n")
	f.Add("a.yaml", "\r\r00")
	f.Add("a.yaml", "on: {<<: &o {push: }}\nenv: &e {A: b}\njobs:\n  a: &j\n    runs-on: &r [x]\n    steps:\n      - &s {run: 'a ${{ x }}', env: {<<: [*e, {B: c}]}}\n      - {<<: *s, id: b}\n  c: {<<: *j, runs-on: *r, env: *e}\n")
	f.Add("a.yaml", "<<: &a [*a, {<<: x}]\non: *a\njobs: {<<: {b: {steps: {<<: }}}}\n")
	f.Add("a.yaml", "on: [pull_request_target]\nenv: {A: '${{ secrets.A }}'}\njobs:\n  a:\n    runs-on: [x, '${{ matrix.y }}']\n    strategy: {matrix: {y: [1], include: [{y: 2}]}, fail-fast: true}\n    container: {image: 'a:1', credentials: {username: b, password: c}}\n    services: {d: {image: e}}\n    outputs: {f: '${{ steps.g.outputs.h }}'}\n    needs: [a]\n    steps: [{id: g, uses: a/checkout@v4, with: {ref: '${{ github.head_ref }}'}, if: always(), timeout-minutes: 5}]\n")
	o := options(f)
	f.Fuzz(func(t *testing.T, name, text string) {
		lines := strings.Count(text, "\n") + 1
		for _, p := range workflow.Check(name, text, o) {
			if p.Line < 0 || p.Line > lines || p.Column < 0 || p.Message == "" || strings.Contains(p.Message+p.Do, "\n") {
				t.Fatalf("of %d lines: %+v", lines, p)
			}
		}
	})
}

// BenchmarkCheck checks 50 workflows of a usual size.
func BenchmarkCheck(b *testing.B) {
	var text strings.Builder
	text.WriteString("name: Build\non:\n  push:\n    branches: [main]\n  workflow_dispatch:\n    inputs:\n      name:\n        type: string\njobs:\n")
	for i := range 3 {
		fmt.Fprintf(&text, "  job%d:\n    runs-on: docker\n    steps:\n", i)
		for range 8 {
			text.WriteString("      - name: Publish\n        if: github.ref == 'refs/heads/main'\n        env:\n          NAME: ${{ inputs.name }}\n        run: |\n          set -eu\n          echo \"$NAME\" >> \"$GITHUB_OUTPUT\"\n          mage publish \"$NAME\" -dryrun\n")
		}
	}
	o := options(b)
	for b.Loop() {
		for range 50 {
			workflow.Check("a.yaml", text.String(), o)
		}
	}
}

// TestEvents compares the events with those in Forgejo's own detection of workflows; those of GitHub and Gitea differ.
func TestEvents(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"workflow_run", "merge_group", "repository_dispatch", "deployment"} {
		found := workflow.Check("a.yaml", strings.Replace(head, "workflow_dispatch", event, 1)+"      - run: make\n", options(t))
		if len(found) != 1 || found[0].Rule != workflow.RuleIgnored || !strings.Contains(found[0].Message, `no event "`+event+`"`) || !strings.Contains(found[0].Do, "push") {
			t.Errorf("%s: %+v", event, found)
		}
	}
	if got := check(t, strings.Replace(head, "workflow_dispatch", "push\npermissions: {id-token: write}", 1)+"      - run: make\n"); !strings.Contains(got, "ignores permissions") {
		t.Error(got)
	}
}

// TestMergesOnGitHub: GitHub does not support merge keys.
func TestMergesOnGitHub(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Forgejo = false
	found := workflow.Check(".github/workflows/a.yaml", head+"      - &s {run: make}\n      - {<<: *s}\n", o)
	if len(found) == 0 || !strings.Contains(fmt.Sprint(found), "does not support YAML merge key") {
		t.Errorf("%+v", found)
	}
}

// TestDo checks the advice that depends on the script.
func TestDo(t *testing.T) {
	t.Parallel()
	text := "on: {workflow_dispatch: {inputs: {path: {type: string}, a-b: {}}}}\njobs:\n  a:\n    runs-on: docker\n    env:\n      B: ${{ inputs.a-b }}\n    steps:\n"
	for step, want := range map[string]string{
		"run: echo ${{ inputs.a-b || 'c' }}":        `Add A_B: ${{ inputs.a-b || 'c' }} to the step's env and write "$A_B" in the script.`,
		"run: echo ${{ inputs.path }}":              `Add GIVEN_PATH: ${{ inputs.path }} to the step's env and write "$GIVEN_PATH" in the script.`,
		"run: echo ${{ env.b }}":                    `Write "$B" in the script.`,
		"{run: '${{ inputs.a-b }}', shell: python}": `Add A_B: ${{ inputs.a-b }} to the step's env and write os.environ["A_B"] in the script.`,
		"{run: '${{ secrets.X }}', shell: pwsh}":    `Add X: ${{ secrets.X }} to the step's env and write $env:X in the script.`,
		"uses: actions/checkout@v4":                 "Write actions/checkout@COMMIT # v4; `git ls-remote https://data.forgejo.org/actions/checkout v4 'v4^{}'` prints the commit, in its last line.",
		"uses: https://forge.example/a/b/sub@main":  "Write https://forge.example/a/b/sub@COMMIT # main; `git ls-remote https://forge.example/a/b main 'main^{}'` prints the commit, in its last line.",
		"uses: actions/checkout":                    "Write actions/checkout@COMMIT # HEAD; `git ls-remote https://data.forgejo.org/actions/checkout HEAD` prints the commit.",
		"uses: docker://alpine:latest":              "Write alpine:VERSION, or alpine@sha256:DIGEST.",
		"run: mage publsh":                          "Write publish.",
		"run: mage publish a -dry=1":                "",
		"{uses: a/github-script@0123456789012345678901234567890123456789, with: {script: '${{ github.ref }}'}}": "Add REF: ${{ github.ref }} to the step's env and write process.env.REF in the script.",
	} {
		found := workflow.Check("a.yaml", text+"      - "+step+"\n", options(t))
		if len(found) != 1 || found[0].Do != want {
			t.Errorf("%s: got %+v, want %s", step, found, want)
		}
	}
}
