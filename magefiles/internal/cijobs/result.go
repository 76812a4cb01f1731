package cijobs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// State is the state in which a job ended.
type State string

// The states.
const (
	Passed  State = "passed"
	Failed  State = "failed"  // it has findings
	Broken  State = "error"   // it could not do its work
	Stopped State = "stopped" // with the whole pipeline
)

// Result is the result of a job. Its texts are single lines without control characters.
type Result struct {
	Job      string   `json:"job"`
	State    State    `json:"result"`
	Seconds  float64  `json:"seconds"`
	Note     string   `json:"note"`     // what was done
	Findings []string `json:"findings"` // what is wrong
	Error    string   `json:"error"`    // why the job could not do its work
}

// first is the most important text of the result.
func (r Result) first() string {
	text := r.Error
	if text == "" && len(r.Findings) > 0 {
		text = r.Findings[0]
	}
	if more := len(r.Findings) - 1; more > 0 && r.Error == "" {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return cmp.Or(text, r.Note)
}

// Results are the results of a pipeline, in the order of its jobs.
type Results []Result

// String is one line if all jobs passed, and a line for each job otherwise.
func (r Results) String() string {
	if r.err() == nil {
		jobs := make([]string, len(r))
		for i, one := range r {
			jobs[i] = one.Job + " " + took(one.Seconds)
			if one.Note != "" {
				jobs[i] += " (" + one.Note + ")"
			}
		}
		return strings.Join(jobs, ", ")
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, one := range r {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", one.Job, one.State, took(one.Seconds), one.first())
	}
	_ = w.Flush() // a strings.Builder never fails
	return strings.TrimSuffix(text.String(), "\n")
}

// MarshalJSON writes a list, even if it is empty.
func (r Results) MarshalJSON() ([]byte, error) { return json.Marshal(append([]Result{}, r...)) }

// Outputs are the outputs of a CI job: the names of the jobs that did not pass, with commas between them.
func (r Results) Outputs() map[string]string {
	return map[string]string{"failed": strings.Join(r.names(func(one Result) bool { return one.State != Passed }), ",")}
}

// Summary is a table of Markdown for the page of a CI job. Quoted text is written as code, as jobs repeat foreign text.
func (r Results) Summary() string {
	var text strings.Builder
	text.WriteString("| Job | Result | Time | First finding |\n|---|---|---|---|\n")
	for _, one := range r {
		first := one.first()
		if one.State != Passed {
			first = code(first)
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", one.Job, one.State, took(one.Seconds), first)
	}
	return text.String()
}

func (r Results) names(of func(Result) bool) []string {
	var names []string
	for _, one := range r {
		if of(one) {
			names = append(names, one.Job)
		}
	}
	return names
}

// err is the error if a job did not pass.
func (r Results) err() error {
	if len(r.names(func(one Result) bool { return one.State != Passed })) == 0 {
		return nil
	}
	return &Error{r}
}

// Error says that not all jobs passed.
type Error struct{ Results Results }

func (e *Error) Error() string {
	var parts []string
	for _, of := range []struct {
		state State
		text  string
	}{{Failed, "failed"}, {Broken, "could not run"}, {Stopped, "were stopped"}} {
		if names := e.Results.names(func(r Result) bool { return r.State == of.state }); len(names) > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d jobs %s: %s", len(names), len(e.Results), of.text, strings.Join(names, ", ")))
		}
	}
	return strings.Join(parts, "; ")
}

// Exit statuses: a job has findings; a job could not do its work.
const (
	statusFailed = 1
	statusBroken = 2
)

// ExitStatus is 1 if jobs have findings, and 2 if one could not do its work.
func (e *Error) ExitStatus() int {
	if len(e.Results.names(func(r Result) bool { return r.State == Broken })) > 0 {
		return statusBroken
	}
	return statusFailed
}

// Hint says what to do.
func (e *Error) Hint() string {
	again := e.Results.names(func(r Result) bool { return r.State != Passed })
	if len(again) == len(e.Results) {
		return ""
	}
	return "-only=" + strings.Join(again, ",") + " repeats them"
}

// took formats a time for people.
func took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Minute-50*time.Millisecond {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}
