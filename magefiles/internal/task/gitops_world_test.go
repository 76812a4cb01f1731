package task_test

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

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// World is the state that tasks change: the repository on the forge, and the deployed commit.
type World struct {
	mu       sync.Mutex
	commits  map[string]Commit
	branch   string
	tags     map[string]string
	deployed string   // commit
	events   []string // changes, in order
	check    func()   // if set, is called after each change, which mu guards
}

// Commit is a commit of a World.
type Commit struct {
	parent, message string
	files           map[string]string
}

// NewWorld is a repository with one commit, which is deployed.
func NewWorld(files map[string]string) *World {
	w := &World{commits: map[string]Commit{}, tags: map[string]string{}}
	w.branch = w.add(Commit{message: "Begin", files: files})
	w.deployed = w.branch
	return w
}

func (w *World) add(c Commit) string {
	sum := sha1.New()
	fmt.Fprintf(sum, "%s %q\n", c.parent, c.message)
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		fmt.Fprintf(sum, "%q %q\n", name, c.files[name])
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	w.commits[hash] = c
	return hash
}

// CommitOnMain is a push of another user.
func (w *World) CommitOnMain(name, text string) {
	files := maps.Clone(w.commits[w.branch].files)
	files[name] = text
	w.branch = w.add(Commit{parent: w.branch, message: "Write " + name, files: files})
}

// contains reports whether a commit is the ancestor or comes after it.
func (w *World) contains(commit, ancestor string) bool {
	for ; commit != ""; commit = w.commits[commit].parent {
		if commit == ancestor {
			return true
		}
	}
	return false
}

// happened notes a change.
func (w *World) happened(format string, a ...any) {
	w.events = append(w.events, fmt.Sprintf(format, a...))
}

// state is the comparable part of the state.
func (w *World) state() string {
	var text strings.Builder
	for commit := w.branch; commit != ""; commit = w.commits[commit].parent {
		fmt.Fprintf(&text, "commit %s %q\n", commit, w.commits[commit].message)
	}
	for _, tag := range slices.Sorted(maps.Keys(w.tags)) {
		fmt.Fprintf(&text, "tag %s %s\n", tag, w.tags[tag])
	}
	fmt.Fprintf(&text, "deployed %s\n", w.deployed)
	return text.String()
}

// Checkout is one clone of the repository, and the connection of one program to the shared state.
type Checkout struct {
	world    *World
	head     string                               // of the checkout
	unpushed []string                             // paths
	gate     func(call string, before bool)       // called before and after each call; may panic, or wait
	fail     func(call string, before bool) error // replaces the answer of a call
	said     []string                             // notes and warnings
}

// Checkout is a new clone.
func (w *World) Checkout() *Checkout { return &Checkout{world: w, head: w.branch} }

// say adds a note or a warning.
func (c *Checkout) say(sentence string) { c.said = append(c.said, sentence) }

// call makes one change to the state, atomically.
func (c *Checkout) call(name string, effect func() error) error {
	if c.gate != nil {
		c.gate(name, true)
	}
	if c.fail != nil {
		if err := c.fail(name, true); err != nil {
			return err
		}
	}
	c.world.mu.Lock()
	err := effect()
	if c.world.check != nil {
		c.world.check()
	}
	c.world.mu.Unlock()
	if c.gate != nil {
		c.gate(name, false)
	}
	if c.fail != nil && err == nil {
		err = c.fail(name, false)
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
	r.gate = func(string, bool) { n++ }
	return &n
}

// Origin is the repository on the forge, and a clone of it.
type Origin struct{ *Checkout }

func (o Origin) CheckPush(context.Context) error {
	return o.call("CheckPush", func() error { return nil })
}

func (o Origin) CheckTag(_ context.Context, name string) error {
	return o.call("CheckTag "+name, func() error { return nil })
}

func (o Origin) Look(context.Context) (heads vcs.Heads, err error) {
	err = o.call("Look", func() error {
		heads = vcs.Heads{Branch: "main", Commit: o.world.branch, Tags: maps.Clone(o.world.tags)}
		return nil
	})
	return heads, err
}

func (o Origin) Push(_ context.Context, p vcs.Push) error {
	return o.call("Push", func() error {
		if o.world.branch == p.New && (p.Tag == "" || o.world.tags[p.Tag] == p.New) {
			return nil
		}
		if o.world.branch != p.Old || o.world.tags[p.Tag] != "" {
			return &vcs.RaceError{Err: errors.New("the remote has moved")}
		}
		if o.world.commits[p.New].parent != p.Old {
			return errors.New("that does not follow the base")
		}
		o.world.branch = p.New
		if p.Tag != "" {
			if p.TagHash != "tag "+p.Tag+" "+p.New {
				return errors.New("no such tag object")
			}
			o.world.tags[p.Tag] = p.New
		}
		o.world.happened("push %s", p.Tag)
		return nil
	})
}

func (o Origin) Files(commit string) (fs.FS, error) {
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	tree := fstest.MapFS{}
	for name, text := range o.world.commits[commit].files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree, nil
}

func (o Origin) Tree(commit, path string) (string, error) {
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	sum, files := sha1.New(), o.world.commits[commit].files
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
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	return o.world.contains(commit, ancestor), nil
}

func (o Origin) Parent(commit string) (string, error) {
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	return o.world.commits[commit].parent, nil
}

func (o Origin) Commit(_ context.Context, base string, changes []vcs.Change, message string, when time.Time) (hash string, err error) {
	err = o.call("Commit", func() error {
		files := maps.Clone(o.world.commits[base].files)
		for _, c := range changes {
			files[c.Path] = string(c.Content)
			if c.Delete {
				delete(files, c.Path)
			}
		}
		hash = o.world.add(Commit{parent: base, message: message, files: files})
		return nil
	})
	return hash, err
}

func (o Origin) Tag(_ context.Context, name, commit, _ string, _ time.Time) (object string, err error) {
	err = o.call("Tag", func() error { object = "tag " + name + " " + commit; return nil })
	return object, err
}

func (o Origin) Unpushed(context.Context, string, ...string) ([]string, error) {
	return o.unpushed, o.call("Unpushed", func() error { return nil })
}

func (o Origin) Adopt(_ context.Context, _, base, commit string) (why string, err error) {
	err = o.call("Adopt", func() error {
		at := commit
		for at != "" && at != o.head {
			at = o.world.commits[at].parent
		}
		switch {
		case at != "":
			o.head = commit
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
	return d.call("Deployer.Check", func() error { return nil })
}

func (d Deployer) State(ctx context.Context, _ string, contains task.Contains) (deployed bool, why string, err error) {
	revision := ""
	if err := d.call("State", func() error { revision = d.world.deployed; return nil }); err != nil {
		return false, "", err
	}
	deployed, err = contains(ctx, revision)
	return deployed, "Argo CD has " + revision, err
}

func (d Deployer) Deploy(ctx context.Context, commit string, contains task.Contains) error {
	revision := ""
	if err := d.call("Deploy", func() error {
		d.world.deployed = d.world.branch
		revision = d.world.deployed
		return nil
	}); err != nil {
		return err
	}
	if ok, err := contains(ctx, revision); err != nil || !ok {
		return fmt.Errorf("%s is deployed, which does not have %s: %w", revision, commit, errors.Join(err, errors.ErrUnsupported))
	}
	return nil
}
