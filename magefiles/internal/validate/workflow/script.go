package workflow

import (
	"fmt"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// scripts checks the expressions that become part of a step's script before it runs.
func (f *file) scripts(j *job, s *step) {
	if s.run != nil {
		f.script(j, s, s.run)
	}
	if name, _, _ := strings.Cut(scalar(s.uses), "@"); strings.HasSuffix(name, "/github-script") {
		if script := get(get(s.node, "with"), "script"); script != nil {
			f.script(j, s, script)
		}
	}
}

func (f *file) script(j *job, s *step, n *yaml.Node) {
	list := expressions(scalar(n))
	if len(list) == 0 {
		return
	}
	where := f.positions(n)
	read := reading(s)
	fix := sync.OnceValue(func() *validate.Fix { return f.rewritten(j, s) })
	if n != s.run {
		fix = func() *validate.Fix { return nil }
	}
	for _, e := range list {
		line, column := where.at(e.start)
		for _, p := range references(e.body) {
			name := e.spelled(p)
			if p[0] == "secrets" || (len(p) == 2 && p[1] == "token" && f.isEvent(p[0])) {
				f.report(Problem{
					Line: line, Column: column, Rule: RuleSecret, Message: quoted(name) + " is written into the script",
					Do: use(e, p, read), Fix: fix(),
				})
				continue
			}
			who := f.untrusted(p)
			if who == "" {
				who = f.throughEnv(j, s, p)
			}
			if who != "" {
				f.report(Problem{Line: line, Column: column, Rule: RuleInjection, Message: fmt.Sprintf("%s becomes part of the script: %s", quoted(name), who), Do: use(e, p, read), Fix: fix()})
			}
		}
	}
}

// quoted is a name in messages, in the braces of an expression.
func quoted(name string) string { return "${{ " + shorten(name) + " }}" }

func (f *file) isEvent(context string) bool {
	return context == "github" || context == "forgejo" || context == "forge" || context == "gitea"
}

// throughEnv returns who chooses the text of ${{ env.NAME }}, by the value of NAME in the nearest env.
func (f *file) throughEnv(j *job, s *step, p []string) string {
	if p[0] != "env" || len(p) != 2 {
		return ""
	}
	for _, env := range []*yaml.Node{get(s.node, "env"), get(j.node, "env"), f.env} {
		value := fold(env, p[1])
		if value == nil {
			continue
		}
		for _, e := range expressions(scalar(value)) {
			for _, inner := range references(e.body) {
				if who := f.untrusted(inner); who != "" {
					return who
				}
			}
		}
		return ""
	}
	return ""
}

// fold is the value of a key, ignoring case.
func fold(m *yaml.Node, key string) (found *yaml.Node) {
	pairs(m, func(k, v *yaml.Node) {
		if strings.EqualFold(k.Value, key) {
			found = v
		}
	})
	return found
}

// reading is the syntax with which a step's script reads an environment variable; %s is its name.
func reading(s *step) string {
	if s.uses != nil {
		return "process.env.%s"
	}
	program, _, _ := strings.Cut(s.shell, " ")
	switch program {
	case "python", "python3":
		return `os.environ["%s"]`
	case "node":
		return "process.env.%s"
	case "pwsh", "powershell":
		return "$env:%s"
	case "cmd":
		return "%%%s%%"
	}
	return `"$%s"`
}

// use says how to pass an expression to the script without making it a part of the script.
func use(e expression, p []string, read string) string {
	value := e.body
	if len(value) > 80 || strings.Contains(value, "\n") {
		value = strings.Join(p, ".")
	}
	name := variable(p)
	if p[0] == "env" {
		return fmt.Sprintf("Write %s in the script.", fmt.Sprintf(read, strings.ToUpper(p[1])))
	}
	return fmt.Sprintf("Add %s: ${{ %s }} to the step's env and write %s in the script.", name, value, fmt.Sprintf(read, name))
}
