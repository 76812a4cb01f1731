package workflow_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/workflow"
)

// fixed is a workflow after the fixes of its problems.
func fixed(t testing.TB, name, text string) string {
	t.Helper()
	var fixes []*validate.Fix
	o := options(t)
	o.Fix = true
	for _, p := range workflow.Check(name, text, o) {
		if p.Fix != nil {
			fixes = append(fixes, p.Fix)
		}
	}
	after, _ := validate.Edited(text, fixes)
	return after
}

const inputs = "on:\n  workflow_dispatch:\n    inputs:\n      x: {type: string}\n      version: {type: string}\n      flags: {type: string}\n      debug: {type: string}\n  issues:\njobs:\n  a:\n    runs-on: docker\n    steps:\n"

// rewrites are scripts with the variables that their step gets and the script afterwards; "" if the script must stay. The values are x, "it's $HOME; exit".
var rewrites = map[string]struct{ script, env, want string }{
	"a word":              {`echo ${{ inputs.x }}`, "X", `echo "$X"`},
	"twice":               {`echo ${{ inputs.x }} ${{inputs.x}}`, "X", `echo "$X" "$X"`},
	"a part of a word":    {`echo v${{ inputs.x }}.tar`, "X", `echo v"$X".tar`},
	"double quotes":       {`echo "v${{ inputs.x }}.tar"`, "X", `echo "v$X.tar"`},
	"a letter follows":    {`echo "${{ inputs.x }}_1" "${{ inputs.x }}[0]"`, "X", `echo "${X}_1" "${X}[0]"`},
	"another follows":     {`echo "${{ inputs.x }}${{ github.run_id }}"`, "X", "echo \"${X}${{ github.run_id }}\""},
	"read by a shell":     {`echo "${{ inputs.x }}" | bash`, "", ""},
	"read in a pipe":      {`echo "${{ inputs.x }}" | tr a b | "sh" -s`, "", ""},
	"a shell on it":       {"cat <<EOF | sh\n${{ inputs.x }}\nEOF", "", ""},
	"a quoted shell":      {`"bash" -c "echo ${{ inputs.x }}"`, "", ""},
	"a version of Python": {`env python3.12 -c "print('${{ inputs.x }}')"`, "", ""},
	"single quotes":       {`echo 'v${{ inputs.x }}'`, "X", `echo 'v'"$X"''`},
	"an assignment":       {`VERSION=${{ inputs.version }}; echo "$VERSION"`, "GIVEN_VERSION", `VERSION="$GIVEN_VERSION"; echo "$VERSION"`},
	"export":              {`export VERSION="${{ inputs.version }}"; echo "$VERSION"`, "GIVEN_VERSION", `export VERSION="$GIVEN_VERSION"; echo "$VERSION"`},
	"before a command":    {`A=${{ inputs.x }} env | grep ^A=`, "X", `A="$X" env | grep ^A=`},
	"known to programs":   {`echo "${{ inputs.debug }}"`, "GIVEN_DEBUG", `echo "$GIVEN_DEBUG"`},
	"an event":            {`echo "${{ github.event.issue.title }}"`, "TITLE", `echo "$TITLE"`},
	"an expression":       {`echo "${{ inputs.x || 'a b' }}"`, "X", `echo "$X"`},
	"a test":              {`[ ${{ inputs.x }} = x ] || echo no`, "X", `[ "$X" = x ] || echo no`},
	"a left side":         {`[[ ${{ inputs.x }} == x* ]] || echo no`, "X", `[[ "$X" == x* ]] || echo no`},
	"a quoted right side": {`[[ x == "${{ inputs.x }}" ]] || echo no`, "X", `[[ x == "$X" ]] || echo no`},
	"case":                {`case ${{ inputs.x }} in x) echo yes;; *) echo no;; esac`, "X", `case "$X" in x) echo yes;; *) echo no;; esac`},
	"a substitution":      {`echo "a $(echo ${{ inputs.x }}) b"`, "X", `echo "a $(echo "$X") b"`},
	"a redirection":       {`echo a > ${{ inputs.x }}.txt`, "X", `echo a > "$X".txt`},
	"a here-string":       {`cat <<< ${{ inputs.x }}`, "X", `cat <<< "$X"`},
	"a comment":           {"echo a # ${{ inputs.x }}\necho b", "X", "echo a # $X\necho b"},
	"a here-document":     {"cat <<EOF\nv${{ inputs.x }}\nEOF", "X", "cat <<EOF\nv$X\nEOF"},
	"in blocks":           {"if true; then\n  for i in 1 2; do echo \"$i ${{ inputs.x }}\"; done\nfi\nf() { echo ${{ inputs.x }}; }; f", "X", "if true; then\n  for i in 1 2; do echo \"$i $X\"; done\nfi\nf() { echo \"$X\"; }; f"},
	"two lines":           {"echo é ${{ inputs.x }}\n\n  echo \"${{ inputs.version }}\"", "X VERSION", "echo é \"$X\"\n\n  echo \"$VERSION\""},
	"some of them":        {"echo ${{ inputs.x }}\neval ${{ inputs.x }}", "X", "echo \"$X\"\neval ${{ inputs.x }}"},
	"trusted ones stay":   {`echo "${{ github.run_id }} ${{ inputs.x }}"`, "X", `echo "${{ github.run_id }} $X"`},

	"several words":         {`echo ${{ inputs.flags }}`, "", ""},
	"several, quoted":       {`echo "${{ inputs.flags }}"`, "FLAGS", `echo "$FLAGS"`},
	"a command":             {`${{ inputs.x }} a`, "", ""},
	"eval":                  {`eval "${{ inputs.x }}"`, "", ""},
	"another shell":         {`bash -c "echo ${{ inputs.x }}"`, "", ""},
	"another program":       {`python3 -c 'print("${{ inputs.x }}")'`, "", ""},
	"ssh":                   {`ssh host "echo ${{ inputs.x }}"`, "", ""},
	"a program on stdin":    {"python3 <<EOF\nprint('${{ inputs.x }}')\nEOF", "", ""},
	"a literal document":    {"cat <<'EOF'\n${{ inputs.x }}\nEOF", "", ""},
	"a loop":                {`for i in ${{ inputs.x }}; do echo "$i"; done`, "", ""},
	"an array":              {`a=(${{ inputs.x }}); echo "${a[@]}"`, "", ""},
	"braces":                {`echo {a,${{ inputs.x }}}`, "", ""},
	"a pattern":             {`[[ abc == ${{ inputs.x }} ]] || echo no`, "", ""},
	"an expression of [[":   {`[[ abc =~ ${{ inputs.x }} ]] || echo no`, "", ""},
	"a case":                {`case x in ${{ inputs.x }}) echo yes;; esac`, "", ""},
	"a number":              {`[[ ${{ inputs.x }} -eq 1 ]] || echo no`, "", ""},
	"arithmetic":            {`echo $((${{ inputs.x }} + 1))`, "", ""},
	"a default":             {`echo "${A:-${{ inputs.x }}}"`, "", ""},
	"backquotes":            {"echo `echo ${{ inputs.x }}`", "", ""},
	"after a backslash":     {`echo "\${{ inputs.x }}"`, "", ""},
	"escapes":               {`echo $'${{ inputs.x }}'`, "", ""},
	"a name":                {`${{ inputs.x }}=1`, "", ""},
	"does not parse":        {`echo "${{ inputs.x }}`, "", ""},
	"an unterminated one":   {`echo "a"; echo ${{ inputs.x`, "", ""},
	"both names are in use": {`X=1 GIVEN_X=2 GIVEN_X_2=3; echo "${{ inputs.x }}"`, "", ""},
}

func literal(script string) string {
	return "      - run: |\n          " + strings.ReplaceAll(script, "\n", "\n          ") + "\n"
}

// The variables of a step are not there yet where others of the same step get their values.
func TestAVariableOfTheSameStepStays(t *testing.T) {
	t.Parallel()
	text := inputs + "      - env:\n          N: a\n        run: |\n          echo \"${{ env.N || inputs.x }}\"\n"
	if got := fixed(t, ".forgejo/workflows/a.yaml", text); got != text {
		t.Errorf("rewritten to\n%s", got[len(inputs):])
	}
}

func TestRewrites(t *testing.T) {
	t.Parallel()
	for name, c := range rewrites {
		text := inputs + strings.ReplaceAll(literal(c.script), "\n          \n", "\n\n")
		want := text
		if c.want != "" {
			env := "      - env:\n"
			for _, name := range strings.Fields(c.env) {
				body := "inputs." + strings.ToLower(strings.TrimPrefix(name, "GIVEN_"))
				if name == "TITLE" {
					body = "github.event.issue.title"
				}
				if strings.Contains(c.script, "||") && strings.Contains(c.script, "'a b'") {
					body = "inputs.x || 'a b'"
				}
				env += "          " + name + ": ${{ " + body + " }}\n"
			}
			want = inputs + env + strings.ReplaceAll(strings.Replace(literal(c.want), "      - run", "        run", 1), "\n          \n", "\n\n")
		}
		got := fixed(t, ".forgejo/workflows/a.yaml", text)
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got[min(len(got), len(inputs)):], want[len(inputs):])
			continue
		}
		if again := fixed(t, ".forgejo/workflows/a.yaml", got); again != got {
			t.Errorf("%s: the second time\n%s", name, again)
		}
		if crlf := fixed(t, ".forgejo/workflows/a.yaml", strings.ReplaceAll(text, "\n", "\r\n")); crlf != strings.ReplaceAll(want, "\n", "\r\n") {
			t.Errorf("%s: with CRLF\n%q", name, crlf)
		}
	}
}

// TestRewritesOfSteps has the YAML around a script.
func TestRewritesOfSteps(t *testing.T) {
	t.Parallel()
	const x, done = "echo ${{ inputs.x }}", "echo \"$X\""
	for name, c := range map[string]struct{ before, after string }{
		"a plain text":     {"      - name: A # b\n        run: " + x + " # c\n", "      - name: A # b\n        env:\n          X: ${{ inputs.x }}\n        run: " + done + " # c\n"},
		"an env":           {"      - run: " + x + "\n        env:\n            A: b # c\n            D: e\n", "      - run: " + done + "\n        env:\n            X: ${{ inputs.x }}\n            A: b # c\n            D: e\n"},
		"an env above":     {"      - env:\n          A: b\n        run: " + x + "\n", "      - env:\n          X: ${{ inputs.x }}\n          A: b\n        run: " + done + "\n"},
		"the same value":   {"      - env: {A: b}\n        run: echo\n      - env:\n          Y: ${{ inputs.x }}\n        run: " + x + "\n", "      - env: {A: b}\n        run: echo\n      - env:\n          Y: ${{ inputs.x }}\n        run: echo \"$Y\"\n"},
		"the name is used": {"      - env:\n          X: b\n        run: " + x + "\n", "      - env:\n          GIVEN_X: ${{ inputs.x }}\n          X: b\n        run: echo \"$GIVEN_X\"\n"},
		"an env with it":   {"      - env:\n          A_b: ${{ inputs.x }}\n        run: echo \"${{ env.a_b }}\"\n", "      - env:\n          A_b: ${{ inputs.x }}\n        run: echo \"$A_b\"\n"},
		"a secret":         {"      - run: login ${{ secrets.TOKEN }}\n", "      - env:\n          TOKEN: ${{ secrets.TOKEN }}\n        run: login \"$TOKEN\"\n"},
		"quotes in YAML":   {"      - run: |\n          echo \"${{ format('a: {0}', inputs.x) }}\"\n", "      - env:\n          X: '${{ format(''a: {0}'', inputs.x) }}'\n        run: |\n          echo \"$X\"\n"},
		"kept lines":       {"      - run: |+\n          " + x + "\n\n\n", "      - env:\n          X: ${{ inputs.x }}\n        run: |+\n          " + done + "\n\n\n"},
		"a shell":          {"      - run: " + x + "\n        shell: bash -e {0}\n", "      - env:\n          X: ${{ inputs.x }}\n        run: " + done + "\n        shell: bash -e {0}\n"},
		"another shell":    {"      - run: " + x + "\n        shell: pwsh\n", ""},
		"double quotes":    {"      - run: \"" + x + "\"\n", ""},
		"single quotes":    {"      - run: '" + x + "'\n", ""},
		"a folded text":    {"      - run: >\n          " + x + "\n          b\n", ""},
		"two plain lines":  {"      - run: " + x + "\n          b\n", ""},
		"a flow mapping":   {"      - {run: echo 1 }\n      - {run: \"" + x + "\"}\n", ""},
		"a flow env":       {"      - run: " + x + "\n        env: {A: b}\n", ""},
		"an empty env":     {"      - run: " + x + "\n        env:\n", ""},
		"anchors":          {"      - run: &a " + x + "\n      - run: *a\n", ""},
		"the last line":    {"      - run: " + x, "      - env:\n          X: ${{ inputs.x }}\n        run: " + done},
	} {
		want := c.after
		if want == "" {
			want = c.before
		}
		got := fixed(t, ".forgejo/workflows/a.yaml", inputs+c.before)
		if got != inputs+want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.TrimPrefix(got, inputs), want)
		}
		if again := fixed(t, ".forgejo/workflows/a.yaml", got); again != got {
			t.Errorf("%s: the second time\n%s", name, again)
		}
	}
	windows := strings.Replace(inputs, "docker", "windows-latest", 1) + "      - run: " + x + "\n"
	if got := fixed(t, ".github/workflows/a.yaml", windows); got != windows {
		t.Errorf("on Windows:\n%s", got)
	}
	action := "name: a\ndescription: b\ninputs:\n  x: {description: c}\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      run: " + x + "\n"
	if got, want := fixed(t, "action.yml", action), strings.Replace(action, "      run: "+x, "      env:\n        X: ${{ inputs.x }}\n      run: "+done, 1); got != want {
		t.Errorf("an action:\n%s", got)
	}
}

// TestRewritesWithActionlint: actionlint finds no untrusted text after the fix, and nothing else that is new. The script is clean for shellcheck.
func TestRewritesWithActionlint(t *testing.T) {
	t.Parallel()
	findings := func(text string) (untrusted, all int) {
		linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Shellcheck: "", Pyflakes: ""})
		if err != nil {
			t.Fatal(err)
		}
		found, err := linter.Lint(".github/workflows/a.yaml", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if strings.Contains(f.Message, "potentially untrusted") {
				untrusted++
			}
		}
		return untrusted, len(found)
	}
	head := "on: issues\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
	for name, c := range rewrites {
		if c.want == "" || name == "some of them" || strings.Contains(c.script, "issue") {
			continue
		}
		text := head + literal(strings.NewReplacer("inputs.x", "github.event.issue.title", "inputs.version", "github.event.issue.body", "inputs.flags", "github.head_ref", "inputs.debug", "github.event.issue.title").Replace(c.script))
		before, all := findings(text)
		after, left := findings(fixed(t, ".forgejo/workflows/a.yaml", text))
		if before == 0 || after != 0 || left != all-before {
			t.Errorf("%s: %d of %d findings, then %d of %d\n%s", name, before, all, after, left, fixed(t, ".forgejo/workflows/a.yaml", text))
		}
	}
}

// TestRewrittenScripts runs each script before and after the fix. With a harmless value both print the same; with any value, the second one runs
// nothing of it. shellcheck finds nothing new in it.
func TestRewrittenScripts(t *testing.T) {
	bash := testenv.Program(t, "bash", "apt-get install bash")
	expression := regexp.MustCompile(`\$\{\{[^}]*\}\}`)
	run := func(script, value string) string {
		cmd := exec.Command(bash, "-c", script)
		cmd.Dir = t.TempDir()
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/home"}
		for _, name := range []string{"X", "VERSION", "GIVEN_VERSION", "GIVEN_DEBUG", "TITLE", "FLAGS"} {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		out, _ := cmd.CombinedOutput() // tests end with other statuses than 0
		return string(out)
	}
	for name, c := range rewrites {
		if c.want == "" || name == "some of them" {
			continue
		}
		filled := expression.ReplaceAllString(c.want, "x1") // the trusted ones, as the forge does
		if before, after := run(expression.ReplaceAllString(c.script, "x1"), "x1"), run(filled, "x1"); before != after {
			t.Errorf("%s: %q, then %q", name, before, after)
		}
		dir := t.TempDir()
		canary := filepath.Join(dir, "canary")
		for _, value := range []string{"$(touch " + canary + ")", "`touch " + canary + "`", "; touch " + canary + " #", "\"; touch " + canary + "; \"", "'; touch " + canary + "; '", "\ntouch " + canary + "\n"} {
			run(filled, value)
			if _, err := os.Stat(canary); err == nil {
				t.Fatalf("%s: a part of %q was run", name, value)
			}
		}
	}
	shellcheck := testenv.Program(t, "shellcheck", "apt-get install shellcheck")
	check := func(script string) string {
		cmd := exec.Command(shellcheck, "-s", "bash", "-f", "gcc", "-")
		cmd.Stdin = strings.NewReader(script)
		var out bytes.Buffer
		cmd.Stdout = &out
		_ = cmd.Run() // 1 with findings
		return regexp.MustCompile(`(?m)^.*\[(SC\d+)\]$`).ReplaceAllString(out.String(), "$1")
	}
	for name, c := range rewrites {
		if c.want == "" || name == "some of them" {
			continue
		}
		before := check(expression.ReplaceAllString(c.script, "x1"))
		for _, code := range strings.Fields(check(expression.ReplaceAllString(c.want, "x1"))) {
			if !strings.Contains(before, code) {
				t.Errorf("%s: shellcheck finds %s in %s", name, code, c.want)
			}
		}
	}
}

// FuzzRewrite: the fix of any workflow is the last one.
func FuzzRewrite(f *testing.F) {
	for _, c := range rewrites {
		f.Add(literal(c.script))
	}
	f.Add("      - run: \"${{ inputs.x }}\"\n        env: {X: y}\n")
	f.Add("      - env:\n          X: ${{ inputs.x }}\n        run: |2\n            echo ${{ inputs.x }}\n")
	o := options(f)
	o.Fix = true
	f.Fuzz(func(t *testing.T, steps string) {
		text := inputs + steps
		count := func(text string) (untrusted int, fixes []*validate.Fix) {
			for _, p := range workflow.Check(".forgejo/workflows/a.yaml", text, o) {
				if p.Rule == workflow.RuleInjection || p.Rule == workflow.RuleSecret {
					untrusted++
				}
				if p.Fix != nil {
					fixes = append(fixes, p.Fix)
				}
			}
			return untrusted, fixes
		}
		before, fixes := count(text)
		once, made := validate.Edited(text, fixes)
		if after, _ := count(once); len(made) > 0 && after >= before {
			t.Errorf("%d findings, then %d:\n%s", before, after, once)
		}
		if again := fixed(t, ".forgejo/workflows/a.yaml", once); again != once && len(made) == 0 {
			t.Errorf("the second time\n%s", again)
		}
	})
}
