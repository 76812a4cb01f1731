package engine

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

const (
	runnerVariable  = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
	sessionVariable = "DAGGER_SESSION_PORT"
	tokenVariable   = "DAGGER_SESSION_TOKEN"
	// checkTime is the time limit of each check of the engine that the environment names. The CLI waits for minutes for a missing engine.
	checkTime = 4 * time.Second
	// daggerPackage is the package that an engine of Dagger reports.
	daggerPackage = "github.com/dagger/dagger"
)

// checkDagger returns the reason why the Dagger that the environment names cannot be used, as far as a quick check finds it. The error isSlow if
// a server exists that does not answer yet.
func checkDagger(ctx context.Context, opts Options) error {
	if opts.getenv(sessionVariable) != "" {
		return checkSession(ctx, opts)
	}
	if opts.getenv(cliVariable) != "" {
		if _, err := cliProgram(ctx, opts); err != nil {
			return err
		}
	}
	return checkRunner(ctx, opts)
}

// checkSession asks an open session for its version.
func checkSession(ctx context.Context, opts Options) error {
	port := opts.getenv(sessionVariable)
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return &daggerError{text: fmt.Sprintf("$%s=%q: expected a port number", sessionVariable, port), hint: opts.remedy()}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	at := "127.0.0.1:" + port + " ($" + sessionVariable + ")"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:"+port+"/query", strings.NewReader(`{"query":"{version}"}`))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(opts.getenv(tokenVariable), "")
	direct := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy
	res, err := direct.Do(req)
	switch {
	case err != nil && isTimeout(err):
		return &slowError{daggerError{text: "the session of Dagger at " + at + " did not answer within " + checkTime.String(), hint: opts.remedy(), err: err}}
	case err != nil:
		return &daggerError{text: "no session of Dagger at " + at + ": " + cause(err), hint: opts.remedy(), err: err}
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return &daggerError{text: "the session of Dagger at " + at + " refuses the token of $" + tokenVariable, hint: "set it to the token that the session printed, or unset both; " + withoutDagger}
	case http.StatusBadGateway:
		return &daggerError{text: "the session of Dagger at " + at + " has lost its engine", hint: opts.remedy()}
	}
	return nil
}

// checkRunner checks that an engine of Dagger answers at the address that the environment names.
func checkRunner(ctx context.Context, opts Options) error {
	host := opts.getenv(runnerVariable)
	if host == "" {
		return nil
	}
	scheme, rest, ok := strings.Cut(host, "://")
	within, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	switch {
	case !ok || rest == "":
		return unknownAddress(host)
	case scheme == "tcp" || scheme == "unix":
		if err := checkDial(within, scheme, rest, opts); err != nil {
			return orContextError(ctx, err)
		}
		return orContextError(ctx, checkInfo(within, host, opts))
	case scheme == "tls":
		return orContextError(ctx, checkDial(within, "tcp", rest, opts))
	case containerCommands[plainScheme(scheme)] != nil:
		return orContextError(ctx, checkContainer(within, scheme, rest, opts))
	case slices.Contains([]string{"ssh", "kube-pod", "dagger-cloud"}, scheme):
		return nil // only Dagger knows how to connect
	}
	return unknownAddress(host)
}

// orContextError returns the error of ctx if ctx has ended, otherwise err.
func orContextError(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func unknownAddress(host string) error {
	return &daggerError{
		text: fmt.Sprintf("$%s=%q is not an address of a Dagger engine: expected tcp://HOST:PORT, unix:///PATH, container://NAME, image://IMAGE, ssh://HOST or the like", runnerVariable, host),
		hint: "correct or unset it; " + withoutDagger,
	}
}

func checkDial(ctx context.Context, network, address string, opts Options) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return &daggerError{text: "no Dagger engine" + opts.runner() + ": " + cause(err), hint: opts.remedy(), err: err}
	}
	return conn.Close()
}

// checkInfo asks the server at host for its kind, with the first request of the Dagger CLI.
func checkInfo(ctx context.Context, host string, opts Options) error {
	c, err := client.New(ctx, host)
	if err != nil {
		return &daggerError{text: "no Dagger engine" + opts.runner() + ": " + cause(err), hint: opts.remedy(), err: err}
	}
	defer c.Close()
	info, err := c.Info(ctx)
	other := ""
	switch code := status.Code(err); {
	case err == nil && info.BuildkitVersion.Package == daggerPackage:
		return nil
	case err == nil:
		other = info.BuildkitVersion.Package + " " + info.BuildkitVersion.Version
	case strings.Contains(err.Error(), "frame too large"): // the first bytes of another protocol
		other = "expected HTTP/2 without TLS"
	case ctx.Err() != nil || code == codes.DeadlineExceeded:
		return slowAnswer(fmt.Sprintf("did not answer within %s", checkTime), err, opts)
	case code == codes.Unavailable: // as from a port of a container whose program does not listen yet
		return slowAnswer("closes them", err, opts)
	default:
		other = cause(err)
	}
	return &daggerError{text: "the server" + opts.runner() + " is not a Dagger engine: " + other, hint: opts.remedy(), err: err}
}

func slowAnswer(what string, err error, opts Options) error {
	return &slowError{daggerError{text: "Dagger" + opts.runner() + " accepts connections, but " + what, hint: opts.remedy(), err: err}}
}

// containerCommands are the programs that Dagger may use for an address of a container or an image; it uses the first on PATH.
var containerCommands = map[string][]string{
	"container": {"docker", "container", "podman", "finch", "nerdctl"},
	"docker":    {"docker"},
	"podman":    {"podman"},
	"finch":     {"finch"},
	"nerdctl":   {"nerdctl"},
	"apple":     {"container"},
}

// containerNeeds are the variables that these programs need.
var containerNeeds = slices.Concat(procgroup.Basic, []string{"DOCKER_*", "CONTAINER*", "PODMAN_*", "NERDCTL_*", "SSH_AUTH_SOCK"})

// plainScheme is the key of containerCommands for a scheme such as docker-container, image+podman or container.
func plainScheme(scheme string) string {
	switch kind, by, named := strings.Cut(scheme, "+"); {
	case scheme == "docker-container" || scheme == "docker-image":
		return "docker"
	case named && (kind == "container" || kind == "image"):
		return by
	case !named && (kind == "container" || kind == "image"):
		return "container"
	}
	return ""
}

// checkContainer checks that the container runs, or, if it would be created from an image, that the container engine answers.
func checkContainer(ctx context.Context, scheme, rest string, opts Options) error {
	programs := containerCommands[plainScheme(scheme)]
	at := slices.IndexFunc(programs, func(name string) bool { _, err := exec.LookPath(name); return err == nil })
	if at < 0 {
		return &daggerError{
			text: "no Dagger engine" + opts.runner() + ": none of these programs is on PATH: " + strings.Join(programs, ", "),
			hint: "install one of them, or unset " + runnerVariable + "; " + withoutDagger,
		}
	}
	program := programs[at]
	if program == "container" { // Apple's output differs
		return nil
	}
	args := []string{"version"}
	name := rest
	if u, err := url.Parse(scheme + "://" + rest); err == nil {
		name = u.Host
	}
	runs := strings.Contains(scheme, "container")
	if runs {
		args = []string{"container", "inspect", "--format", "{{.State.Running}}", name}
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = procgroup.Environment(cmd.Environ(), containerNeeds)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := procgroup.Run(ctx, cmd, outputTime)
	switch {
	case ctx.Err() != nil:
		return &slowError{daggerError{text: fmt.Sprintf("cannot check the Dagger engine%s: %s did not answer within %s", opts.runner(), program, checkTime), hint: opts.remedy(), err: err}}
	case err != nil:
		return &daggerError{text: "no Dagger engine" + opts.runner() + ": " + program + ": " + lastLine(out.String(), err), hint: opts.remedy(), err: err}
	case runs && strings.TrimSpace(out.String()) == "false":
		return &daggerError{text: "the container of the Dagger engine" + opts.runner() + " is not running", hint: program + " start " + name + ", or unset " + runnerVariable + "; " + withoutDagger}
	}
	return nil
}

// lastLine is the last line of a program's output, if the program failed.
func lastLine(said string, err error) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := firstLine(lines[len(lines)-1]); last != "" {
		return last
	}
	return firstLine(err.Error())
}
