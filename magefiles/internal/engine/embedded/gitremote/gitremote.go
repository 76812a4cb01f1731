// Package gitremote lists the references of git repositories, and checks out their commits with the git command of this machine. It also applies and
// makes patches with it.
//
// A credential reaches git only by its environment: arguments are visible to every user of the machine.
package gitremote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// Remote is a repository with the access to it.
type Remote struct {
	// URL is the address without credentials, or the path of a repository on this machine.
	URL string
	// Header is the value of the header Authorization, for HTTP; "" for none.
	Header string
	// Agent is the path of the socket of an SSH agent, for SSH.
	Agent string
	// KnownHosts are the lines of a known_hosts file. Without any, the key of a server is not checked.
	KnownHosts string
	// Direct uses no proxy.
	Direct bool
	// Authorities is the path of a PEM file with all certificate authorities to trust; "" for those of the machine.
	Authorities string

	stdin        string
	index        string // path of the index; "" for that of the repository
	noRepository bool   // git must not look for one
}

// Errors of git, in the words of Dagger.
var (
	ErrAuth           = errors.New("git authentication failed")
	ErrNoRepository   = errors.New("not a git repository")
	ErrSHAUnsupported = errors.New("sha fetch unsupported by remote")
	ErrCertificate    = errors.New("the certificate of the server is not trusted")
	errNoShallow      = errors.New("shallow clone not supported")
)

// Error is the failure of a git command.
type Error struct{ Err error }

func (e *Error) Error() string { return "git error: " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Classify is the cause of a failure, by the output of git; nil if the output does not tell.
func Classify(output string) error {
	output = strings.ToLower(output)
	for _, known := range []struct {
		err   error
		texts []string
	}{
		{ErrAuth, []string{"authentication failed", "authentication required", "could not read username", "could not read password", "permission denied (publickey"}},
		{ErrCertificate, []string{"certificate verification failed", "ssl certificate problem"}},
		{ErrNoRepository, []string{"not a git repository"}},
		{errNoShallow, []string{"does not support shallow"}},
		{ErrSHAUnsupported, []string{"unadvertised object", "not our ref", "couldn't find remote ref"}},
	} {
		for _, text := range known.texts {
			if strings.Contains(output, text) {
				return known.err
			}
		}
	}
	return nil
}

// grace is how long git may take to end after it was interrupted.
const grace = 2 * time.Second

// settings are those of each run.
var settings = []string{
	"core.hooksPath=" + os.DevNull, "protocol.file.allow=user", "gc.auto=0", "maintenance.auto=false", "advice.detachedHead=false",
	"http.lowSpeedLimit=1", "http.lowSpeedTime=60", // a server that sends nothing
}

// run runs git with the access to the remote, and returns its output. The files that it writes have the modes of the umask 022.
func (r Remote) run(ctx context.Context, dir string, args ...string) (string, error) {
	environ, done, err := r.environ()
	if err != nil {
		return "", err
	}
	defer done()
	command := []string{"-c", `umask 022; exec git "$@"`, "git"} // Go can only set the umask for the whole process
	for _, setting := range settings {
		command = append(command, "-c", setting)
	}
	if r.Direct {
		command = append(command, "-c", "http.proxy=")
	}
	cmd := exec.CommandContext(ctx, "sh", append(command, args...)...)
	cmd.Dir, cmd.Env = dir, environ
	var out, log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(r.stdin), &out, &log
	if err := procgroup.Run(ctx, cmd, grace); err != nil {
		return out.String(), explain(ctx, err, log.String())
	}
	return out.String(), nil
}

func explain(ctx context.Context, err error, output string) error {
	var exit *exec.ExitError
	if ctx.Err() != nil || !errors.As(err, &exit) {
		return err
	}
	if exit.ExitCode() == 127 {
		return errors.New("the command git is missing: apt-get install git")
	}
	if cause := Classify(output); cause != nil {
		return &Error{cause}
	}
	return &Error{fmt.Errorf("%w: %s", err, plain.OneLine(lastLine(output)))}
}

// lastLine is the last line of git's output that is an error, otherwise the last line. The reason why git cannot read is in the line before.
func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if i > 0 && strings.Contains(lines[i], "Could not read from remote repository") {
			return lines[i-1]
		}
		if strings.HasPrefix(lines[i], "fatal:") || strings.HasPrefix(lines[i], "error:") {
			return lines[i]
		}
	}
	return lines[len(lines)-1]
}

// environ is the environment of git: that of this process without the user's configuration of git, and the access to the remote.
func (r Remote) environ() (environ []string, done func(), err error) {
	done = func() {}
	for _, entry := range procgroup.Environment(os.Environ(), append([]string{"GIT_SSL_CAINFO", "GIT_SSL_CAPATH"}, procgroup.Basic...)) {
		if name, _, _ := strings.Cut(entry, "="); name != "HOME" && !strings.HasPrefix(name, "XDG_") && !strings.HasPrefix(name, "LC_") {
			environ = append(environ, entry)
		}
	}
	if filepath.IsAbs(r.URL) { // its files may have another owner
		environ = append(environ, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	}
	environ = append(environ, "HOME="+os.DevNull, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0",
		// With protocol.file.allow=user, a repository on the disk is only used if the caller names it, never as a submodule of another.
		"GIT_PROTOCOL_FROM_USER=1")
	if r.Authorities != "" {
		environ = append(environ, "GIT_SSL_CAINFO="+r.Authorities)
	}
	if r.index != "" {
		environ = append(environ, "GIT_INDEX_FILE="+r.index)
	}
	if r.noRepository {
		environ = append(environ, "GIT_DIR="+os.DevNull)
	}
	if r.Header != "" {
		environ = append(environ, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http."+r.server()+".extraHeader", "GIT_CONFIG_VALUE_0=Authorization: "+r.Header)
	}
	// The agent alone has the keys, as with BuildKit: not the user's files.
	ssh := "ssh -F " + os.DevNull + " -o BatchMode=yes -o IdentityFile=none -o ConnectTimeout=30 -o ServerAliveInterval=20"
	if r.KnownHosts == "" {
		return append(environ, "SSH_AUTH_SOCK="+r.Agent, "GIT_SSH_COMMAND="+ssh+" -o StrictHostKeyChecking=no -o UserKnownHostsFile="+os.DevNull), done, nil
	}
	file, err := scratch.Create(os.TempDir(), "blumeops-known-hosts-")
	if err != nil {
		return nil, done, err
	}
	if _, err := file.WriteString(r.KnownHosts); err != nil {
		file.Discard()
		return nil, done, err
	}
	environ = append(environ, "SSH_AUTH_SOCK="+r.Agent, "GIT_SSH_COMMAND="+ssh+" -o UserKnownHostsFile="+file.Name())
	return environ, file.Discard, nil
}

// server is the part of the address that gets the header: the scheme and the host. Submodules on the same server get it too.
func (r Remote) server() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return r.URL
	}
	return u.Scheme + "://" + u.Host + "/"
}
