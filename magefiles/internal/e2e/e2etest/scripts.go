package e2etest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
)

// The variables that name a Dagger engine, and the dagger command, which is fetched where none is named.
const (
	RunnerHost  = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
	commandLine = "_EXPERIMENTAL_DAGGER_CLI_BIN"
)

// script is what the commands of a script share.
type script struct {
	t        testing.TB
	registry *Registry
}

type scriptKey struct{}

// RunScripts runs the scripts of testdata/script. Each begins in the repository of a new workspace; its files below repo/ are part of what is
// committed there. The conditions [embedded] and [dagger] say which engine it runs on. Its commands beside those of testscript:
//
//	mage ARG...                 run mage, which must end with status 0
//	fails STATUS ARG...         run mage, which must end with that status
//	oneline                     stdout of the last command is one line
//	commit                      commit all and push it
//	git ARG...                  git
//	needs runtime|base          leave the script out where that is missing (in CI: fail); base sets the mirror for FROM debian:bookworm
//	registry [OPTION...]        start a registry, in place of one that was started before, and make it the site's ($REGISTRY):
//	                            user=NAME:PASSWORD, create-only, tls (its authority goes to $CA)
//	fault KIND [COUNT]          its next requests fail: see faults; fault none ends that
//	stop                        stop it
//	forget                      forget its requests
//	nowrites, nouploads         of its requests since then none wrote anything, brought bytes of a blob; both can be negated
//	dockerlogin USER PASSWORD   write the Docker configuration that docker login would
//	published NAME:TAG          describe what it holds, on stdout; ! published: it holds nothing there
//	published-in FILE           the same of what the file names
//	layout FILE|DIR             describe an OCI layout, on stdout
func RunScripts(t *testing.T) {
	testscript.Run(t, params("embedded", filepath.Join("testdata", "script")))
}

// RunScriptsOnDagger runs the same scripts on a real Dagger engine.
func RunScriptsOnDagger(t *testing.T) {
	if os.Getenv(RunnerHost) == "" {
		t.Skip("a real Dagger engine is used where " + RunnerHost + " names one, as in docker-container://dagger-engine")
	}
	testscript.Run(t, params("dagger", filepath.Join("testdata", "script")))
}

func params(engine, dir string) testscript.Params {
	return testscript.Params{
		Dir: dir, RequireUniqueNames: true, RequireExplicitExec: true,
		Setup:     func(env *testscript.Env) error { return setUp(env, engine) },
		Condition: func(name string) (bool, error) { return name == engine, nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mage": cmdMage, "fails": cmdFails, "oneline": cmdOneLine, "commit": cmdCommit, "git": cmdGit, "needs": cmdNeeds,
			"registry": cmdRegistry, "fault": cmdFault, "stop": cmdStop, "forget": cmdForget, "nowrites": cmdNoWrites, "nouploads": cmdNoUploads,
			"dockerlogin": cmdDockerLogin, "published": cmdPublished, "published-in": cmdPublishedIn, "layout": cmdLayout,
		},
	}
}

func setUp(env *testscript.Env, engine string) error {
	t, ok := env.T().(testing.TB)
	if !ok {
		return fmt.Errorf("testscript runs on a %T, expected a testing.TB", env.T())
	}
	vars, err := furnish(env.WorkDir, state(t))
	if err != nil {
		return err
	}
	if engine == "dagger" {
		vars.useDagger()
	}
	vars["RANDOM"] = rand.Text() // what no build has in its cache
	for name, value := range vars {
		env.Setenv(name, value)
	}
	env.Cd = filepath.Join(env.WorkDir, "repo")
	s := &script{t: t}
	env.Values[scriptKey{}] = s
	env.Defer(func() {
		if s.registry != nil {
			s.registry.Stop()
		}
	})
	return nil
}

func scriptOf(ts *testscript.TestScript) *script { return ts.Value(scriptKey{}).(*script) }

func (s *script) mustRegistry(ts *testscript.TestScript) *Registry {
	if s.registry == nil {
		ts.Fatalf("no registry was started")
	}
	return s.registry
}

func cmdMage(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! mage; use: fails STATUS ARG...")
	}
	ts.Check(ts.Exec("mage", args...))
}

func cmdFails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails STATUS ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var exit *exec.ExitError
	err = ts.Exec("mage", args[1:]...)
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == want:
	case errors.As(err, &exit):
		ts.Fatalf("mage ended with status %d, expected %d", exit.ExitCode(), want)
	case err != nil:
		ts.Fatalf("mage: %v", err)
	default:
		ts.Fatalf("mage succeeded, expected status %d", want)
	}
}

func cmdOneLine(ts *testscript.TestScript, neg bool, _ []string) {
	if text := ts.ReadFile("stdout"); neg == (strings.Count(text, "\n") == 1 && strings.HasSuffix(text, "\n")) {
		ts.Fatalf("stdout is %q", text)
	}
}

func cmdGit(ts *testscript.TestScript, neg bool, args []string) {
	if err := ts.Exec("git", args...); (err != nil) != neg {
		ts.Fatalf("git: %v", err)
	}
}

func cmdCommit(ts *testscript.TestScript, _ bool, _ []string) {
	for _, args := range [][]string{
		{"add", "--all"},
		{"commit", "--quiet", "--message=Change the shop"},
		{"push", "--quiet", ts.Getenv("WORK") + "/origin.git", "main"},
		{"update-ref", "refs/remotes/origin/main", "main"},
	} {
		ts.Check(ts.Exec("git", args...))
	}
}

func cmdNeeds(ts *testscript.TestScript, _ bool, args []string) {
	t := scriptOf(ts).t
	for _, what := range args {
		switch what {
		case "runtime":
			NeedRuntime(t)
		case "base":
			registry, _ := NeedBase(t, testimage.Debian())
			ts.Setenv("BLUMEOPS_MIRRORS", "docker.io="+registry)
		default:
			ts.Fatalf("needs what? runtime or base")
		}
	}
}

func cmdRegistry(ts *testscript.TestScript, _ bool, args []string) {
	var o lab.RegistryOptions
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "user":
			user, password, _ := strings.Cut(value, ":")
			o.Users = map[string]string{user: password}
		case "create-only":
			o.CreateOnly = true
		case "tls":
			o.TLS = true
		default:
			ts.Fatalf("unknown option %s of a registry", arg)
		}
	}
	s := scriptOf(ts)
	if s.registry != nil {
		s.registry.Stop()
	}
	server, err := startRegistry(s.t.Context(), lab.Home{}, o)
	ts.Check(err)
	s.registry = server
	ts.Setenv("REGISTRY", server.Addr)
	ts.Setenv("BLUMEOPS_REGISTRY", server.Addr)
	if o.TLS {
		ca := ts.MkAbs("../ca.pem")
		ts.Check(os.WriteFile(ca, server.CA, 0o644))
		ts.Setenv("CA", ca)
	}
}

func cmdFault(ts *testscript.TestScript, _ bool, args []string) {
	times := 0 // for ever
	if len(args) == 2 {
		var err error
		times, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	s := scriptOf(ts).mustRegistry(ts)
	if args[0] == "none" {
		s.Proxy().Clear()
		return
	}
	if _, known := faults[args[0]]; !known {
		ts.Fatalf("unknown fault %s", args[0])
	}
	s.Fail(args[0], times)
}

func cmdStop(ts *testscript.TestScript, _ bool, _ []string) { scriptOf(ts).mustRegistry(ts).Stop() }

func cmdForget(ts *testscript.TestScript, _ bool, _ []string) { scriptOf(ts).mustRegistry(ts).Forget() }

func cmdNoWrites(ts *testscript.TestScript, neg bool, _ []string) {
	if writes := scriptOf(ts).mustRegistry(ts).Writes(); neg == (len(writes) == 0) {
		ts.Fatalf("requests that write: %q", writes)
	}
}

func cmdNoUploads(ts *testscript.TestScript, neg bool, _ []string) {
	if n := scriptOf(ts).mustRegistry(ts).UploadedBytes(); neg == (n == 0) {
		ts.Fatalf("%d bytes of blobs came in", n)
	}
}

func cmdDockerLogin(ts *testscript.TestScript, _ bool, args []string) {
	auth := base64.StdEncoding.EncodeToString([]byte(args[0] + ":" + args[1]))
	text, err := json.Marshal(map[string]any{"auths": map[string]any{ts.Getenv("REGISTRY"): map[string]string{"auth": auth}}})
	ts.Check(err)
	dir := filepath.Join(ts.Getenv("HOME"), ".docker")
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600))
}

// cmdPublishedIn is cmdPublished of what a file names.
func cmdPublishedIn(ts *testscript.TestScript, neg bool, args []string) {
	cmdPublished(ts, neg, []string{strings.TrimSpace(ts.ReadFile(args[0]))})
}

func cmdPublished(ts *testscript.TestScript, neg bool, args []string) {
	p, err := scriptOf(ts).mustRegistry(ts).Image("blumeops/" + args[0])
	if neg {
		if err == nil {
			ts.Fatalf("%s is there: %s", args[0], p.Digest)
		}
		return
	}
	ts.Check(err)
	ts.Check(p.describe(ts.Stdout()))
}

func cmdLayout(ts *testscript.TestScript, _ bool, args []string) {
	p, err := ReadLayout(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(p.describe(ts.Stdout()))
}
