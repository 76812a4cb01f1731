package engine_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// rights prints the capabilities of the command, and whether it may mount a file system.
const rights = `grep CapEff /proc/self/status; mkdir -p /x; mount -t tmpfs none /x 2>/dev/null && echo mounted`

// effective is the line of the effective capabilities in a file like /proc/self/status.
var effective = regexp.MustCompile(`CapEff:\t[0-9a-f]{16}`)

// rightsOfRoot is that line for the root user that started the daemon.
func rightsOfRoot(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	return effective.FindString(string(status))
}

func TestInsecureCommandsAreRefusedWithoutTheSetting(t *testing.T) {
	testenv.Superuser(t, "an engine that does not run as root refuses with another reason")
	_, _, ct := attended(t, nil)
	ctx := t.Context()
	_, err := ct.WithExec([]string{"true"}, dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}).Sync(ctx)
	testenv.WantError(t, err, "Container.withExec(insecureRootCapabilities): ", "EngineInsecure", "BLUMEOPS_ENGINE_INSECURE=true")
	_, err = ct.AsService(dagger.ContainerAsServiceOpts{Args: []string{"true"}, InsecureRootCapabilities: true}).Start(ctx)
	testenv.WantError(t, err, "Container.asService(insecureRootCapabilities): ", "BLUMEOPS_ENGINE_INSECURE=true")
	_, err = ct.Terminal(dagger.ContainerTerminalOpts{InsecureRootCapabilities: true}).Sync(ctx)
	testenv.WantError(t, err, "Container.terminal(insecureRootCapabilities): ", "BLUMEOPS_ENGINE_INSECURE=true")
	_, err = ct.WithDefaultTerminalCmd([]string{"sh"}, dagger.ContainerWithDefaultTerminalCmdOpts{InsecureRootCapabilities: true}).Terminal().Sync(ctx)
	testenv.WantError(t, err, "Container.terminal(insecureRootCapabilities): ", "BLUMEOPS_ENGINE_INSECURE=true")
	_, err = ct.WithNewFile("/Dockerfile", "# syntax\nFROM scratch\nRUN --security=insecure true\n").Directory("/").DockerBuild().Sync(ctx)
	testenv.WantError(t, err, "security.insecure is not allowed")
}

// The effective capabilities of an insecure command are those of root on this machine, as in Dagger. Another user has none of them.
func TestInsecureCommands(t *testing.T) {
	testenv.Superuser(t, "all rights of root")
	p, c, ct := attended(t, func(o *engine.Options) { o.Insecure = true })
	p.piped = true
	ctx := t.Context()
	all := rightsOfRoot(t)
	ct = ct.WithEnvVariable("N", nonce())
	secure, err := ct.WithExec([]string{"sh", "-c", rights}, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}).Stdout(ctx)
	must(t, err)
	if strings.Contains(secure, "mounted") {
		t.Errorf("without insecureRootCapabilities: %q", secure)
	}
	insecure := dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}
	got, err := ct.WithExec([]string{"sh", "-c", rights}, insecure).Stdout(ctx)
	must(t, err)
	if want := all + "\nmounted\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got, err = ct.WithUser("1000").WithExec([]string{"grep", "CapEff", "/proc/self/status"}, insecure).Stdout(ctx)
	must(t, err)
	if want := "CapEff:\t0000000000000000\n"; got != want {
		t.Errorf("user 1000: got %q, want %q", got, want)
	}
	command := []string{"sh", "-c", rights}
	must(t, terminal(ct.WithDefaultTerminalCmd(command, dagger.ContainerWithDefaultTerminalCmdOpts{InsecureRootCapabilities: true}))())
	_, err = ct.Terminal(dagger.ContainerTerminalOpts{Cmd: command, InsecureRootCapabilities: true}).Sync(context.Background())
	must(t, err)
	must(t, terminal(ct, command...)())
	want := strings.Repeat(all+"\nmounted\n", 2) + effective.FindString(secure) + "\n"
	if p.text() != want {
		t.Errorf("terminals: got %q, want %q", p.text(), want)
	}

	web := c.Container().WithFile("/program", c.Host().Directory(program(t, web)).File("program"))
	for mode, want := range map[bool]string{false: effective.FindString(secure), true: all} {
		s := web.WithExposedPort(8080).AsService(dagger.ContainerAsServiceOpts{Args: []string{"/program", nonce()}, InsecureRootCapabilities: mode})
		endpoint, err := s.Endpoint(ctx, dagger.ServiceEndpointOpts{Scheme: "http"})
		must(t, err)
		status, err := c.HTTP(endpoint+"/rights", dagger.HTTPOpts{ExperimentalServiceHost: s}).Contents(ctx)
		must(t, err)
		if got := effective.FindString(status); got != want {
			t.Errorf("service, insecure %v: got %q, want %q", mode, got, want)
		}
	}
}
