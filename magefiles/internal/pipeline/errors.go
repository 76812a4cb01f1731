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

// StepError is the error of a command of a build that failed.
type StepError struct {
	Command        []string
	Code           int // its exit code; below 0 if it was never started
	Stdout, Stderr string
	why            string // reason why it was never started, if Stderr does not have it
	err            error
}

// Error names the command and its exit code, or the reason why it was not started. The caller shows the command's output.
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

// maxCommand is the length at which an error cuts a command, in bytes.
const maxCommand = 200

// StepCode is the command's exit code.
func (e *StepError) StepCode() int { return e.Code }

// Hint is the hint for failures that do not come from the command itself.
func (e *StepError) Hint() string {
	said := e.Stderr + "\n" + e.why
	refused, untrusted := trust.Said(said)
	switch {
	case diskFull.MatchString(said):
		return doDiskFull
	case strings.Contains(said, "exec format error"):
		return "check that the program is for the platform of the step, and that a script begins with #! and its interpreter"
	case untrusted && strings.Contains(refused.Do, "BLUMEOPS_CA_FILE"):
		return "a RUN step trusts only the certificate authorities of its base image: COPY the authority's certificate into the image, " +
			"and configure the program to use it (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, PIP_CERT, update-ca-certificates)"
	case untrusted:
		return refused.Do
	}
	return ""
}

// diskFull matches the messages of programs and engines about a full disk.
var diskFull = regexp.MustCompile(`(?i)no space left on device|ENOSPC|disk quota exceeded|is its disk full`)

// unauthorized matches the messages of engines about a registry that requires an account, or another one.
var unauthorized = regexp.MustCompile(`401 Unauthorized|(?i:authentication required|no basic auth credentials|unauthorized|failed to authorize|failed to fetch (?:anonymous|oauth) token)`)

const doUnauthorized = "the registry requires an account for this image: run docker login for its host, or set BLUMEOPS_REGISTRY_USER and BLUMEOPS_REGISTRY_PASSWORD if it is the site's registry (BLUMEOPS_REGISTRY); " +
	"if an account is set, check its password or token"

const doDiskFull = "free space on the engine's disk (engine:prune -all), or move the engine's folder to another disk (BLUMEOPS_ENGINE_STATE); " +
	"a mount of the step may have its own limit"

// Unwrap returns Dagger's error.
func (e *StepError) Unwrap() error { return e.err }

// trace is a suffix that Dagger adds to messages for its own telemetry.
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
		if message := messageOf(failed); step.Code < 0 || diskFull.MatchString(message) {
			step.why = removeNoise(message)
		}
		return step
	}
	if refused, ok := trust.Said(err.Error()); ok && hintOf(err) == "" {
		return &engineError{removeNoise(err.Error()) + " (" + refused.Problem + ")", refused.Do, err}
	}
	text := missing.ReplaceAllString(removeNoise(err.Error()), "$1$2$3$4 is not in the build context")
	hint := hintOf(err)
	if hint == "" {
		hint = hintFor(text)
	}
	if hint == "" && text == err.Error() {
		return err
	}
	return &engineError{text, hint, err}
}

// messageOf is the engine's own message about a failed command.
func messageOf(failed *dagger.ExecError) string {
	if failed.Unwrap() == nil {
		return ""
	}
	return failed.Message()
}

// IsFull reports whether a build failed because a disk is full.
func IsFull(err error) bool {
	var step *StepError
	if errors.As(err, &step) {
		return diskFull.MatchString(step.Stderr + "\n" + step.why)
	}
	return err != nil && diskFull.MatchString(err.Error())
}

// IsLost reports whether a build failed because the connection to its engine was lost.
func IsLost(err error) bool { return err != nil && lost.MatchString(err.Error()) }

// lost matches the messages about a lost connection, of the embedded engine and of Dagger.
var lost = regexp.MustCompile(`connection to (?:BuildKit|Dagger's engine.*) was lost`)

// removeNoise removes the parts of a message that only concern Dagger's internals.
func removeNoise(text string) string {
	return noise.ReplaceAllString(trace.ReplaceAllString(text, ""), "")
}

// noise matches the place in Dagger's call graph at which an error occurred, and the errors that wrap it.
var noise = regexp.MustCompile(`rpc error: code = [A-Za-z]+ desc = |failed to clone built container state: |failed to load container from converted ID: |load [A-Z][A-Za-z]*@[A-Za-z0-9+/=_-]+: |load xxh3:[0-9a-f]+: (?:inputs: )?`)

// missing matches the messages of BuildKit and Dagger about a COPY, ADD or RUN --mount of a file that was not sent.
var missing = regexp.MustCompile(`(?:failed to compute cache key: )?failed to calculate checksum of ref \S+: "([^"]+)": not found|` +
	`failed to content hash dockerfile copy: failed to copy source directory: lstat (\S+): no such file or directory|` +
	`failed to content hash dockerfile copy: failed to unpack source archive: stat /tmp/dagger-mount[0-9]+(\S+): no such file or directory|` +
	`failed to content hash dockerfile bind mount at \S+: failed to get content hash: failed to checksum ref at subdir \S+: "([^"]+)": not found`)

// hints are the hints for messages of engines, the most specific first.
var hints = []struct {
	said *regexp.Regexp
	do   string
}{
	{regexp.MustCompile(`connection to BuildKit was lost`), "run the command again: that starts a new engine; engine:status prints the path of its log"},
	{diskFull, doDiskFull},
	{unauthorized, doUnauthorized},
	{regexp.MustCompile(`server gave HTTP response to HTTPS client`), "the registry uses plain HTTP: if that is intended, add its host to BLUMEOPS_PLAIN_REGISTRIES"},
	{regexp.MustCompile(`is not in the build context`), "put the file into the container's folder (only this folder is sent), and check that .dockerignore does not exclude it; with --from, put it into that stage"},
	{regexp.MustCompile(`^lstat /.+: no such file or directory$`), "check the source of the COPY: the stage or image after --from must have this file"},
	{regexp.MustCompile(`secret "[^"]+" is required but`), "set it with container:build -secret=ID=REFERENCE (example: -secret=ID=env://NAME; also op:// and file://); container:publish has the same flag"},
	{regexp.MustCompile(`llbtodagger: unsupported`), "this Dagger cannot build this Dockerfile, such as RUN --mount=type=cache with uid, gid or mode; the embedded engine can: -engine=embedded"},
	{regexp.MustCompile(`dockerfile parse error`), "correct that line of the Dockerfile"},
	{regexp.MustCompile(`connection refused|no such host|i/o timeout`), "start the registry of the image in FROM, or set a mirror of it in BLUMEOPS_MIRRORS"},
	{regexp.MustCompile(`(?i)(?:LLB|base image).*: not found|pull access denied|insufficient_scope|manifest unknown`), "check the reference after FROM (in a Go program: //blumeops:base), and that its registry has the image"},
}

// hintForBase is the hint for a base image that we chose; without a better reason it is the hint about that choice.
func hintForBase(text, choice string) string {
	refused, untrusted := trust.Said(text)
	switch {
	case untrusted:
		return refused.Do
	case unauthorized.MatchString(text):
		return doUnauthorized
	case diskFull.MatchString(text):
		return doDiskFull
	}
	return choice
}

// hintOf is the hint of the error itself, such as that of a lost connection.
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

// engineError is an error with a readable text and a hint.
type engineError struct {
	text, hint string
	err        error
}

func (e *engineError) Error() string { return e.text }
func (e *engineError) Hint() string  { return e.hint }
func (e *engineError) Unwrap() error { return e.err }
