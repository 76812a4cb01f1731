package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// gitea is the code that Forgejo was forked from; Forgejo itself cannot be built from a module.
var gitea = toolbuild.Program{
	Name:    "gitea",
	Title:   "Gitea",
	Dir:     "gitea",
	Package: "code.gitea.io/gitea",
	Module:  "code.gitea.io/gitea",
	Tags:    "sqlite sqlite_unlock_notify",
	CGO:     true, // uses the SQLite in C
	Seconds: 180,
	Stamp:   map[string]string{"main.Version": "{number}"},
}

// ForgeOptions chooses a forge's addresses and names. The zero value suits a test.
type ForgeOptions struct {
	Addr         string // of HTTP, host:port; "" is a free port of 127.0.0.1
	SSHAddr      string // of git over SSH, host:port; "" is a free port of 127.0.0.1
	Owner        string // user that owns the repositories; "" is eblume
	NoAtomicPush bool   // does not offer git's capability "atomic", as some servers do not
	Actions      bool   // starts the workflows in .forgejo/workflows of repositories that have them enabled; their jobs wait for a Runner
}

// Forge is a forge with Forgejo's API: Gitea, with git over HTTP and SSH, packages and releases. Registration is closed; it sends no mail and
// makes no requests to the network. Its web pages are bare, because its module has no stylesheets.
//
// Clients reach it through its fault proxy, except over SSH. The methods of Forge do not use the fault proxy: their requests are in no log, and
// no fault affects them.
type Forge struct {
	Owner        string // user that owns the repositories
	Organisation string // that Owner owns
	Admin        string // user with all rights

	options   ForgeOptions
	dir       string
	temporary bool
	git       string // path of the command
	path      string // of the program
	static    string // folder of Gitea's templates and pictures
	proxy     *faultproxy.Proxy
	behind    *url.URL // the server itself
	ssh       string   // host:port
	hostKey   ssh.PublicKey
	process   *process
	client    *http.Client

	mu    sync.Mutex // only one goroutine at a time makes accounts and tokens
	state forgeState
}

// StartForge starts a forge; the caller closes it. With Home.Dir, the data of an earlier forge there are kept, tokens included.
func StartForge(ctx context.Context, h Home, o ForgeOptions) (*Forge, error) {
	f := &Forge{
		Owner:        cmp.Or(o.Owner, "eblume"),
		Organisation: "blumeops-org",
		Admin:        "lab-admin",
		options:      o,
		client:       &http.Client{Transport: &http.Transport{}}, // without a proxy: all servers are on this machine
	}
	if err := f.start(ctx, h); err != nil {
		return nil, errors.Join(fmt.Errorf("start forge: %w", err), f.Close())
	}
	return f, nil
}

func (f *Forge) start(ctx context.Context, h Home) (err error) {
	if f.git, err = exec.LookPath("git"); err != nil {
		return fmt.Errorf("git not found: apt-get install git (%w)", err)
	}
	if f.path, err = h.build(ctx, gitea); err != nil {
		return err
	}
	if f.static, err = h.moduleDir(ctx, gitea, gitea.Module); err != nil {
		return err
	}
	if f.dir, f.temporary, err = h.folder("forge"); err != nil {
		return err
	}
	if err := f.loadState(); err != nil {
		return err
	}
	if f.hostKey, err = hostKey(f.file("ssh_host_key")); err != nil {
		return err
	}
	if f.proxy, err = faultproxy.Start(faultproxy.Options{Addr: f.options.Addr}); err != nil {
		return err
	}
	if err := f.serve(ctx); err != nil {
		return err
	}
	f.proxy.To(f.behind)
	return f.createAccounts(ctx)
}

// portTries is how often free ports are chosen, in case another process takes one before Gitea does.
const portTries = 3

func (f *Forge) serve(ctx context.Context) error {
	for try := 1; ; try++ {
		err := f.serveOnce(ctx)
		taken := err != nil && strings.Contains(err.Error(), "address already in use")
		if !taken || try == portTries {
			return err
		}
		if err := f.process.stop(); err != nil {
			return err
		}
	}
}

func (f *Forge) serveOnce(ctx context.Context) error {
	addr, err := addrOr("")
	if err != nil {
		return err
	}
	f.behind = &url.URL{Scheme: "http", Host: addr}
	if f.ssh, err = addrOr(f.options.SSHAddr); err != nil {
		return err
	}
	if err := f.configure(); err != nil {
		return err
	}
	f.process, err = startProcess(program{
		Name: "Gitea", Path: f.path, Args: []string{"web", "--config", f.file("app.ini")},
		Env: f.env(), Dir: f.dir, Log: f.Log(),
	})
	if err != nil {
		return err
	}
	return f.process.ready(ctx, f.answers)
}

// env is Gitea's whole environment. Git's own configuration on this machine must not affect it.
func (f *Forge) env() []string {
	env := []string{
		"PATH=" + filepath.Dir(f.git) + ":/usr/local/bin:/usr/bin:/bin",
		"HOME=" + f.dir,
		"USER=" + systemUser(),
		"GIT_CONFIG_NOSYSTEM=1",
		// Garbage is collected only near the limit, which costs the server little. The hooks of each push, which are short runs of the same
		// program, never reach the limit, and take half the time.
		"GOGC=off", "GOMEMLIMIT=80MiB",
	}
	if os.Geteuid() == 0 {
		env = append(env, "GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT=true")
	}
	return env
}

// systemUser is the user that runs Gitea, which its configuration requires.
func systemUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "lab"
}

func (f *Forge) file(name string) string { return filepath.Join(f.dir, name) }

// Name is "forge".
func (f *Forge) Name() string { return "forge" }

// URL is the address for clients, without a slash at the end.
func (f *Forge) URL() string { return f.proxy.URL() }

// Log is its log file, with warnings and errors.
func (f *Forge) Log() string { return f.file("forge.log") }

// Proxy is the fault proxy for HTTP.
func (f *Forge) Proxy() *faultproxy.Proxy { return f.proxy }

// SSHAddr is where git's SSH listens, host:port.
func (f *Forge) SSHAddr() string { return f.ssh }

// Close ends the forge, and removes its folder if that was a temporary one.
func (f *Forge) Close() error {
	var errs []error
	if f.proxy != nil {
		errs = append(errs, f.proxy.Close())
	}
	f.client.CloseIdleConnections()
	errs = append(errs, f.process.stop())
	if f.temporary {
		errs = append(errs, os.RemoveAll(f.dir))
	}
	return errors.Join(errs...)
}
