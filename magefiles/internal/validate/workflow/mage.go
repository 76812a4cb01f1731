package workflow

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/target"
)

// mage checks the mage commands of the steps that run a shell in the root of this repository.
func (f *file) mage() {
	if f.Targets == nil {
		return
	}
	for _, j := range f.jobs {
		for _, s := range j.steps {
			if s.run == nil || j.elsewhere || !atRoot(s.directory) || !isShell(s.shell) || !strings.Contains(scalar(s.run), "mage") {
				continue
			}
			list, ok := commands(scalar(s.run))
			if !ok {
				continue
			}
			where := f.positions(s.run)
			for _, c := range list {
				c = c.plain()
				if c.leaves() {
					break
				}
				if args, ok := c.mage(); ok {
					f.mageLine(where, args)
				}
			}
		}
	}
}

func isShell(shell string) bool {
	program, _, _ := strings.Cut(shell, " ")
	return program == "" || program == "bash" || program == "sh" || program == "dash"
}

func atRoot(dir string) bool { return dir == "" || path.Clean(dir) == "." }

// runners are commands that run another command.
var runners = map[string]bool{"exec": true, "command": true, "nohup": true, "env": true, "sudo": true, "nice": true, "time": true}

// plain is a command without the runners before it.
func (c command) plain() command {
	w := c.words
	for len(w) > 0 {
		switch name, _, assigns := strings.Cut(w[0].text, "="); {
		case assigns && isName(name), w[0].literal && runners[w[0].text]:
			w = w[1:]
			continue
		case starts(w, "mise", "exec", "--"), starts(w, "mise", "x", "--"):
			w = w[3:]
			continue
		}
		break
	}
	return command{w}
}

func isName(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// starts says whether the words begin with the texts.
func starts(w []word, texts ...string) bool {
	if len(w) < len(texts) {
		return false
	}
	for i, text := range texts {
		if !w[i].literal || w[i].text != text {
			return false
		}
	}
	return true
}

// leaves says whether a command changes the directory, or the meaning of mage, so that the commands after it are not checked.
func (c command) leaves() bool {
	if starts(c.words, "cd") {
		return len(c.words) != 2 || !atRoot(c.words[1].text) || !c.words[1].literal
	}
	return starts(c.words, "pushd") || starts(c.words, "alias") || starts(c.words, "source") || starts(c.words, ".")
}

// mage returns the arguments that a command passes to mage. ok is false if it does not run mage.
func (c command) mage() (args []word, ok bool) {
	w := c.words
	if starts(w, "mage") {
		return w[1:], true
	}
	if len(w) < 3 || !w[2].literal {
		return nil, false
	}
	module, _, _ := strings.Cut(w[2].text, "@")
	switch {
	case starts(w, "go", "tool") && (module == "mage" || module == "github.com/magefile/mage"),
		starts(w, "go", "run") && (path.Clean(module) == "mage.go" || module == "github.com/magefile/mage"):
		return w[3:], true
	}
	return nil, false
}

// Options of mage itself, by whether they take a value.
var (
	mageOptions = map[string]bool{"v": false, "f": false, "debug": false, "keep": false, "multiline": false, "t": true, "gocmd": true}
	// Options that change the meaning of the words after them.
	mageOthers = map[string]bool{"h": true, "help": true, "l": true, "version": true, "init": true, "clean": true, "autocomplete": true, "compile": true, "install": true,
		"d": true, "w": true, "goos": true, "goarch": true, "ldflags": true}
)

// mageLine checks the words after mage.
func (f *file) mageLine(where *positions, args []word) {
	l := &line{set: f.Targets, args: args, report: func(w word, message, do string) {
		row, column := where.at(w.offset)
		f.report(Problem{Line: row, Column: column, Rule: RuleMage, Message: message, Do: do})
	}}
	if !l.options() {
		return
	}
	for len(l.args) > 0 && l.target() {
		continue
	}
}

// line is the parser of a mage command.
type line struct {
	set    *target.Set
	args   []word // not read yet
	last   string // the previous target
	report func(at word, message, do string)
}

// options reads the options before the first target, and says whether targets follow.
func (l *line) options() bool {
	for len(l.args) > 0 && strings.HasPrefix(l.args[0].text, "-") {
		w := l.args[0]
		name, _, valued := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(w.text, "-"), "-"), "=")
		takes, known := mageOptions[name]
		switch {
		case mageOthers[name] || !w.literal && !valued || w.text == "--":
			return false
		case !known:
			l.report(w, "mage has no option "+quote("-"+name), "Write the flags of a target after its arguments.")
			return false
		case takes && !valued:
			l.args = l.args[min(2, len(l.args)):]
		default:
			l.args = l.args[1:]
		}
	}
	return true
}

// target reads a target and its arguments. It returns false if the rest cannot be checked.
func (l *line) target() bool {
	w := l.args[0]
	if !w.literal || w.many {
		return false
	}
	t, ok := l.set.Find(w.text)
	if !ok {
		if !l.set.Open {
			l.unknown(w)
		}
		return false
	}
	l.args = l.args[1:]
	for i, p := range t.Positional {
		if len(l.args) == 0 {
			l.report(w, fmt.Sprintf("%s requires %s, but gets %s", t.Name, params(t.Positional), count(i)), "")
			return false
		}
		if l.args[0].many || !l.fits(t, p, l.args[0]) {
			return false
		}
		l.args = l.args[1:]
	}
	l.last = t.Name
	return l.flags(t)
}

func (l *line) unknown(w word) {
	do := ""
	if near := l.set.Nearest(w.text); near != "" {
		do = "Write " + near + "."
	}
	message := "mage has no target " + quote(w.text)
	if l.last != "" {
		message = fmt.Sprintf("%s is neither an argument of %s nor a target", quote(w.text), l.last)
	}
	l.report(w, message, do)
}

// fits says whether a word may be the argument of a parameter.
func (l *line) fits(t target.Target, p target.Param, w word) bool {
	if strings.HasPrefix(w.text, "-") && p.Type == "string" {
		l.report(w, fmt.Sprintf("found %s, but %s requires %s here", quote(w.text), t.Name, strings.ToUpper(p.Name)), "Write the flags of a target after its arguments.")
		return false
	}
	return l.value(t, p, w, w.text, w.literal)
}

// value says whether a text has a parameter's type.
func (l *line) value(t target.Target, p target.Param, at word, text string, literal bool) bool {
	var err error
	switch p.Type {
	case "int":
		_, err = strconv.Atoi(text)
	case "float64":
		_, err = strconv.ParseFloat(text, 64)
	case "bool":
		_, err = strconv.ParseBool(text)
	case "time.Duration":
		_, err = time.ParseDuration(text)
	}
	if err == nil || !literal {
		return true
	}
	l.report(at, fmt.Sprintf("%s requires %s for %s, but gets %s", t.Name, kinds[p.Type], p.Name, quote(text)), "")
	return false
}

var kinds = map[string]string{"int": "a whole number", "float64": "a number", "bool": "true or false", "time.Duration": "a duration (5m30s)"}

// flags reads the flags of a target.
func (l *line) flags(t target.Target) bool {
	for len(l.args) > 0 {
		w := l.args[0]
		if w.text == "" && (w.many || !w.literal) {
			return false // a variable may hold flags
		}
		if !strings.HasPrefix(w.text, "-") {
			return true
		}
		if !l.flag(t, w) {
			return false
		}
		l.args = l.args[1:]
	}
	return true
}

func (l *line) flag(t target.Target, w word) bool {
	name, value, valued := strings.Cut(w.text[1:], "=")
	if !valued && !w.literal {
		return false
	}
	var names []string
	for _, p := range t.Flags {
		if strings.EqualFold(p.Name, name) {
			if !valued && p.Type != "bool" {
				l.report(w, fmt.Sprintf("the flag -%s of %s has no value", p.Name, t.Name), fmt.Sprintf("Write -%s=VALUE.", p.Name))
				return false
			}
			return !valued || !w.many && l.value(t, p, w, value, w.literal)
		}
		names = append(names, p.Name)
	}
	do := ""
	if near := target.Nearest(name, names); near != "" {
		do = "Write -" + near + "."
	}
	l.report(w, fmt.Sprintf("%s has no flag %s", t.Name, quote("-"+name)), do)
	return false
}

// params are positional parameters as `mage -h` shows them.
func params(list []target.Param) string {
	var names []string
	for _, p := range list {
		names = append(names, strings.ToUpper(p.Name))
	}
	return strings.Join(names, " ")
}

func count(n int) string {
	switch n {
	case 0:
		return "no argument"
	case 1:
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", n)
}
