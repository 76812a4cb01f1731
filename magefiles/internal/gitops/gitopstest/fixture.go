// Package gitopstest has a repository and a deployment in memory, for tests that kill tasks and let them race.
package gitopstest

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Fixture is the state that tasks change: the repository on the forge, and the deployed commit.
type Fixture struct {
	Mu       sync.Mutex
	Commits  map[string]Commit
	Branch   string
	Tags     map[string]string
	Deployed string   // commit
	Events   []string // changes, in order
	Check    func()   // if set, is called after each change, which mu guards
}

// Commit is a commit of a Fixture.
type Commit struct {
	Parent, Message string
	Files           map[string]string
}

// NewFixture is a repository with one commit, which is deployed.
func NewFixture(files map[string]string) *Fixture {
	w := &Fixture{Commits: map[string]Commit{}, Tags: map[string]string{}}
	w.Branch = w.add(Commit{Message: "Begin", Files: files})
	w.Deployed = w.Branch
	return w
}

func (w *Fixture) add(c Commit) string {
	sum := sha1.New()
	fmt.Fprintf(sum, "%s %q\n", c.Parent, c.Message)
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		fmt.Fprintf(sum, "%q %q\n", name, c.Files[name])
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	w.Commits[hash] = c
	return hash
}

// CommitOnMain is a push of another user.
func (w *Fixture) CommitOnMain(name, text string) {
	files := maps.Clone(w.Commits[w.Branch].Files)
	files[name] = text
	w.Branch = w.add(Commit{Parent: w.Branch, Message: "Write " + name, Files: files})
}

// Contains reports whether a commit is the ancestor or comes after it.
func (w *Fixture) Contains(commit, ancestor string) bool {
	for ; commit != ""; commit = w.Commits[commit].Parent {
		if commit == ancestor {
			return true
		}
	}
	return false
}

// Happened notes a change.
func (w *Fixture) Happened(format string, a ...any) {
	w.Events = append(w.Events, fmt.Sprintf(format, a...))
}

// State is the comparable part of the state.
func (w *Fixture) State() string {
	var text strings.Builder
	for commit := w.Branch; commit != ""; commit = w.Commits[commit].Parent {
		fmt.Fprintf(&text, "commit %s %q\n", commit, w.Commits[commit].Message)
	}
	for _, tag := range slices.Sorted(maps.Keys(w.Tags)) {
		fmt.Fprintf(&text, "tag %s %s\n", tag, w.Tags[tag])
	}
	fmt.Fprintf(&text, "deployed %s\n", w.Deployed)
	return text.String()
}

// Checkout is one clone of the repository, and the connection of one program to the shared state.
type Checkout struct {
	Fixture *Fixture
	Head    string                               // of the checkout
	Changes []string                             // paths
	Gate    func(call string, before bool)       // called before and after each call; may panic, or wait
	Fail    func(call string, before bool) error // replaces the answer of a call
	Said    []string                             // notes and warnings
}

// Checkout is a new clone.
func (w *Fixture) Checkout() *Checkout { return &Checkout{Fixture: w, Head: w.Branch} }

// Say adds a note or a warning.
func (c *Checkout) Say(sentence string) { c.Said = append(c.Said, sentence) }

// Call makes one change to the state, atomically.
func (c *Checkout) Call(name string, effect func() error) error {
	if c.Gate != nil {
		c.Gate(name, true)
	}
	if c.Fail != nil {
		if err := c.Fail(name, true); err != nil {
			return err
		}
	}
	c.Fixture.Mu.Lock()
	err := effect()
	if c.Fixture.Check != nil {
		c.Fixture.Check()
	}
	c.Fixture.Mu.Unlock()
	if c.Gate != nil {
		c.Gate(name, false)
	}
	if c.Fail != nil && err == nil {
		err = c.Fail(name, false)
	}
	return err
}

// ErrKilled is the error of a killed task.
var ErrKilled = errors.New("killed")

// RecoverKill is the deferred end of a task that KillAt may kill.
func RecoverKill(err *error) {
	switch p := recover(); p {
	case nil:
	case any(ErrKilled):
		*err = ErrKilled
	default:
		panic(p)
	}
}

// KillAt kills at the nth moment: each call has two, before and after its effect.
func KillAt(n int) func(string, bool) {
	return func(string, bool) {
		if n--; n < 0 {
			panic(ErrKilled)
		}
	}
}

// Counted counts the moments of a checkout.
func Counted(r *Checkout) *int {
	n := 0
	r.Gate = func(string, bool) { n++ }
	return &n
}

// Origin is the repository on the forge, and a clone of it.
type Origin struct{ *Checkout }

func (o Origin) CheckPush(context.Context) error {
	return o.Call("CheckPush", func() error { return nil })
}

func (o Origin) CheckTag(_ context.Context, name string) error {
	return o.Call("CheckTag "+name, func() error { return nil })
}

func (o Origin) Look(context.Context) (heads vcs.Heads, err error) {
	err = o.Call("Look", func() error {
		heads = vcs.Heads{Branch: "main", Commit: o.Fixture.Branch, Tags: maps.Clone(o.Fixture.Tags)}
		return nil
	})
	return heads, err
}

func (o Origin) Push(_ context.Context, p vcs.Push) error {
	return o.Call("Push", func() error {
		if o.Fixture.Branch == p.New && (p.Tag == "" || o.Fixture.Tags[p.Tag] == p.New) {
			return nil
		}
		if o.Fixture.Branch != p.Old || o.Fixture.Tags[p.Tag] != "" {
			return &vcs.RaceError{Err: errors.New("the remote has moved")}
		}
		if o.Fixture.Commits[p.New].Parent != p.Old {
			return errors.New("that does not follow the base")
		}
		o.Fixture.Branch = p.New
		if p.Tag != "" {
			if p.TagHash != "tag "+p.Tag+" "+p.New {
				return errors.New("no such tag object")
			}
			o.Fixture.Tags[p.Tag] = p.New
		}
		o.Fixture.Happened("push %s", p.Tag)
		return nil
	})
}

func (o Origin) Files(commit string) (fs.FS, error) {
	o.Fixture.Mu.Lock()
	defer o.Fixture.Mu.Unlock()
	tree := fstest.MapFS{}
	for name, text := range o.Fixture.Commits[commit].Files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree, nil
}

func (o Origin) Tree(commit, path string) (string, error) {
	o.Fixture.Mu.Lock()
	defer o.Fixture.Mu.Unlock()
	sum, files := sha1.New(), o.Fixture.Commits[commit].Files
	any := false
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name == path || strings.HasPrefix(name, path+"/") {
			any = true
			fmt.Fprintf(sum, "%q %q\n", name, files[name])
		}
	}
	if !any {
		return "", nil
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (o Origin) Contains(_ context.Context, commit, ancestor string) (has bool, err error) {
	o.Fixture.Mu.Lock()
	defer o.Fixture.Mu.Unlock()
	return o.Fixture.Contains(commit, ancestor), nil
}

func (o Origin) Parent(commit string) (string, error) {
	o.Fixture.Mu.Lock()
	defer o.Fixture.Mu.Unlock()
	return o.Fixture.Commits[commit].Parent, nil
}

func (o Origin) Commit(_ context.Context, base string, changes []vcs.Change, message string, when time.Time) (hash string, err error) {
	err = o.Call("Commit", func() error {
		files := maps.Clone(o.Fixture.Commits[base].Files)
		for _, c := range changes {
			files[c.Path] = string(c.Content)
			if c.Delete {
				delete(files, c.Path)
			}
		}
		hash = o.Fixture.add(Commit{Parent: base, Message: message, Files: files})
		return nil
	})
	return hash, err
}

func (o Origin) Tag(_ context.Context, name, commit, _ string, _ time.Time) (object string, err error) {
	err = o.Call("Tag", func() error { object = "tag " + name + " " + commit; return nil })
	return object, err
}

func (o Origin) Unpushed(context.Context, string, ...string) ([]string, error) {
	return o.Changes, o.Call("Unpushed", func() error { return nil })
}

func (o Origin) FastForward(_ context.Context, _, base, commit string) (why string, err error) {
	err = o.Call("FastForward", func() error {
		at := commit
		for at != "" && at != o.Head {
			at = o.Fixture.Commits[at].Parent
		}
		switch {
		case at != "":
			o.Head = commit
		case base != "":
			why = "it is elsewhere"
		}
		return nil
	})
	return why, err
}

// Deployer deploys the manifests of the branch, like Argo CD.
type Deployer struct{ *Checkout }

func (d Deployer) Check(context.Context) error {
	return d.Call("Deployer.Check", func() error { return nil })
}

func (d Deployer) State(ctx context.Context, _ string, contains gitops.Contains) (deployed bool, why string, err error) {
	revision := ""
	if err := d.Call("State", func() error { revision = d.Fixture.Deployed; return nil }); err != nil {
		return false, "", err
	}
	deployed, err = contains(ctx, revision)
	return deployed, "Argo CD has " + revision, err
}

func (d Deployer) Deploy(ctx context.Context, commit string, contains gitops.Contains) error {
	revision := ""
	if err := d.Call("Deploy", func() error {
		d.Fixture.Deployed = d.Fixture.Branch
		revision = d.Fixture.Deployed
		return nil
	}); err != nil {
		return err
	}
	if ok, err := contains(ctx, revision); err != nil || !ok {
		return fmt.Errorf("%s is deployed, which does not have %s: %w", revision, commit, errors.Join(err, errors.ErrUnsupported))
	}
	return nil
}
