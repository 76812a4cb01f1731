package console

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// Output writes results for a CI job to the files that Forgejo's and GitHub's runners name in $GITHUB_OUTPUT and
// $GITHUB_STEP_SUMMARY. A file that is not named is not written, so the zero value does nothing.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#environment-files
type Output struct {
	OutputFile, SummaryFile string
	// Redactor masks secrets; nil writes text as it is.
	Redactor *Redactor
}

var outputName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// Set sets an output of the step, which later steps of the job read as steps.ID.outputs.NAME. The value may have
// several lines.
func (o Output) Set(name, value string) error {
	if !outputName.MatchString(name) {
		return fmt.Errorf("output name %q: expected letters, digits, _ and - only, not beginning with a digit", name)
	}
	value = o.masked(value)
	line := name + "=" + value + "\n"
	if strings.ContainsAny(value, "\r\n") {
		end := delimiter(value)
		line = name + "<<" + end + "\n" + value + "\n" + end + "\n"
	}
	return appendTo("GITHUB_OUTPUT", o.OutputFile, line)
}

// Summary adds Markdown to the job's page.
func (o Output) Summary(markdown string) error {
	return appendTo("GITHUB_STEP_SUMMARY", o.SummaryFile, strings.TrimRight(o.masked(markdown), "\n")+"\n")
}

func (o Output) masked(s string) string {
	if o.Redactor == nil {
		return s
	}
	return o.Redactor.String(s)
}

// delimiter is a text that does not occur in value, so a value cannot end early and set another output.
func delimiter(value string) string {
	end := "END_OF_VALUE"
	for strings.Contains(value, end) {
		end += "_"
	}
	return end
}

// appendTo writes to the file that a variable names.
func appendTo(variable, path, text string) error {
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write a result of the CI job to the file in $%s: %w", variable, err)
	}
	_, err = io.WriteString(file, text)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write a result of the CI job to the file in $%s: %w", variable, err)
	}
	return nil
}
