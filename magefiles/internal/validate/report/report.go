// Package report writes the result of a run of the checks: as text for people, and in formats for programs.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// Formats are the formats that Writer.Write accepts.
var Formats = []string{"text", "json", "sarif", "github"}

// A Writer writes reports. Its zero value is ready to use.
type Writer struct {
	// Checks are all existing checks; SARIF lists their rules.
	Checks []validate.Check
	// Verbose adds the stacks of panics to text.
	Verbose bool
	// Page is the public address of docs/reference/checks.md, for SARIF; "" if it has none.
	Page string
}

// CheckFormat refuses an unknown format.
func CheckFormat(format string) error {
	if !slices.Contains(Formats, format) {
		return fmt.Errorf("-format=%s: expected one of %s", format, strings.Join(Formats, ", "))
	}
	return nil
}

// Write writes r in one of Formats, in whole lines. In text and github it writes nothing if there are no findings and no failures.
func (o Writer) Write(w io.Writer, format string, r *validate.Report) error {
	if err := CheckFormat(format); err != nil {
		return err
	}
	switch format {
	case "json", "sarif":
		var document bytes.Buffer
		write := o.sarif
		if format == "json" {
			write = writeJSON
		}
		if err := write(&document, r); err != nil {
			return err
		}
		_, err := w.Write(plain.JSON(document.Bytes()))
		return err
	case "github":
		_, err := io.WriteString(w, github(r))
		return err
	}
	_, err := io.WriteString(w, text(r, o.Verbose))
	return err
}

// writeJSON writes one document, with the fields of the structs in their order.
func writeJSON(w io.Writer, r *validate.Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Findings []validate.Finding `json:"findings"`
		Failures []validate.Failure `json:"failures"`
		Checks   []string           `json:"checks"`
		Files    int                `json:"files"`
		Took     int64              `json:"took_ms"`
		Baseline string             `json:"baseline,omitempty"`
		Fixed    []validate.Fixed   `json:"fixed,omitempty"`
	}{notNil(r.Findings), notNil(r.Failures), notNil(r.Checks), r.Files, r.Took.Milliseconds(), r.Baseline, r.Fixed})
}

// notNil makes JSON have [] instead of null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
