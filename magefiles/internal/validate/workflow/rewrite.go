package workflow

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
	"mvdan.cc/sh/v3/syntax"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// rewritten is the correction of a step whose script contains text of other people, or secrets: environment variables of the step have the
// expressions, and the script reads them. It leaves out expressions whose place in the script does not certainly mean the same afterwards. It
// is nil if there is nothing that it can correct.
func (f *file) rewritten(j *job, s *step) *validate.Fix {
	if !f.Fix || f.rewrites >= maxRewrites || f.aliases || f.merges || s.run == nil || s.run.Anchor != "" || s.node.Style&yaml.FlowStyle != 0 || !f.runsShell(j, s) {
		return nil
	}
	r := rewriter{file: f, job: j, step: s, script: s.run.Value, names: map[string]string{}}
	ok := false
	if r.shell, ok = withoutExpressions(r.script); !ok || nested(r.shell) || strings.ContainsRune(r.script, placeholder) || !r.locate() {
		return nil
	}
	tree, err := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true)).Parse(strings.NewReader(r.shell), "")
	if err != nil {
		return nil
	}
	r.places(tree)
	for _, e := range expressions(r.script) {
		r.expression(e)
	}
	f.rewrites++
	return r.fix()
}

// maxRewrites is the number of steps of a file that get a fix at a time: each one is compared with the whole file.
const maxRewrites = 100

// runsShell says that the runner gives a step's script to sh or bash.
func (f *file) runsShell(j *job, s *step) bool {
	program, _, _ := strings.Cut(s.shell, " ")
	switch program {
	case "sh", "bash":
		return true
	case "":
	default:
		return false
	}
	// Without a shell, it depends on the system of the runner: windows has PowerShell.
	return !strings.Contains(strings.ToLower(f.text), "windows")
}

// rewriter rewrites the script of a step.
type rewriter struct {
	*file
	job    *job
	step   *step
	script string
	shell  string // the script with placeholders for its expressions

	starts  []int             // of the script's lines, in the file
	quoting map[int]place     // of the expressions, by their offset in the script
	names   map[string]string // the new variables by their expressions
	order   []string          // the expressions in names
	changed []validate.Edit   // of the script, with its own offsets
}

// place says how a variable is read at a place in a script.
type place int

const (
	leave    place = iota // leave it
	unquoted              // between words: "$X"
	inDouble              // in double quotes, a here-document or a comment: $X
	inSingle              // in single quotes: '"$X"'
)

// locate finds the lines of the script in the file. It fails for folded and escaped texts.
func (r *rewriter) locate() bool {
	offsets := []int{0} // of the lines of the file
	for i := range len(r.text) {
		if r.text[i] == '\n' {
			offsets = append(offsets, i+1)
		}
	}
	n := r.step.run
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		for k, line := range strings.Split(strings.TrimSuffix(r.script, "\n"), "\n") {
			at := n.Line + k // the line after the key, counted from 0
			raw, ok := r.line(at + 1)
			if !ok || at >= len(offsets) || !strings.HasSuffix(raw, line) || strings.TrimLeft(raw[:len(raw)-len(line)], " ") != "" {
				return false
			}
			r.starts = append(r.starts, offsets[at]+len(raw)-len(line))
		}
		return true
	case n.Style == 0 && n.Line <= len(offsets):
		raw, ok := r.line(n.Line)
		column := byteAt(raw, n.Column)
		if !ok || !strings.HasPrefix(raw[column:], r.script) || strings.Contains(r.script, "\n") {
			return false
		}
		r.starts = []int{offsets[n.Line-1] + column}
		return true
	}
	return false
}

// byteAt is the index of a column, which counts characters from 1.
func byteAt(line string, column int) int {
	for i := range line {
		if column--; column == 0 {
			return i
		}
	}
	return len(line)
}

// offset is the place in the file of a byte of the script.
func (r *rewriter) offset(at int) int {
	line := strings.Count(r.script[:at], "\n")
	return r.starts[line] + at - (strings.LastIndexByte(r.script[:at], '\n') + 1)
}

// interpreters are programs that read an argument, or their stdin, as a program: a variable in it would be no correction.
var interpreters = []string{
	"sh", "bash", "dash", "ash", "ksh", "zsh", "fish", "busybox", "eval", "exec", "source", ".", "trap", "let", "alias", "declare", "python", "python2", "python3", "perl", "ruby", "node", "deno", "bun", "php", "lua", "tclsh",
	"awk", "gawk", "mawk", "sed", "jq", "yq", "ed", "ex", "vim", "expect", "ssh", "su", "sudo", "xargs", "parallel", "watch", "psql", "mysql", "sqlite3", "pwsh", "powershell", "cmd", "osascript", "bc", "dc", "expr", "envsubst", "make", "find", "nix", "nix-shell",
}

// severalWords are names of values that people write several words into: without quotes they would become several arguments.
var severalWords = regexp.MustCompile(`(?i)(?:arg|argument|flag|opt|option|param|parameter|file|path|list|tag|label|package|target|module|container|image|word|item|name)s$|extra|cmd|command`)

// readsEnv finds the variables of the step in an expression.
var readsEnv = regexp.MustCompile(`(?i)\benv\s*[.\[]`)

// expression rewrites one expression, if it is one of a finding and its place is certain.
func (r *rewriter) expression(e expression) {
	kind := r.quoting[e.start]
	var p []string
	for _, one := range references(e.body) {
		if isSecret := one[0] == "secrets" || len(one) == 2 && one[1] == "token" && r.isEvent(one[0]); isSecret || r.untrusted(one) != "" || r.throughEnv(r.job, r.step, one) != "" {
			p = one
			break
		}
	}
	if p == nil || kind == leave || strings.ContainsAny(e.body, "\n\r\t") || !utf8.ValidString(e.body) {
		return
	}
	before, after := r.script[:e.start], r.script[e.end:]
	alone := (before == "" || strings.ContainsAny(before[len(before)-1:], " \t\n")) && (after == "" || strings.ContainsAny(after[:1], " \t\n;)|&"))
	switch {
	case before != "" && strings.ContainsAny(before[len(before)-1:], "$\\`"):
		return
	case kind == unquoted && alone && severalWords.MatchString(p[len(p)-1]):
		return
	}
	name := r.variable(e, p)
	if name == "" {
		return
	}
	read := "$" + name
	if strings.HasPrefix(after, "${{") && kind == inDouble { // its value may begin like the rest of a name
		read = "${" + name + "}"
	}
	if after != "" && (after[0] == '_' || after[0] == '[' || '0' <= after[0] && after[0] <= '9' || 'a' <= after[0]|0x20 && after[0]|0x20 <= 'z') {
		if kind == inDouble {
			read = "${" + name + "}"
		}
	}
	switch kind {
	case unquoted:
		read = `"` + read + `"`
	case inSingle:
		read = `'"` + read + `"'`
	}
	r.changed = append(r.changed, validate.Edit{Start: e.start, End: e.end, New: read})
}

// readByPrograms are variables that programs read: a new value would change what they do.
var readByPrograms = []string{
	"DEBUG", "VERBOSE", "QUIET", "CC", "CXX", "CPP", "LD", "AR", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "MAKE", "EDITOR", "VISUAL", "PAGER", "BROWSER", "DISPLAY", "TZ", "BASH_ENV", "BASHOPTS", "SHELLOPTS",
	"PROMPT_COMMAND", "OPTIND", "OPTARG", "RANDOM", "SECONDS", "LINENO", "HOSTNAME", "HOSTTYPE", "MACHTYPE", "OSTYPE", "PPID", "CDPATH", "GLOBIGNORE", "REPLY", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TMP", "TEMP", "LOGNAME", "MAIL", "PORT", "HOST", "PYTHONPATH", "PERL5LIB", "CLASSPATH", "PLATFORM", "ARCH", "GROUPS",
}

// readPrefixes are the beginnings of such names.
var readPrefixes = []string{"GITHUB_", "RUNNER_", "FORGEJO_", "GITEA_", "ACTIONS_", "INPUT_", "BASH_", "LC_", "LD_", "GIT_", "GO", "NODE_", "NPM_", "PYTHON", "PIP_", "RUBY", "JAVA_", "DOCKER_", "BUILDKIT_", "KUBE", "AWS_", "BLUMEOPS_", "MAGEFILE_", "DAGGER_", "XDG_", "SSH_", "DYLD_"}

// variable is the variable that has the value of an expression: one of the step with the same value, or a new one.
func (r *rewriter) variable(e expression, p []string) string {
	if p[0] == "env" && len(p) == 2 && strings.EqualFold(e.body, "env."+p[1]) {
		return r.declared(p[1])
	}
	if name := r.names[e.body]; name != "" {
		return name
	}
	own := get(r.step.node, "env")
	if own != nil && (own.Kind != yaml.MappingNode || own.Style&yaml.FlowStyle != 0 || len(own.Content) == 0) {
		return ""
	}
	found := ""
	pairs(own, func(key, value *yaml.Node) {
		if list := expressions(scalar(value)); len(list) == 1 && list[0].body == e.body && list[0].start == 0 && list[0].end == len(value.Value) && isVariable(key.Value) && !r.assigns(key.Value) {
			found = key.Value
		}
	})
	if found != "" {
		return found
	}
	if own != nil && readsEnv.MatchString(e.body) {
		return "" // a variable of this step has no value yet where the others are set
	}
	name := variable(p)
	if slices.Contains(readByPrograms, name) || slices.ContainsFunc(readPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		name = "GIVEN_" + name
	}
	for _, candidate := range []string{name, "GIVEN_" + strings.TrimPrefix(name, "_"), "GIVEN_" + strings.TrimPrefix(name, "_") + "_2"} {
		if r.isFree(candidate) {
			r.names[e.body] = candidate
			r.order = append(r.order, e.body)
			return candidate
		}
	}
	return ""
}

var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func isVariable(s string) bool { return nameForm.MatchString(s) }

// declared is the name of a variable as the nearest env has it, if the script does not change it.
func (r *rewriter) declared(lower string) (name string) {
	for _, env := range []*yaml.Node{get(r.step.node, "env"), get(r.job.node, "env"), r.env} {
		pairs(env, func(key, _ *yaml.Node) {
			if strings.EqualFold(key.Value, lower) {
				name = key.Value
			}
		})
		if name != "" {
			break
		}
	}
	if !isVariable(name) || r.assigns(name) {
		return ""
	}
	return name
}

// assigns says that a script may set a variable.
func (r *rewriter) assigns(name string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `(?:\+?=|\b[^\n]*\bin\b)|\b(?:read|unset|for|mapfile|readarray|getopts|printf)\b[^\n]*\b` + regexp.QuoteMeta(name) + `\b`).MatchString(r.shell)
}

// isFree says that neither the script nor an env around it has a name.
func (r *rewriter) isFree(name string) bool {
	for _, env := range []*yaml.Node{get(r.step.node, "env"), get(r.job.node, "env"), r.env} {
		if fold(env, name) != nil {
			return false
		}
	}
	for _, known := range r.names {
		if known == name {
			return false
		}
	}
	return !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(r.shell)
}
