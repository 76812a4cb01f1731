package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// PublishedMany is the result of PublishMany, in the order of the names.
type PublishedMany []Published

// String is a line for each.
func (p PublishedMany) String() string { return p.join("\n", Published.String) }

// Outputs are the outputs of a CI job, by name.
func (p PublishedMany) Outputs() map[string]string {
	text, err := json.Marshal(append(PublishedMany{}, p...))
	if err != nil {
		text = []byte("[]") // strings only: it does not fail
	}
	return map[string]string{"references": p.join(" ", Published.String), "published": string(text)}
}

// Summary is a line of Markdown for each, for the page of a CI job.
func (p PublishedMany) Summary() string { return p.join("\n", Published.Summary) }

func (p PublishedMany) join(separator string, text func(Published) string) string {
	texts := make([]string, len(p))
	for i, one := range p {
		texts[i] = text(one)
	}
	return strings.Join(texts, separator)
}

// PublishManyError says which containers were not published.
type PublishManyError struct{ Failed []PublishFailure }

// PublishFailure is the error of one container.
type PublishFailure struct {
	Name image.Name
	Err  error
}

func (e *PublishManyError) Error() string {
	lines := make([]string, len(e.Failed))
	for i, f := range e.Failed {
		lines[i] = fmt.Sprintf("%s: %v", f.Name, f.Err)
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the errors.
func (e *PublishManyError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		errs[i] = f.Err
	}
	return errs
}

// Hint says what to do, for each container with a hint.
func (e *PublishManyError) Hint() string {
	var hints []string
	for _, f := range e.Failed {
		var hinter interface{ Hint() string }
		if errors.As(f.Err, &hinter) && hinter.Hint() != "" {
			hints = append(hints, fmt.Sprintf("%s: %s", f.Name, hinter.Hint()))
		}
	}
	return strings.Join(hints, "\n      ")
}
