package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// StepError says that a command of a build failed.
type StepError struct {
	Command        []string
	Code           int // its exit code; below 0 if it was never started
	Stdout, Stderr string
	why            string // it was never started, where Stderr does not say it
	err            error
}

// Error names the command and its exit code, or why it was not started. What it
// printed is for the caller to show.
func (e *StepError) Error() string {
	command := strings.Join(e.Command, " ")
	if line, _, more := strings.Cut(command, "\n"); more || len(line) > maxCommand {
		command = line[:min(len(line), maxCommand)] + "…"
	}
	if e.Code < 0 {
		return fmt.Sprintf("%s: not started: %s", command, cmp.Or(strings.TrimSpace(e.Stderr), e.why))
	}
	return fmt.Sprintf("%s: exit code %d", command, e.Code)
}

// maxCommand is how much of a command an error shows, in bytes.
const maxCommand = 200

// StepCode is the command's exit code.
func (e *StepError) StepCode() int { return e.Code }

// Hint is what to do about failures that have nothing to do with the command itself.
func (e *StepError) Hint() string {
	said := e.Stderr + "\n" + e.why
	refused, untrusted := trust.Said(said)
	switch {
	case full.MatchString(said):
		return doFull
	case strings.Contains(said, "exec format error"):
		return "check that the program is for the platform of the step, and that a script begins with #! and its interpreter"
	case untrusted && strings.Contains(refused.Do, "BLUMEOPS_CA_FILE"):
		return "a RUN step knows the authorities of its base image alone: COPY the authority's certificate into the image, " +
			"and name it there as the program reads it (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, PIP_CERT, update-ca-certificates)"
	case untrusted:
		return refused.Do
	}
	return ""
}

// full is how programs and engines say that a disk is.
var full = regexp.MustCompile(`(?i)no space left on device|ENOSPC|disk quota exceeded|is its disk full`)

// unauthorized is how engines say that a registry wants an account, or another.
var unauthorized = regexp.MustCompile(`401 Unauthorized|(?i:authentication required|no basic auth credentials|unauthorized|failed to authorize|failed to fetch (?:anonymous|oauth) token)`)

const doUnauthorized = "the registry requires an account for this image: docker login its host, or set BLUMEOPS_REGISTRY_USER and BLUMEOPS_REGISTRY_PASSWORD if it is the site's own (BLUMEOPS_REGISTRY); " +
	"an account that is set is not accepted: check its password or token"

const doFull = "free some of the disk that the engine is on, as with engine:prune -all, or give the engine a folder on another one (BLUMEOPS_ENGINE_STATE); " +
	"a mount of the step may have a limit of its own"

// Unwrap gives Dagger's error.
func (e *StepError) Unwrap() error { return e.err }

// trace is what Dagger appends to messages for its own telemetry.
var trace = regexp.MustCompile(` ?\[traceparent:[0-9a-f-]+\]`)

// explain makes an error of the engine readable: a failed command becomes a *StepError.
func explain(err error) error {
	var failed *dagger.ExecError
	var done *StepError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &done):
		return err
	case errors.As(err, &failed):
		step := &StepError{Command: failed.Cmd, Code: failed.ExitCode, Stdout: failed.Stdout, Stderr: failed.Stderr, err: err}
		if message := messageOf(failed); step.Code < 0 || full.MatchString(message) {
			step.why = quieten(message)
		}
		return step
	}
	if refused, ok := trust.Said(err.Error()); ok && hintOf(err) == "" {
		return &engineError{quieten(err.Error()) + " (" + refused.Problem + ")", refused.Do, err}
	}
	text := missing.ReplaceAllString(quieten(err.Error()), "$1$2$3$4 is not in the build context")
	hint := hintOf(err)
	if hint == "" {
		hint = hintFor(text)
	}
	if hint == "" && text == err.Error() {
		return err
	}
	return &engineError{text, hint, err}
}

// messageOf is what the engine says of a failed command in its own words.
func messageOf(failed *dagger.ExecError) string {
	if failed.Unwrap() == nil {
		return ""
	}
	return failed.Message()
}

// IsFull tells whether a build failed because a disk is full.
func IsFull(err error) bool {
	var step *StepError
	if errors.As(err, &step) {
		return full.MatchString(step.Stderr + "\n" + step.why)
	}
	return err != nil && full.MatchString(err.Error())
}

// quieten leaves out of a message what speaks of Dagger's insides alone.
func quieten(text string) string {
	return noise.ReplaceAllString(trace.ReplaceAllString(text, ""), "")
}

// noise is where in its own call graph Dagger met an error, and how it travelled.
var noise = regexp.MustCompile(`rpc error: code = [A-Za-z]+ desc = |failed to clone built container state: |failed to load container from converted ID: |load [A-Z][A-Za-z]*@[A-Za-z0-9+/=_-]+: |load xxh3:[0-9a-f]+: (?:inputs: )?`)

// missing is how BuildKit, and how Dagger, say that COPY, ADD or RUN --mount names a file that was not sent.
var missing = regexp.MustCompile(`(?:failed to compute cache key: )?failed to calculate checksum of ref \S+: "([^"]+)": not found|` +
	`failed to content hash dockerfile copy: failed to copy source directory: lstat (\S+): no such file or directory|` +
	`failed to content hash dockerfile copy: failed to unpack source archive: stat /tmp/dagger-mount[0-9]+(\S+): no such file or directory|` +
	`failed to content hash dockerfile bind mount at \S+: failed to get content hash: failed to checksum ref at subdir \S+: "([^"]+)": not found`)

// hints are what to do about what engines say, the most particular first.
var hints = []struct {
	said *regexp.Regexp
	do   string
}{
	{regexp.MustCompile(`connection to BuildKit was lost`), "run the same again: that starts a new engine; engine:status names its log"},
	{full, doFull},
	{unauthorized, doUnauthorized},
	{regexp.MustCompile(`server gave HTTP response to HTTPS client`), "the registry speaks plain HTTP: if that is meant, name its host in BLUMEOPS_PLAIN_REGISTRIES"},
	{regexp.MustCompile(`is not in the build context`), "put it into the container's folder, which is all that is sent, and see that .dockerignore does not name it; with --from, into that stage"},
	{regexp.MustCompile(`secret "[^"]+" is required but`), "say where its value is with container:build -secret=ID=REFERENCE, as in -secret=ID=env://NAME (or op://, file://); container:publish takes the same"},
	{regexp.MustCompile(`dockerfile parse error`), "mend that line of the Dockerfile"},
	{regexp.MustCompile(`connection refused|no such host|i/o timeout`), "start the registry of the image that FROM names, or name one that stands in for it in BLUMEOPS_MIRRORS"},
	{regexp.MustCompile(`(?i)(?:LLB|base image).*: not found|pull access denied|insufficient_scope|manifest unknown`), "check the reference after FROM (of a Go program: //blumeops:base), and that its registry has it"},
}

// hintForBase is what to do about a base image of our own choice; without a better reason it is the choice.
func hintForBase(text string) string {
	refused, untrusted := trust.Said(text)
	switch {
	case untrusted:
		return refused.Do
	case unauthorized.MatchString(text):
		return doUnauthorized
	case full.MatchString(text):
		return doFull
	}
	return "set BLUMEOPS_NODE_IMAGE to an image with node and npm that can be pulled, or name a mirror in BLUMEOPS_MIRRORS"
}

// hintOf is what an error itself says to do, as one of a lost connection does.
func hintOf(err error) string {
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) {
		return hinter.Hint()
	}
	return ""
}

func hintFor(text string) string {
	for _, h := range hints {
		if h.said.MatchString(text) {
			return h.do
		}
	}
	return ""
}

// engineError is an error with a text that people can read, and what to do about it.
type engineError struct {
	text, hint string
	err        error
}

func (e *engineError) Error() string { return e.text }
func (e *engineError) Hint() string  { return e.hint }
func (e *engineError) Unwrap() error { return e.err }
