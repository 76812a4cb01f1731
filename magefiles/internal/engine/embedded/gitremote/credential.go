package gitremote

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// HostCredential asks the user's credential helpers of git for the remote, and returns the value of the header Authorization; "" if they have none.
// It asks nobody at a terminal.
func (r Remote) HostCredential(ctx context.Context) string {
	u, err := url.Parse(r.URL)
	if err != nil || strings.ContainsAny(u.Host+u.Path, "\n\x00") {
		return ""
	}
	cmd := exec.CommandContext(ctx, "git", "-c", "core.askPass=", "-c", "credential.interactive=false", "credential", "fill")
	cmd.Env = append(procgroup.Environment(os.Environ(), procgroup.Git), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "LC_ALL=C")
	cmd.Dir = os.TempDir() // not the configuration of a repository
	cmd.Stdin = strings.NewReader("protocol=" + u.Scheme + "\nhost=" + u.Host + "\npath=" + strings.TrimPrefix(u.Path, "/") + "\n\n")
	var out bytes.Buffer
	cmd.Stdout = &out
	if procgroup.Run(ctx, cmd, grace) != nil {
		return ""
	}
	values := map[string]string{}
	for _, line := range strings.Split(out.String(), "\n") {
		name, value, _ := strings.Cut(line, "=")
		values[name] = value
	}
	if values["password"] == "" {
		return ""
	}
	return "basic " + base64.StdEncoding.EncodeToString([]byte(values["username"]+":"+values["password"]))
}
