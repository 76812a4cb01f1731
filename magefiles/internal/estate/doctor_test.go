package estate

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// hinted is an error with a hint.
type hinted struct{ text, hint string }

func (e hinted) Error() string { return e.text }
func (e hinted) Hint() string  { return e.hint }

var errDown = hinted{"nothing answers", "start it"}

type host struct{ name string }

func (h host) String() string { return h.name }

type fakeEngine struct {
	look Outlook
	err  error
}

func (f fakeEngine) Look(context.Context) (Outlook, error) { return f.look, f.err }

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

type fakeClone struct {
	host
	state     CloneState
	err, push error
}

func (f fakeClone) State(context.Context) (CloneState, error) { return f.state, f.err }
func (f fakeClone) MayPush(context.Context) error             { return f.push }

type fakeDeployment struct {
	host
	state Deployed
	err   error
	hangs bool
}

func (f fakeDeployment) Look(ctx context.Context) (Deployed, error) {
	if f.hangs {
		<-ctx.Done()
		return Deployed{}, context.Cause(ctx)
	}
	return f.state, f.err
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
func ready() DoctorPorts {
	return DoctorPorts{
		Tools:       fakeTools{{Name: "git", For: "docs:build"}},
		Disk:        fakeDisk{{Path: "/cache", Holds: "the engine", Free: 5 << 30, Needs: NeedsEngine}},
		Authorities: fakeAuthorities{{Name: "SSL_CERT_FILE", Path: "/etc/ssl/cert.pem", Certificates: 140}},
		Secrets:     fakeSecrets{list: []Secret{{Name: "op://v/i/f", Hint: "nothing"}}},
		Engine:      fakeEngine{look: Outlook{Name: "embedded", Why: "asked for"}},
		Registry:    fakeRegistry{host: host{"registry r.example"}},
		Forge:       fakeForge{host{"forge f.example"}, []error{nil, nil}},
		Clone:       fakeClone{host: host{"git remote f.example/r"}, state: CloneState{Head: "abc", Default: "main", Released: true}},
		ArgoCD:      fakeDeployment{host: host{"application docs"}, state: Deployed{Health: "Healthy"}},
		Website:     fakeWebsite{host: host{"https://docs.example"}},
	}
}

// look runs checks on files and returns the findings and the failures, one a line.
func look(t *testing.T, checks []validate.Check, files map[string]string, site validate.Site) (*validate.Report, string) {
	t.Helper()
	fsys, names := fstest.MapFS{}, []string{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		names = append(names, name)
	}
	found, err := validate.Run(t.Context(), validate.NewTree(fsys, names), checks, validate.Options{Site: site})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range found.Findings {
		lines = append(lines, f.String()+" → "+f.Do)
		if f.Do == "" || strings.ContainsAny(f.Do+f.Message, "\n") || !knows(checks, f) {
			t.Errorf("%s: what to do is %q, or the rule is unknown", f, f.Do)
		}
	}
	for _, f := range found.Failures {
		lines = append(lines, "! "+f.Check+": "+f.Error)
	}
	return found, strings.Join(lines, "\n")
}

func knows(checks []validate.Check, f validate.Finding) bool {
	for _, c := range checks {
		for _, r := range c.Rules {
			if c.Name == f.Check && r.ID == f.Rule {
				return true
			}
		}
	}
	return false
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	if _, got := look(t, Doctor(ready()), nil, validate.Site{}); got != "" {
		t.Errorf("want silence, got\n%s", got)
	}
	for rule, test := range map[string]struct {
		change func(*DoctorPorts)
		want   string // the beginning of the only finding
	}{
		"tools/missing": {
			func(p *DoctorPorts) {
				p.Tools = fakeTools{{Name: "git", For: "docs:build", Err: errors.New("there is no command git")}}
			},
			"git: there is no command git, which docs:build needs [tools/missing] → Install it",
		},
		"disk/full": {
			func(p *DoctorPorts) {
				p.Disk = fakeDisk{{Path: "/cache", Holds: "the engine", Free: 3 << 30, Needs: NeedsEngine}}
			},
			"/cache: 3GiB free for the engine, and a release may need 4GiB [disk/full] → Free some",
		},
		"secrets/unreadable": {
			func(p *DoctorPorts) {
				p.Secrets = fakeSecrets{list: []Secret{{Name: "op://v/i/f", Reason: "not signed in", Hint: "sign in"}}}
			},
			"op://v/i/f: not signed in [secrets/unreadable] → sign in",
		},
		"secrets/unreadable of all": {
			func(p *DoctorPorts) { p.Secrets = fakeSecrets{err: errDown} },
			"secrets: nothing answers [secrets/unreadable] → start it",
		},
		"engine/start": {
			func(p *DoctorPorts) {
				p.Engine = fakeEngine{look: Outlook{Name: "embedded", Why: "no Docker", Start: errors.New("no user namespaces")}}
			},
			"engine embedded (no Docker): no user namespaces [engine/start] → Start Docker",
		},
		"engine/start by its settings": {
			func(p *DoctorPorts) { p.Engine = fakeEngine{err: errDown} },
			"engine: nothing answers [engine/start] → start it",
		},
		"engine/run": {
			func(p *DoctorPorts) {
				p.Engine = fakeEngine{look: Outlook{Name: "e", Why: "w", Run: errors.New("no runc")}}
			},
			"engine e (w): no runc [engine/run] → Give",
		},
		"engine/platform": {
			func(p *DoctorPorts) {
				p.Engine = fakeEngine{look: Outlook{Name: "e", Why: "w", Foreign: []Foreign{{"linux/arm64", []string{"devpi", "zot"}}}}}
			},
			"engine e (w): linux/arm64 programs cannot run here, and the RUN steps of devpi, zot need it [engine/platform] → Install an emulator",
		},
		"authorities/unreadable": {
			func(p *DoctorPorts) {
				p.Authorities = fakeAuthorities{{Name: "SSL_CERT_FILE", Path: "/x", Err: errors.New("/x: no certificate in it")}}
			},
			"SSL_CERT_FILE: /x: no certificate in it [authorities/unreadable] → Name",
		},
		"registry/answer": {
			func(p *DoctorPorts) {
				p.Registry = fakeRegistry{host: host{"registry r.example"}, read: errDown, push: errors.New("not asked")}
			},
			"registry r.example: nothing answers [registry/answer] → start it",
		},
		"registry/push": {
			func(p *DoctorPorts) {
				p.Registry = fakeRegistry{host: host{"registry r.example"}, push: errors.New("denied")}
			},
			"registry r.example: denied [registry/push] → Give",
		},
		"forge/token": {
			func(p *DoctorPorts) {
				p.Forge = fakeForge{host{"forge f.example"}, []error{hinted{"token unknown", "make another"}}}
			},
			"forge f.example: token unknown [forge/token] → make another",
		},
		"forge/right": {
			func(p *DoctorPorts) {
				p.Forge = fakeForge{host{"forge f.example"}, []error{nil, errors.New("lacks write:package")}}
			},
			"forge f.example: lacks write:package [forge/right] → Give",
		},
		"push/clone": {
			func(p *DoctorPorts) { p.Clone = fakeClone{err: errors.New("no remote\nis called origin.")} },
			"clone: no remote; is called origin [push/clone] → Run",
		},
		"push/shallow": {
			func(p *DoctorPorts) { p.Clone = fakeClone{state: CloneState{Shallow: true}} },
			"clone: its history is cut off [push/shallow] → Run git fetch",
		},
		"push/branch": {
			func(p *DoctorPorts) {
				p.Clone = fakeClone{state: CloneState{Head: "0123456789abcdef", Default: "main"}}
			},
			"clone: the commit 0123456789ab is not on main, as this clone knows it [push/branch] → Merge",
		},
		"push/changes": {
			func(p *DoctorPorts) {
				p.Clone = fakeClone{state: CloneState{Released: true, Changed: []string{"a", "b", "c", "d"}}}
			},
			"clone: has changes that are not committed: a, b, c and 1 more [push/changes] → Commit",
		},
		"push/right": {
			func(p *DoctorPorts) {
				p.Clone = fakeClone{host: host{"git remote"}, state: CloneState{Released: true}, push: errDown}
			},
			"git remote: nothing answers [push/right] → start it",
		},
		"argocd/right": {
			func(p *DoctorPorts) { p.ArgoCD = fakeDeployment{host: host{"application docs"}, err: errDown} },
			"application docs: nothing answers [argocd/right] → start it",
		},
		"argocd/right in time": {
			func(p *DoctorPorts) {
				p.ArgoCD, p.Patience = fakeDeployment{host: host{"application docs"}, hangs: true}, 50*time.Millisecond
			},
			"application docs: no answer within 50ms [argocd/right] → check that it runs",
		},
		"argocd/compare": {
			func(p *DoctorPorts) {
				p.ArgoCD = fakeDeployment{host: host{"application docs"}, state: Deployed{Health: "Unknown", Trouble: "no such folder"}}
			},
			"application docs: no such folder [argocd/compare] → Mend",
		},
		"argocd/health": {
			func(p *DoctorPorts) {
				p.ArgoCD = fakeDeployment{host: host{"application docs"}, state: Deployed{Health: "Degraded"}}
			},
			"application docs: its health is Degraded [argocd/health] → Look",
		},
		"site/answer": {
			func(p *DoctorPorts) { p.Website = fakeWebsite{host{"https://docs.example"}, errDown} },
			"https://docs.example: nothing answers [site/answer] → start it",
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			ports := ready()
			test.change(&ports)
			if _, got := look(t, Doctor(ports), nil, validate.Site{}); !strings.HasPrefix(got, test.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s…", got, test.want)
			}
		})
	}
}

// TestDoctorBeforeTheFirstRelease has a site with nothing deployed yet, which a release corrects.
func TestDoctorBeforeTheFirstRelease(t *testing.T) {
	t.Parallel()
	ports := ready()
	ports.ArgoCD = fakeDeployment{host: host{"application docs"}, state: Deployed{Health: "Missing"}}
	ports.Website = fakeWebsite{host{"https://docs.example"}, errDown}
	if _, got := look(t, Doctor(ports), nil, validate.Site{}); got != "" {
		t.Errorf("got %s", got)
	}
}

// TestDoctorLeavesOut checks that doctor skips everything that a site does not use.
func TestDoctorLeavesOut(t *testing.T) {
	t.Parallel()
	if checks := Doctor(DoctorPorts{}); len(checks) != 0 {
		t.Errorf("%d checks of nothing", len(checks))
	}
	ports := ready()
	ports.ArgoCD, ports.Website = nil, nil
	for _, c := range Doctor(ports) {
		if c.Name == "argocd" || c.Name == "site" {
			t.Errorf("check %s", c.Name)
		}
	}
}

func TestFree(t *testing.T) {
	t.Parallel()
	here, err := Free(os.TempDir())
	if err != nil || here == 0 || here > math.MaxInt64 {
		t.Errorf("%d, %v", here, err)
	}
	if there, err := Free(filepath.Join(t.TempDir(), "not", "there", "yet")); err != nil || there == 0 {
		t.Errorf("%d, %v", there, err)
	}
}

func TestHintOf(t *testing.T) {
	t.Parallel()
	wrapped := errors.Join(errors.New("first"), hinted{"second", "do\nthis."})
	for err, want := range map[error]string{
		errors.New("x"): "", hinted{"x", "do it"}: "do it", &silence{time.Second}: "check that it runs, and what stands between it and this machine",
	} {
		if got := hintOf(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if got := hintOf(wrapped); got != "do; this" {
		t.Errorf("%q", got)
	}
}
