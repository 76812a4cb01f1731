package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote/remotetest"
)

type host struct{ name string }

func (h host) String() string { return h.name }

type fakeEngine struct {
	look Outlook
	err  error
}

func (f fakeEngine) Look(context.Context) (Outlook, error) { return f.look, f.err }

type fakeBuilders struct {
	list []Builder
	err  error
}

func (f fakeBuilders) Look(context.Context) ([]Builder, error) { return f.list, f.err }

type fakeRegistry struct {
	host
	read, push error
}

func (f fakeRegistry) Read(context.Context) error { return f.read }
func (f fakeRegistry) Push(context.Context) error { return f.push }

type fakeForge struct {
	host
	answers []error
}

func (f fakeForge) Ask(context.Context) []error { return f.answers }

type fakeCache struct {
	fakeRegistry
	old []string
}

func (f fakeCache) Old(context.Context) ([]string, error) { return f.old, nil }

type fakeClone struct {
	host
	state     CloneState
	err, push error
}

func (f fakeClone) State(context.Context) (CloneState, error) { return f.state, f.err }
func (f fakeClone) MayPush(context.Context) error             { return f.push }

type fakeDeployment struct {
	host
	health, trouble string
	err             error
	hangs           bool
}

func (f fakeDeployment) Look(ctx context.Context) (health, trouble string, err error) {
	if f.hangs {
		<-ctx.Done()
		return "", "", context.Cause(ctx)
	}
	return f.health, f.trouble, f.err
}

type fakeWebsite struct {
	host
	err error
}

func (f fakeWebsite) Version(context.Context) (string, error) { return "", f.err }

type fakeSecrets struct {
	list []Secret
	err  error
}

func (f fakeSecrets) Check(context.Context) ([]Secret, error) { return f.list, f.err }

type fakeDisk []Folder

func (f fakeDisk) Folders() ([]Folder, error) { return f, nil }

type fakeTools []Tool

func (f fakeTools) Look() []Tool { return f }

type fakeAuthorities []Authority

func (f fakeAuthorities) Look() ([]Authority, error) { return f, nil }

// ready is a site with nothing missing.
func ready() Ports {
	return Ports{
		Tools:       fakeTools{{Name: "git", For: "docs:build"}},
		Disk:        fakeDisk{{Path: "/cache", Holds: "the engine", Free: 5 << 30, Needs: NeedsEngine}},
		Authorities: fakeAuthorities{{Name: "SSL_CERT_FILE", Path: "/etc/ssl/cert.pem", Certificates: 140}},
		Secrets:     fakeSecrets{list: []Secret{{Name: "op://v/i/f", Hint: "nothing"}}},
		Engine:      fakeEngine{look: Outlook{Name: "embedded", Why: "asked for"}},
		Builders:    fakeBuilders{list: []Builder{{Platform: "linux/arm64", Address: "tcp://b:1"}}},
		Registry:    fakeRegistry{host: host{"registry r.example"}},
		Cache:       fakeCache{fakeRegistry: fakeRegistry{host: host{"cache r.example/cache"}}},
		Forge:       fakeForge{host{"forge f.example"}, []error{nil, nil}},
		Clone:       fakeClone{host: host{"git remote f.example/r"}, state: CloneState{Head: "abc", Default: "main", Released: true}},
		ArgoCD:      fakeDeployment{host: host{"application docs"}, health: "Healthy"},
		Website:     fakeWebsite{host: host{"https://docs.example"}},
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	if _, got := remotetest.Look(t, Checks(ready()), nil, validate.Site{}); got != "" {
		t.Errorf("want silence, got\n%s", got)
	}
	for rule, test := range map[string]struct {
		change func(*Ports)
		want   string // the beginning of the only finding
	}{
		"tools/missing": {
			func(p *Ports) {
				p.Tools = fakeTools{{Name: "git", For: "docs:build", Err: errors.New("not found in PATH")}}
			},
			"git: not found in PATH; required by docs:build [tools/missing] → Install it",
		},
		"disk/full": {
			func(p *Ports) {
				p.Disk = fakeDisk{{Path: "/cache", Holds: "the engine", Free: 3 << 30, Needs: NeedsEngine}}
			},
			"/cache: 3GiB free for the engine; a release can require 4GiB [disk/full] → Free some",
		},
		"secrets/unreadable": {
			func(p *Ports) {
				p.Secrets = fakeSecrets{list: []Secret{{Name: "op://v/i/f", Reason: "not signed in", Hint: "sign in"}}}
			},
			"op://v/i/f: not signed in [secrets/unreadable] → sign in",
		},
		"secrets/unreadable of all": {
			func(p *Ports) { p.Secrets = fakeSecrets{err: remotetest.ErrDown} },
			"secrets: nothing answers [secrets/unreadable] → start it",
		},
		"engine/start": {
			func(p *Ports) {
				p.Engine = fakeEngine{look: Outlook{Name: "embedded", Why: "no Docker", Start: errors.New("no user namespaces")}}
			},
			"engine embedded (no Docker): no user namespaces [engine/start] → Start Docker",
		},
		"engine/start by its settings": {
			func(p *Ports) { p.Engine = fakeEngine{err: remotetest.ErrDown} },
			"engine: nothing answers [engine/start] → start it",
		},
		"engine/run": {
			func(p *Ports) {
				p.Engine = fakeEngine{look: Outlook{Name: "e", Why: "w", Run: errors.New("no runc")}}
			},
			"engine e (w): no runc [engine/run] → Install",
		},
		"engine/platform": {
			func(p *Ports) {
				p.Engine = fakeEngine{look: Outlook{Name: "e", Why: "w", Foreign: []Foreign{{"linux/arm64", []string{"devpi", "zot"}}}}}
			},
			"engine e (w): linux/arm64 programs cannot run here, and the RUN steps of devpi, zot require it [engine/platform] → Install an emulator",
		},
		"builders/unusable": {
			func(p *Ports) {
				p.Builders = fakeBuilders{list: []Builder{{Platform: "linux/arm64", Address: "tcp://b:1", Err: remotetest.ErrDown}, {Address: "tcp://c:1"}}}
			},
			"builder tcp://b:1 (linux/arm64): nothing answers [builders/unusable] → start it",
		},
		"builders/unusable by its settings": {
			func(p *Ports) { p.Builders = fakeBuilders{err: errors.New("invalid")} },
			"builders: invalid [builders/unusable] → Start it",
		},
		"builders/version": {
			func(p *Ports) {
				p.Builders = fakeBuilders{list: []Builder{{Platform: "linux/arm64", Address: "tcp://b:1", Other: "BuildKit v0.1.0"}}}
			},
			"builder tcp://b:1 (linux/arm64): BuildKit v0.1.0 [builders/version] → Start the tested",
		},
		"authorities/unreadable": {
			func(p *Ports) {
				p.Authorities = fakeAuthorities{{Name: "SSL_CERT_FILE", Path: "/x", Err: errors.New("/x: no certificate in it")}}
			},
			"SSL_CERT_FILE: /x: no certificate in it [authorities/unreadable] → Name",
		},
		"registry/answer": {
			func(p *Ports) {
				p.Registry = fakeRegistry{host: host{"registry r.example"}, read: remotetest.ErrDown, push: errors.New("not asked")}
			},
			"registry r.example: nothing answers [registry/answer] → start it",
		},
		"registry/push": {
			func(p *Ports) {
				p.Registry = fakeRegistry{host: host{"registry r.example"}, push: errors.New("denied")}
			},
			"registry r.example: denied [registry/push] → Give",
		},
		"cache/read": {
			func(p *Ports) {
				p.Cache = fakeCache{fakeRegistry: fakeRegistry{host: host{"cache r.example/cache"}, read: remotetest.ErrDown, push: errors.New("not asked")}}
			},
			"cache r.example/cache: nothing answers [cache/read] → start it",
		},
		"cache/write": {
			func(p *Ports) {
				p.Cache = fakeCache{fakeRegistry: fakeRegistry{host: host{"cache r.example/cache"}, push: errors.New("denied")}}
			},
			"cache r.example/cache: denied [cache/write] → Give",
		},
		"cache/old": {
			func(p *Ports) {
				p.Cache = fakeCache{fakeRegistry: fakeRegistry{host: host{"cache r.example/cache"}}, old: []string{"container-gone-linux-amd64"}}
			},
			"cache r.example/cache: the container of the tag container-gone-linux-amd64 does not exist [cache/old] → Delete",
		},
		"forge/token": {
			func(p *Ports) {
				p.Forge = fakeForge{host{"forge f.example"}, []error{remotetest.HintedError{Text: "token unknown", Advice: "make another"}}}
			},
			"forge f.example: token unknown [forge/token] → make another",
		},
		"forge/right": {
			func(p *Ports) {
				p.Forge = fakeForge{host{"forge f.example"}, []error{nil, errors.New("no scope write:package")}}
			},
			"forge f.example: no scope write:package [forge/right] → Give",
		},
		"push/clone": {
			func(p *Ports) { p.Clone = fakeClone{err: errors.New("no remote\nis called origin.")} },
			"clone: no remote; is called origin [push/clone] → Run",
		},
		"push/shallow": {
			func(p *Ports) { p.Clone = fakeClone{state: CloneState{Shallow: true}} },
			"clone: its history is incomplete [push/shallow] → Run git fetch",
		},
		"push/branch": {
			func(p *Ports) {
				p.Clone = fakeClone{state: CloneState{Head: "0123456789abcdef", Default: "main"}}
			},
			"clone: the commit 0123456789ab is not on main, as this clone knows it [push/branch] → Merge",
		},
		"push/changes": {
			func(p *Ports) {
				p.Clone = fakeClone{state: CloneState{Released: true, Changed: []string{"a", "b", "c", "d"}}}
			},
			"clone: uncommitted changes: a, b, c and 1 more [push/changes] → Commit",
		},
		"push/right": {
			func(p *Ports) {
				p.Clone = fakeClone{host: host{"git remote"}, state: CloneState{Released: true}, push: remotetest.ErrDown}
			},
			"git remote: nothing answers [push/right] → start it",
		},
		"argocd/right": {
			func(p *Ports) { p.ArgoCD = fakeDeployment{host: host{"application docs"}, err: remotetest.ErrDown} },
			"application docs: nothing answers [argocd/right] → start it",
		},
		"argocd/right in time": {
			func(p *Ports) {
				p.ArgoCD, p.Patience = fakeDeployment{host: host{"application docs"}, hangs: true}, 50*time.Millisecond
			},
			"application docs: no answer within 50ms [argocd/right] → check that it runs",
		},
		"argocd/compare": {
			func(p *Ports) {
				p.ArgoCD = fakeDeployment{host: host{"application docs"}, health: "Unknown", trouble: "no such folder"}
			},
			"application docs: no such folder [argocd/compare] → Correct",
		},
		"argocd/health": {
			func(p *Ports) {
				p.ArgoCD = fakeDeployment{host: host{"application docs"}, health: "Degraded"}
			},
			"application docs: its health is Degraded [argocd/health] → Find",
		},
		"site/answer": {
			func(p *Ports) { p.Website = fakeWebsite{host{"https://docs.example"}, remotetest.ErrDown} },
			"https://docs.example: nothing answers [site/answer] → start it",
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			ports := ready()
			test.change(&ports)
			if _, got := remotetest.Look(t, Checks(ports), nil, validate.Site{}); !strings.HasPrefix(got, test.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s…", got, test.want)
			}
		})
	}
}

// TestDoctorBeforeTheFirstRelease has a site with nothing deployed yet, which a release corrects.
func TestDoctorBeforeTheFirstRelease(t *testing.T) {
	t.Parallel()
	ports := ready()
	ports.ArgoCD = fakeDeployment{host: host{"application docs"}, health: "Missing"}
	ports.Website = fakeWebsite{host{"https://docs.example"}, remotetest.ErrDown}
	if _, got := remotetest.Look(t, Checks(ports), nil, validate.Site{}); got != "" {
		t.Errorf("got %s", got)
	}
}

// TestDoctorLeavesOut checks that doctor skips everything that a site does not use.
func TestDoctorLeavesOut(t *testing.T) {
	t.Parallel()
	if checks := Checks(Ports{}); len(checks) != 0 {
		t.Errorf("%d checks of nothing", len(checks))
	}
	ports := ready()
	ports.ArgoCD, ports.Website = nil, nil
	for _, c := range Checks(ports) {
		if c.Name == "argocd" || c.Name == "site" {
			t.Errorf("check %s", c.Name)
		}
	}
}
