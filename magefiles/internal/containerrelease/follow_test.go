package containerrelease_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/containerrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish/publishtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

const followed = "1111111111111111111111111111111111111111"

// actions is a forge with its runs, a repository and a registry, with the time of the synctest bubble.
type actions struct {
	tags   map[string]string
	pushed time.Time // of the tag; zero is never
	runs   func(since time.Duration) []vcs.Run
	jobs   []vcs.Job
	jobErr error
	log    string
	err    error // of Of, after the push
	errs   int   // how often; 0 is always
	none   bool  // it has no API for runs
	race   bool  // another client pushes the same tag first

	found   map[string]image.Found // by reference
	after   time.Duration          // when the registry has it after the push; 0: found has all
	message string

	said, steps, told []string
}

func (a *actions) CheckTag(context.Context, string) error { return nil }

func (a *actions) Look(context.Context) (vcs.Heads, error) {
	return vcs.Heads{Branch: "main", Commit: followed, Tags: a.tags}, nil
}

func (a *actions) PushTag(_ context.Context, name, _ string) error {
	if a.tags == nil {
		a.tags = map[string]string{}
	}
	a.tags[name], a.pushed = followed, time.Now()
	if a.race {
		return &vcs.RaceError{Err: errors.New("the tag is there")}
	}
	return nil
}

func (a *actions) Tag(context.Context, string, string, string, time.Time) (string, error) {
	return followed, nil
}

func (a *actions) Contains(context.Context, string, string) (bool, error) { return true, nil }

func (a *actions) Of(_ context.Context, _, commit string) ([]vcs.Run, error) {
	switch {
	case a.none:
		return nil, vcs.ErrNoRuns
	case commit != followed:
		return nil, fmt.Errorf("asked for commit %s", commit)
	case a.err != nil && !a.pushed.IsZero():
		if err := a.err; a.errs != 1 {
			a.errs--
			return nil, err
		}
		a.err = nil
	}
	since := time.Duration(-1)
	if !a.pushed.IsZero() {
		since = time.Since(a.pushed)
	}
	return a.runs(since), nil
}

func (a *actions) Jobs(context.Context, vcs.Run) ([]vcs.Job, error) {
	return a.jobs, a.jobErr
}

func (a *actions) Log(context.Context, vcs.Job) (string, error) { return a.log, nil }

// followedRepo and followedRegistry are separate types, as their methods have the same names.
type followedRepo struct{ *actions }

func (followedRepo) Head() (image.Commit, error)                          { return image.Commit{Hash: followed}, nil }
func (followedRepo) Changed(context.Context, ...string) ([]string, error) { return nil, nil }
func (followedRepo) SourceURL() string                                    { return "" }
func (followedRepo) OnDefaultBranch(context.Context, string) (bool, string, error) {
	return true, "main", nil
}

type followedRegistry struct {
	*actions
	publish.Registry
}

func (followedRegistry) Tags(context.Context, image.Reference) ([]string, error) { return nil, nil }

func (r followedRegistry) Look(_ context.Context, ref image.Reference) (image.Found, bool, error) {
	found, ok := r.found[ref.String()]
	if a := r.actions; a.after > 0 && !a.pushed.IsZero() && time.Since(a.pushed) >= a.after {
		return ourImage(followed), true, nil
	}
	return found, ok, nil
}

func ourImage(revision string) image.Found {
	return image.Found{Digest: "sha256:" + strings.Repeat("a", 64), Platforms: []image.Platform{image.NativePlatform()}, Labels: map[string]string{"org.opencontainers.image.revision": revision}}
}

// buildWorkflow has a job that publishes, its dependencies, and a job that does not concern tags.
const buildWorkflow = `on: {push: {tags: ["*-v*"]}}
jobs:
  others: {runs-on: other, steps: [{run: "true"}]}
  tag: {name: Publish, runs-on: docker, needs: check, steps: [{uses: a/b@v1}, {run: go tool mage ci:tag "$GITHUB_REF"}]}
  check: {runs-on: docker, strategy: {matrix: {x: [1], y: [a]}}, steps: [{run: "true"}]}
`

func (a *actions) release(timeout time.Duration) containerrelease.Release {
	tree := fstest.MapFS{
		".forgejo/workflows/build.yaml": {Data: []byte(buildWorkflow)}, ".forgejo/workflows/test.yaml": {Data: []byte("run: true\n")},
		".github/workflows/other.yaml": {Data: []byte("run: go tool mage ci:tag\n")},
	}
	for name, file := range imagetest.Files {
		tree[name] = file
	}
	say := func(s string) { a.said = append(a.said, s) }
	return containerrelease.Release{
		Publish: publish.Publish{Files: tree, Trees: publishtest.Trees{FS: tree}, Repo: followedRepo{a}, Registry: followedRegistry{actions: a}, Host: "registry.example", Namespace: "blumeops"},
		Images:  followedRegistry{actions: a}, Remote: a, Tagger: a, Note: say, Warn: say, Message: func(string) (string, error) { return a.message, nil },
		Watch: func(step string) func(error) {
			a.steps = append(a.steps, step)
			return func(error) {}
		},
		Follow: &containerrelease.Follow{Runs: a, Page: "https://forge.example/runs", Timeout: timeout, Tell: func(s string) { a.told = append(a.told, s) }},
	}
}

// runOf is a run of the workflow that publishes.
func runOf(number int64, state vcs.RunState) vcs.Run {
	return vcs.Run{ID: number + 100, Number: number, Workflow: "build.yaml", State: state, URL: fmt.Sprint("https://forge.example/runs/", number)}
}

const nettestImage = "registry.example/blumeops/nettest:v0.1.0"

var nettestReference = nettestImage + "@sha256:" + strings.Repeat("a", 64)

func TestContainerReleaseFollows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &actions{after: 3 * time.Minute}
		a.runs = func(since time.Duration) []vcs.Run {
			old := []vcs.Run{runOf(6, vcs.RunFailure)} // of a tag that was deleted
			switch {
			case since < 3*time.Second:
				return old
			case since < 40*time.Second:
				a.jobs = []vcs.Job{{Name: "tag", State: vcs.RunWaiting, Labels: []string{"docker"}}, {Name: "changed", State: vcs.RunSkipped}}
				return append(old, runOf(7, vcs.RunWaiting), vcs.Run{Number: 9, Workflow: "test.yaml", State: vcs.RunFailure})
			case since < 3*time.Minute:
				a.jobs = []vcs.Job{{Name: "tag", State: vcs.RunRunning, Step: "Publish"}}
				return append(old, runOf(7, vcs.RunRunning))
			}
			return append(old, runOf(7, vcs.RunSuccess))
		}
		got, err := a.release(time.Hour).Run(t.Context(), "nettest", "patch")
		if err != nil || got.Run != "https://forge.example/runs/7" || got.Reference != nettestReference || got.Status != containerrelease.StatusTagged {
			t.Fatalf("%+v, %v", got, err)
		}
		if want := "nettest-v0.1.0 " + nettestReference; got.String() != want || got.Outputs()["reference"] != nettestReference {
			t.Errorf("prints %q, want %q", got, want)
		}
		said := []string{"run 7 of build.yaml: https://forge.example/runs/7", "no runner has taken it yet (labels docker): https://forge.example/runs/7"}
		if !slices.Equal(a.said, said) {
			t.Errorf("said %q, want %q", a.said, said)
		}
		steps := []string{
			"check that its run can be followed", "push the tag", "wait for the run of nettest-v0.1.0", "wait until the forge makes a run",
			"wait for a runner (labels docker)", "job tag: Publish", "read the image back",
		}
		if i := slices.Index(a.steps, steps[0]); i < 0 || !slices.Equal(a.steps[i:], steps) {
			t.Errorf("steps %q, want them to end with %q", a.steps, steps)
		}
	})
}

// TestContainerReleaseFollowsInVain always makes the tag, and reports the result of its run.
func TestContainerReleaseFollowsInVain(t *testing.T) {
	t.Parallel()
	failed := vcs.Job{Name: "tag", State: vcs.RunFailure, Step: "Publish", URL: "https://forge.example/runs/7/jobs/0"}
	always := func(runs ...vcs.Run) func(time.Duration) []vcs.Run {
		return func(since time.Duration) []vcs.Run {
			if since < 0 {
				return nil
			}
			return runs
		}
	}
	for name, c := range map[string]struct {
		forge      actions
		want, hint string
	}{
		"failed": {
			actions{runs: always(runOf(7, vcs.RunFailure)), jobs: []vcs.Job{failed}, log: "one\ntwo\n"},
			"wait for the run of nettest-v0.1.0: run 7 of build.yaml for nettest-v0.1.0 failed in job tag at Publish: https://forge.example/runs/7/jobs/0", "next version",
		},
		"failed, and no jobs": {
			actions{runs: always(runOf(7, vcs.RunFailure)), jobErr: errors.New("no jobs")},
			"run 7 of build.yaml for nettest-v0.1.0 failed: https://forge.example/runs/7", "next version",
		},
		"cancelled": {actions{runs: always(runOf(7, vcs.RunCancelled))}, "nettest-v0.1.0 was cancelled: ", "repeat the run on that page"},
		"no image":  {actions{runs: always(runOf(7, vcs.RunSuccess))}, "the registry does not have " + nettestImage + ": https://forge.example/runs/7", "`if:`"},
		"skipped":   {actions{runs: always(runOf(7, vcs.RunSkipped))}, "the registry does not have", "`if:`"},
		"another image": {
			actions{runs: func(time.Duration) []vcs.Run { return nil }, found: map[string]image.Found{nettestImage: ourImage("2222")}, tags: map[string]string{"nettest-v0.1.0": followed}},
			"exists with revision 2222", "next version",
		},
		"no run": {
			actions{runs: always()}, "the forge made no run of .forgejo/workflows/build.yaml for nettest-v0.1.0 within 1m0s", "Actions are on in the repository's settings",
		},
		"another workflow": {actions{runs: always(vcs.Run{Number: 1, Workflow: "test.yaml", State: vcs.RunSuccess})}, "within 1m0s, but of test.yaml", "https://forge.example/runs"},
		"no runner": {
			actions{runs: always(runOf(7, vcs.RunWaiting)), jobs: []vcs.Job{{Name: "tag", State: vcs.RunWaiting, Labels: []string{"docker", "arm64"}}}},
			"no runner took the run of nettest-v0.1.0 within 30m0s (labels arm64, docker): https://forge.example/runs/7", "online",
		},
		"no runner for the job that publishes": {
			actions{runs: always(runOf(7, vcs.RunRunning)), jobs: []vcs.Job{{Name: "Publish", State: vcs.RunWaiting, Labels: []string{"docker"}}, {Name: "others", State: vcs.RunRunning}}},
			"no runner took the run of nettest-v0.1.0 within 30m0s (labels docker)", "online",
		},
		"no runner for another job": {
			actions{runs: always(runOf(7, vcs.RunRunning)), jobs: []vcs.Job{{Name: "Publish", State: vcs.RunRunning}, {Name: "others", State: vcs.RunWaiting}}},
			"the run of nettest-v0.1.0 did not end within 30m0s", "-timeout",
		},
		"no runner for another job, later": {
			actions{runs: always(runOf(7, vcs.RunRunning)), jobs: []vcs.Job{{Name: "check (1, a)", State: vcs.RunSuccess}, {Name: "Publish", State: vcs.RunBlocked}, {Name: "others", State: vcs.RunWaiting}}},
			"the run of nettest-v0.1.0 did not end within 30m0s", "-timeout",
		},
		"no runner for what it needs": {
			actions{runs: always(runOf(7, vcs.RunRunning)), jobs: []vcs.Job{{Name: "check (1, a)", State: vcs.RunWaiting, Labels: []string{"arm64"}}, {Name: "Publish", State: vcs.RunBlocked}, {Name: "others", State: vcs.RunSuccess}}},
			"no runner took the run of nettest-v0.1.0 within 30m0s (labels arm64)", "online",
		},
		"slow":      {actions{runs: always(runOf(7, vcs.RunRunning))}, "the run of nettest-v0.1.0 did not end within 30m0s", "-timeout"},
		"blocked":   {actions{runs: always(runOf(7, vcs.RunBlocked))}, "did not end within 30m0s", "-timeout"},
		"unknown":   {actions{runs: always(runOf(7, "later"))}, "did not end within 30m0s", "-timeout"},
		"forge ill": {actions{runs: always(), err: errors.New("forge is ill")}, "forge is ill; tag nettest-v0.1.0 stays at the forge", ""},
		"no API":    {actions{none: true}, "the registry does not have " + nettestImage + " after 30m0s: https://forge.example/runs", "-timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := &c.forge
				got, err := a.release(30*time.Minute).Run(t.Context(), "nettest", "v0.1.0")
				testenv.WantError(t, err, c.want)
				var hinter interface{ Hint() string }
				if c.hint != "" && (!errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), c.hint)) {
					t.Errorf("%v gives no hint that says %q", err, c.hint)
				}
				if got.Tag != "nettest-v0.1.0" || got.String() != "nettest-v0.1.0" || a.tags["nettest-v0.1.0"] == "" {
					t.Errorf("result %+v, tags %q", got, a.tags)
				}
				if a.log != "" && !slices.Equal(a.told, []string{strings.TrimSpace(a.log)}) {
					t.Errorf("told %q", a.told)
				}
			})
		})
	}
}

func TestContainerReleaseFollowsAllTheSame(t *testing.T) {
	t.Parallel()
	running := func(since time.Duration) []vcs.Run {
		if since < 0 {
			return nil
		}
		if since < 2*time.Minute {
			return []vcs.Run{runOf(1, vcs.RunRunning)}
		}
		return []vcs.Run{runOf(1, vcs.RunSuccess)}
	}
	none := func(time.Duration) []vcs.Run { return nil }
	there := map[string]image.Found{nettestImage: ourImage(followed)}
	for name, c := range map[string]struct {
		forge actions
		says  string // one of the notes
		run   string
	}{
		"forge is ill for a while": {actions{runs: running, err: errors.New("ill"), errs: 4, after: time.Minute}, "", "https://forge.example/runs/1"},
		"forge hides for a while":  {actions{runs: running, err: vcs.ErrNoRuns, errs: 4, after: 2 * time.Minute}, "", "https://forge.example/runs/1"},
		"no API":                   {actions{none: true, after: 7 * time.Minute}, "this forge does not report runs: the registry is watched instead", ""},
		"nothing but an image":     {actions{runs: none, after: 50 * time.Second}, "", ""},
		"tagged and published":     {actions{runs: none, found: there, tags: map[string]string{"nettest-v0.1.0": followed}}, "already at the forge", ""},
		"tagged, run of back then": {actions{runs: func(time.Duration) []vcs.Run {
			return []vcs.Run{runOf(1, vcs.RunSuccess)}
		}, tags: map[string]string{"nettest-v0.1.0": followed}}, "run 1 of", ""},
		"somebody was faster": {
			actions{race: true, after: time.Minute, runs: func(since time.Duration) []vcs.Run {
				if since < time.Minute {
					return []vcs.Run{runOf(1, vcs.RunRunning)} // even before the push
				}
				return []vcs.Run{runOf(1, vcs.RunSuccess)}
			}}, "is already at the forge, on this commit", "https://forge.example/runs/1",
		},
		"published by hand, tagged": {actions{runs: running, found: there}, "run 1 of", "https://forge.example/runs/1"},
		"published, then promoted":  {actions{runs: running, found: map[string]image.Found{nettestImage: ourImage(publishtest.Second)}}, "is already published", "https://forge.example/runs/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := &c.forge
				release := a.release(time.Hour)
				release.Publish.Before = func(context.Context, string) ([]string, error) { return []string{publishtest.Second}, nil }
				got, err := release.Run(t.Context(), "nettest", "v0.1.0")
				if name == "tagged, run of back then" { // its run published nothing of the present commit
					testenv.WantError(t, err, "the registry does not have")
					return
				}
				if err != nil || got.Reference != nettestReference || got.Run != c.run || !strings.Contains(strings.Join(a.said, "\n"), c.says) {
					t.Errorf("%+v, %v, said %q", got, err, a.said)
				}
			})
		})
	}
}

// TestContainerReleaseStopsWaiting covers Ctrl-C.
func TestContainerReleaseStopsWaiting(t *testing.T) {
	t.Parallel()
	for name, none := range map[string]bool{"run": false, "registry": true} {
		synctest.Test(t, func(t *testing.T) {
			a := &actions{none: none, runs: func(since time.Duration) []vcs.Run {
				if since < 0 {
					return nil
				}
				return []vcs.Run{runOf(3, vcs.RunRunning)}
			}}
			ctx, cancel := context.WithCancelCause(t.Context())
			stopped := errors.New("stopped by hand")
			time.AfterFunc(time.Minute, func() { cancel(stopped) })
			got, err := a.release(0).Run(ctx, "nettest", "v0.1.0")
			page := map[bool]string{false: "https://forge.example/runs/3", true: "https://forge.example/runs"}[none]
			if !errors.Is(err, stopped) || got.Tag != "nettest-v0.1.0" || a.said[len(a.said)-1] != "tag nettest-v0.1.0 stays at the forge, and its run continues: "+page {
				t.Errorf("%s: %+v, %v, said %q", name, got, err, a.said)
			}
		})
	}
}

func TestContainerReleaseThatNobodyRuns(t *testing.T) {
	t.Parallel()
	for message, word := range map[string]string{"Promote devpi [skip ci]\n": "[skip ci]", "x\n\n[actions skip]": "[actions skip]", "do not skip ci": ""} {
		a := &actions{message: message, none: true}
		waits := a.release(time.Hour).DryRun(func(string) {})
		_, err := waits.Run(t.Context(), "nettest", "v0.1.0")
		if word == "" {
			if err != nil {
				t.Errorf("%q: %v", message, err)
			}
			continue
		}
		testenv.WantError(t, err, "check the commit: ", "contains "+word)
		release := a.release(0)
		release.Follow, a.said = nil, nil
		if _, err := release.Run(t.Context(), "nettest", "v0.1.0"); err != nil || len(a.said) != 1 || !strings.Contains(a.said[0], "--allow-empty") {
			t.Errorf("%q, nobody waits: %v, said %q", message, err, a.said)
		}
	}
}

func TestContainerReleasePlansToFollow(t *testing.T) {
	t.Parallel()
	a := &actions{runs: func(time.Duration) []vcs.Run { return nil }}
	var plan []string
	got, err := a.release(time.Hour).DryRun(func(s string) { plan = append(plan, s) }).Run(t.Context(), "nettest", "v0.1.0")
	if err != nil || got.Status != step.StatusPlanned || len(a.tags) > 0 || plan[len(plan)-1] != "would wait for the run of nettest-v0.1.0, and read "+nettestImage+" back" {
		t.Errorf("%+v, %v, plan %q", got, err, plan)
	}
}
