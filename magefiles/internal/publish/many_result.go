package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Results is the result of Many, in the order of the names.
type Results []Result

// String is a line for each.
func (p Results) String() string { return p.join("\n", Result.String) }

// Outputs are the outputs of a CI job, by name.
func (p Results) Outputs() map[string]string {
	text, err := json.Marshal(append(Results{}, p...))
	if err != nil {
		text = []byte("[]") // strings only: it does not fail
	}
	return map[string]string{"references": p.join(" ", Result.String), "published": string(text)}
}

// Summary is a line of Markdown for each, for the page of a CI job.
func (p Results) Summary() string { return p.join("\n", Result.Summary) }

func (p Results) join(separator string, text func(Result) string) string {
	texts := make([]string, len(p))
	for i, one := range p {
		texts[i] = text(one)
	}
	return strings.Join(texts, separator)
}

// ManyError says which containers were not published.
type ManyError struct{ Failed []Failure }

// Failure is the error of one container.
type Failure struct {
	Name image.Name
	Err  error
}

func (e *ManyError) Error() string {
	lines := make([]string, len(e.Failed))
	for i, f := range e.Failed {
		lines[i] = fmt.Sprintf("%s: %v", f.Name, f.Err)
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the errors.
func (e *ManyError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		errs[i] = f.Err
	}
	return errs
}

// Hint says what to do, for each container with a hint.
func (e *ManyError) Hint() string {
	var hints []string
	for _, f := range e.Failed {
		var hinter interface{ Hint() string }
		if errors.As(f.Err, &hinter) && hinter.Hint() != "" {
			hints = append(hints, fmt.Sprintf("%s: %s", f.Name, hinter.Hint()))
		}
	}
	return strings.Join(hints, "\n      ")
}
