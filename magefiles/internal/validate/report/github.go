package report

import (
	"cmp"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// Workflow commands escape % and line ends, and in properties also the separators. Source: docs.github.com, "Workflow commands for GitHub
// Actions", and toolkit's packages/core/src/command.ts. Forgejo's runner reads the same form.
var (
	escapeData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	escapeProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// github writes a command for each finding and each failure, one a line. Every line begins with ::error or ::warning, so that no quoted text can become
// a command of its own.
func github(r *validate.Report) string {
	var b strings.Builder
	for _, f := range r.New() {
		var at []string
		if f.Path != "" {
			at = append(at, property("file", f.Path))
			if f.Line > 0 {
				at = append(at, fmt.Sprintf("line=%d", f.Line))
				if f.Column > 0 {
					at = append(at, fmt.Sprintf("col=%d", f.Column))
				}
			}
		}
		message := line(f.Message)
		if f.Path == "" && f.About != "" {
			message = line(f.About) + ": " + message
		}
		annotation(&b, level(f), append(at, property("title", f.Check+"/"+f.Rule)), message, line(f.Do))
	}
	for _, f := range r.Failures {
		message, stack := split(f)
		annotation(&b, "error", []string{property("title", "check "+f.Check)}, "could not run: "+strings.Join(message, "\n"), hintFor(len(stack) > 0))
	}
	return b.String()
}

func level(f validate.Finding) string {
	if f.Warning {
		return "warning"
	}
	return "error"
}

func property(name, value string) string { return name + "=" + escapeProperty.Replace(line(value)) }

// annotation writes one command. The correction, if any, is its second line.
func annotation(b *strings.Builder, level string, properties []string, message, do string) {
	whole := strings.TrimRight(cmp.Or(message, " ")+"\n"+do, "\n")
	fmt.Fprintf(b, "::%s %s::%s\n", level, strings.Join(properties, ","), escapeData.Replace(whole))
}
