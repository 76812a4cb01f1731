package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"syscall"

	"dagger.io/dagger/engineconn"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// daggerError is the reason why the real Dagger cannot be used, in one line.
type daggerError struct {
	text, hint string
	err        error
}

func (e *daggerError) Error() string { return e.text }
func (e *daggerError) Unwrap() error { return e.err }

// Hint says what the user can do.
func (e *daggerError) Hint() string { return e.hint }

// slowError is the error for a server that does not answer yet.
type slowError struct{ daggerError }

func isSlow(err error) bool {
	var slow *slowError
	return errors.As(err, &slow)
}

const withoutDagger = "BLUMEOPS_ENGINE=embedded builds without Dagger"

// remedy is the hint for an engine of Dagger that does not work.
func (o Options) remedy() string {
	switch {
	case o.getenv(sessionVariable) != "":
		return "open the session again, or unset " + sessionVariable + "; " + withoutDagger
	case o.getenv(runnerVariable) != "":
		return "start the Dagger engine there, or unset " + runnerVariable + "; " + withoutDagger
	}
	return "check that Docker runs; " + withoutDagger
}

// noSession is the error of a Dagger CLI that ended before its session was open, from its output.
func noSession(said string, ended error, opts Options) error {
	text, hint := reason(said), opts.remedy()
	if text == "" {
		text = fmt.Sprintf("the Dagger CLI ended without an error message (%v)", ended)
	}
	for _, known := range knownReasons {
		if known.said.MatchString(text) {
			hint = known.do
			break
		}
	}
	return &daggerError{text: "no session of Dagger" + opts.runner() + ": " + text, hint: hint, err: ended}
}

// knownReasons are the hints for messages of the CLI, the most specific first.
var knownReasons = []struct {
	said *regexp.Regexp
	do   string
}{
	{regexp.MustCompile(`incompatible client version`), "set " + cliVariable + " to the path of the Dagger CLI v" + engineconn.CLIVersion + ", or unset it: then the CLI is downloaded"},
	{regexp.MustCompile(`incompatible engine version`), "update the Dagger engine to v" + engineconn.CLIVersion + "; " + withoutDagger},
	{regexp.MustCompile(`unknown (?:command|flag|shorthand)`), "set " + cliVariable + " to the path of the Dagger CLI v" + engineconn.CLIVersion + ", or unset it: then the CLI is downloaded"},
	{regexp.MustCompile(`driver for scheme`), "install Docker, Podman or another program that the address of the engine requires; " + withoutDagger},
}

var (
	// step is the CLI's prefix of a line: the number of the step, its depth, and the time at which a program in it wrote the line.
	step = regexp.MustCompile(`^(?:\d+ *: )?[┆│ ]*(?:\[[0-9.hms]+\] \| ?)?`)
	// noise matches log lines of the CLI: warnings that only concern its telemetry, and successes.
	noise = regexp.MustCompile(`\b(?:WARN|WRN|INFO|INF|DEBUG|DBG)\b`)
	// trace is a suffix that Dagger adds to messages for its telemetry.
	trace = regexp.MustCompile(`\s*\[traceparent:[0-9a-f-]+\]`)
)

// reason is the reason for which a Dagger CLI failed, from its output, in one line of plain text. The CLI ends with a line "Error: "; before
// that, each failed step has its reason in a line "! ".
func reason(said string) string {
	var final, failed, output, last string
	for _, line := range strings.Split(plain.Text(said), "\n") {
		inStep := step.FindString(line)
		text := strings.TrimSpace(trace.ReplaceAllString(line[len(inStep):], ""))
		switch rest, marked := strings.CutPrefix(text, "! "); {
		case text == "" || noise.MatchString(text):
		case marked:
			failed = rest
		case strings.HasPrefix(text, "Error: "):
			final = strings.TrimPrefix(text, "Error: ")
		case strings.Contains(inStep, "|"):
			output = text
		default:
			last = text
		}
	}
	text := cmp.Or(final, failed, last)
	if strings.HasSuffix(text, ": exit status 1") && output != "" { // of a program, whose last line has more details
		text += ": " + output
	}
	return firstLine(text)
}

// lineLimit is the length at which messages of other programs are cut, in characters.
const lineLimit = 500

// firstLine is the first line of a text, as plain text.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(plain.Text(text)), "\n")
	return plain.Short(line, lineLimit)
}

// cause is the innermost error of the network or the system: the part that the reader needs in addition to the address.
func cause(err error) string {
	var (
		errno syscall.Errno
		dns   *net.DNSError
		start *exec.Error
		asked *url.Error
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fmt.Sprintf("no answer within %s", checkTime)
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &dns):
		return fmt.Sprintf("%s: %s", dns.Name, dns.Err)
	case errors.As(err, &start):
		return start.Err.Error()
	case errors.As(err, &asked):
		return firstLine(asked.Err.Error())
	}
	return firstLine(err.Error())
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// proxied is the CLI's prefix of an error from its engine.
var proxied = regexp.MustCompile(`^http do: (?:Post "\S+": )?`)

// watched is a connection whose errors report the loss of Dagger, with a hint.
type watched struct {
	engineconn.EngineConn
	opts Options
}

// Do sends a request.
func (w watched) Do(r *http.Request) (*http.Response, error) {
	res, err := w.EngineConn.Do(r)
	switch {
	case r.Context().Err() != nil:
		return res, err
	case err != nil:
		return nil, w.lost(cause(err), err)
	case res.StatusCode == http.StatusBadGateway: // the CLI's answer if it cannot reach its engine
		said, _ := io.ReadAll(io.LimitReader(res.Body, outputLimit)) // an error leaves a part of it
		res.Body.Close()                                             // the connection is not used again
		return nil, w.lost(firstLine(proxied.ReplaceAllString(string(said), "")), nil)
	}
	res.Body = &watchedBody{res.Body, r.Context(), w}
	return res, nil
}

func (w watched) lost(why string, err error) error {
	return &daggerError{text: fmt.Sprintf("the connection to Dagger's engine%s was lost: %s", w.opts.runner(), why), hint: "run the command again; if the connection is lost again, " + w.opts.remedy(), err: err}
}

type watchedBody struct {
	io.ReadCloser
	ctx context.Context
	of  watched
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && b.ctx.Err() == nil {
		err = b.of.lost(cause(err), err)
	}
	return n, err
}
