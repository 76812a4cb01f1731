package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// indent precedes lines that belong to the line above.
const indent = "    "

// text writes a line for each finding, with the correction below it. The correction of a rule appears once for each file, so that a long
// list is short and each file still explains itself.
func text(r *validate.Report, verbose bool) string {
	var b strings.Builder
	type told struct{ place, check, rule, do string }
	var file string
	said := map[told]bool{}
	for _, f := range r.New() {
		if f.Path != file {
			file = f.Path
			clear(said)
		}
		b.WriteString(f.String() + "\n")
		what := told{f.Path + "\x00" + f.About, f.Check, f.Rule, f.Do}
		if f.Do != "" && !said[what] {
			b.WriteString(indent + line(f.Do) + "\n")
		}
		said[what] = true
	}
	for _, f := range r.Failures {
		b.WriteString(failureText(f, verbose))
	}
	return b.String()
}

func failureText(f validate.Failure, verbose bool) string {
	message, stack := split(f)
	var b strings.Builder
	fmt.Fprintf(&b, "check %s could not run: %s\n", line(f.Check), message[0])
	for _, more := range message[1:] {
		b.WriteString(indent + more + "\n")
	}
	b.WriteString(indent + hintFor(len(stack) > 0) + "\n")
	if verbose {
		for _, frame := range stack {
			b.WriteString(indent + frame + "\n")
		}
	}
	return b.String()
}

// hintFor is the advice for a failure.
func hintFor(panicked bool) string {
	if panicked {
		return "This is a bug in the check: report it with the output of -v."
	}
	return "Correct the cause; -only runs the other checks without this one."
}

// split separates the lines of an error's message from those of stacks, which validate.Each puts into the text. The message has at least
// one line.
func split(f validate.Failure) (message, stack []string) {
	inStack := false
	for l := range strings.SplitSeq(strings.TrimRight(f.Error, "\n"), "\n") {
		switch {
		case inStack && l == "": // debug.Stack ends with a line feed, errors.Join adds another
			inStack = false
		case inStack || isStack(l):
			inStack = true
			stack = append(stack, tabbed(l))
		case l != "" || len(message) == 0:
			message = append(message, line(l))
		}
	}
	if f.Stack != "" {
		for l := range strings.SplitSeq(strings.TrimRight(f.Stack, "\n"), "\n") {
			stack = append(stack, tabbed(l))
		}
	}
	if len(message) == 0 {
		message = []string{""}
	}
	return message, stack
}

// isStack says whether a line begins a stack: "goroutine 12 [running]:".
func isStack(l string) bool {
	return strings.HasPrefix(l, "goroutine ") && strings.HasSuffix(l, "]:")
}

// tabbed indents a line of a stack.
func tabbed(l string) string {
	rest := strings.TrimLeft(l, "\t")
	return strings.Repeat("  ", len(l)-len(rest)) + line(rest)
}

// line is text as one line, without control characters.
func line(s string) string { return validate.Printable(s) }

// Summary is a run in one line: "3 findings in 2 files (links 2, markdown 1); 12 checks over 431 files in 0.21 s".
func Summary(r *validate.Report) string {
	var b strings.Builder
	fresh := r.New()
	switch {
	case r.Baseline == "" && len(fresh) == 0:
		b.WriteString("no findings")
	case r.Baseline == "":
		b.WriteString(found("", fresh))
	default:
		if len(fresh) == 0 {
			b.WriteString("no new findings")
		} else {
			b.WriteString(found("new ", fresh))
		}
		fmt.Fprintf(&b, "; %d in the baseline %s", r.Known(), line(r.Baseline))
		if n := fixed(r); n > 0 {
			fmt.Fprintf(&b, ", and %d fixed", n)
		}
	}
	if n := len(r.Failures); n > 0 {
		names := make([]string, n)
		for i, f := range r.Failures {
			names[i] = line(f.Check)
		}
		fmt.Fprintf(&b, "; %s could not run (%s)", count(n, "check"), strings.Join(names, ", "))
	}
	separator := "; "
	if len(r.Findings) == 0 && len(r.Failures) == 0 && r.Baseline == "" {
		separator = ": "
	}
	fmt.Fprintf(&b, "%s%s over %s in %.2f s", separator, count(len(r.Checks), "check"), count(r.Files, "file"), r.Took.Seconds())
	return b.String()
}

// manyFindings is the number of findings from which on Advice counts them by rule.
const manyFindings = 10

// mostRules is the number of rules that Advice names.
const mostRules = 3

// Advice are lines for below the summary of a run with many findings: the rules with most of them, and the advice of the checks.
func Advice(r *validate.Report) []string {
	counts, all := map[string]int{}, 0
	var rules []string
	for _, f := range r.New() {
		rule := line(f.Check + "/" + f.Rule)
		if counts[rule] == 0 {
			rules = append(rules, rule)
		}
		counts[rule] += max(1, f.More)
		all += max(1, f.More)
	}
	if all < manyFindings {
		return fixes(r)
	}
	slices.SortFunc(rules, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	rules = rules[:min(len(rules), mostRules)]
	for i, rule := range rules {
		rules[i] = fmt.Sprintf("%s %d", rule, counts[rule])
	}
	lines := []string{"Rules with most findings: " + strings.Join(rules, ", ") + "."}
	for _, advice := range r.Advice {
		lines = append(lines, line(advice))
	}
	return append(lines, fixes(r)...)
}

// found counts the findings by check, and their files; the check with the most findings comes first.
func found(kind string, list []validate.Finding) string {
	files, checks := map[string]bool{}, map[string]int{}
	var names []string
	all, warnings := 0, 0
	for _, f := range list {
		if f.Warning {
			warnings += max(1, f.More)
		}
		if f.Path != "" {
			files[f.Path] = true
		}
		if checks[f.Check] == 0 {
			names = append(names, f.Check)
		}
		n := max(1, f.More)
		checks[f.Check] += n
		all += n
	}
	slices.SortFunc(names, func(a, b string) int {
		if checks[a] != checks[b] {
			return checks[b] - checks[a]
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", line(name), checks[name])
	}
	s := count(all, kind+"finding")
	if len(files) > 0 {
		s += " in " + count(len(files), "file")
	}
	s += " (" + strings.Join(names, ", ") + ")"
	if warnings > 0 {
		s += ", " + count(warnings, "warning") + " among them"
	}
	return s
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
