package docsrelease_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops/gitopstest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// outcome is the result of a racer.
type outcome struct {
	released docsrelease.Released
	err      error
}

// race runs releasers concurrently, of which one moves at a time: next chooses one of those that are not done.
func race(w *fixture, args []tasks.ReleaseArgs, keep int, next func(waiting []int) int) []outcome {
	type event struct {
		id   int
		done bool
	}
	events := make(chan event)
	turns := make([]chan struct{}, len(args))
	outcomes := make([]outcome, len(args))
	for id := range args {
		turns[id] = make(chan struct{})
		r := w.releaser()
		r.keep = keep
		r.Gate = func(string, bool) {
			events <- event{id, false}
			<-turns[id]
		}
		go func() {
			outcomes[id].released, outcomes[id].err = r.release(args[id])
			events <- event{id, true}
		}()
	}
	waiting := map[int]bool{}
	for range args {
		e := <-events
		waiting[e.id] = !e.done
	}
	for {
		var ids []int
		for id := range args {
			if waiting[id] {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			return outcomes
		}
		turns[next(ids)] <- struct{}{}
		e := <-events
		waiting[e.id] = !e.done
	}
}

// schedule lets the first move i times, then the second j times, then the first to its end, then the second.
func schedule(i, j int) func([]int) int {
	moves := 0
	return func(waiting []int) int {
		moves++
		if moves > i && moves <= i+j && waiting[len(waiting)-1] == 1 {
			return 1
		}
		return waiting[0]
	}
}

// sound checks the properties that hold after any race.
func sound(t *testing.T, w *fixture, what string, outcomes []outcome) {
	t.Helper()
	if w.broken != nil {
		t.Errorf("%s: %v", what, w.broken)
	}
	text := w.state()
	for tag, commit := range w.Tags {
		if !w.Contains(w.Branch, commit) || strings.Count(text, "Release docs "+tag+" ") != 1 || w.releases[tag].Notes == "" {
			t.Errorf("%s: %s is not whole", what, tag)
		}
		if strings.Count(w.Commits[w.Branch].Files["CHANGELOG.md"], "## ["+tag+"]") != 1 {
			t.Errorf("%s: changelog %s", what, w.Commits[w.Branch].Files["CHANGELOG.md"])
		}
	}
	if strings.Count(text, "Release docs") != len(w.Tags) || len(w.releases) != len(w.Tags) {
		t.Errorf("%s:\n%s", what, text)
	}
	if changelog := w.Commits[w.Branch].Files["CHANGELOG.md"]; strings.Count(changelog, "The first thing.") != 1 {
		t.Errorf("%s: changelog %s", what, changelog)
	}
	for id, o := range outcomes {
		var taken *docsrelease.VersionTakenError
		var lower *docsrelease.LowerVersionError
		if o.err != nil && !errors.As(o.err, &taken) && !errors.As(o.err, &lower) {
			t.Errorf("%s: racer %d: %v", what, id, o.err)
		}
	}
	if t.Failed() {
		t.Fatalf("%s:\n%s", what, strings.Join(w.Events, "\n"))
	}
}

func same(version string, n int) []tasks.ReleaseArgs {
	args := make([]tasks.ReleaseArgs, n)
	for i := range args {
		args[i].Version = version
	}
	return args
}

// TestReleaseTwoAtOnce interleaves two releases at every moment of the first, and in steps of the second.
func TestReleaseTwoAtOnce(t *testing.T) {
	testenv.Slow(t, "races in many orders")
	whole := newFixture().releaser()
	moments := gitopstest.Counted(whole.Checkout)
	whole.mustRelease(t, "patch")
	tried := 0
	for i := range *moments {
		for j := 1; j <= *moments; j += 4 {
			for _, unrepeatable := range []int{-1, 0} {
				w := newFixture()
				w.unrepeatable = unrepeatable
				outcomes := race(w, same("patch", 2), 1, schedule(i, j))
				what := fmt.Sprintf("%d moves of one, then %d of the other", i, j)
				sound(t, w, what, outcomes)
				if len(w.Tags) != 1 || w.served() != "v0.1.0" || outcomes[0].err != nil || outcomes[1].err != nil {
					t.Fatalf("%s: %+v\n%s", what, outcomes, w.state())
				}
				tried++
			}
		}
	}
	t.Logf("%d interleavings", tried)
}

// TestReleaseTwoVersions has two releases that must both succeed, and one that takes the version that the other named.
func TestReleaseTwoVersions(t *testing.T) {
	testenv.Slow(t, "races in many orders")
	for seed := range 150 {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		next := func(waiting []int) int { return waiting[random.IntN(len(waiting))] }
		what := fmt.Sprintf("seed %d", seed)

		w := newFixture()
		args := same("patch", 2)
		args[0].New, args[1].New = true, true
		outcomes := race(w, args, 1, next)
		if sound(t, w, what+", new", outcomes); outcomes[0].err != nil || outcomes[1].err != nil {
			t.Fatalf("%s: %+v", what, outcomes)
		}

		w = newFixture()
		outcomes = race(w, append(same("v0.5.0", 1), same("v0.6.0", 1)...), 1, next)
		if sound(t, w, what+", named", outcomes); w.Tags["v0.5.0"] == "" && w.Tags["v0.6.0"] == "" {
			t.Fatalf("%s: %+v", what, outcomes)
		}

		w = newFixture()
		outcomes = race(w, append(same("v0.5.0", 2), same("patch", 1)...), 1, next)
		if sound(t, w, what+", the same", outcomes); len(w.Tags) != 1 {
			t.Fatalf("%s: %+v", what, outcomes)
		}
	}
}

// TestReleaseTwenty has twenty releasers race, while another client pushes changes.
func TestReleaseTwenty(t *testing.T) {
	testenv.Slow(t, "races in many orders")
	for seed := range 15 {
		random := rand.New(rand.NewPCG(uint64(seed), 2))
		w := newFixture()
		moves := 0
		outcomes := race(w, same("patch", 20), 3, func(waiting []int) int {
			if moves++; moves%400 == 0 && moves < 2000 {
				w.Mu.Lock()
				w.CommitOnMain(fmt.Sprintf("docs/changelog.d/+news%d.feature.md", moves), fmt.Sprintf("Thing %d.\n", moves))
				w.Mu.Unlock()
			}
			return waiting[random.IntN(len(waiting))]
		})
		sound(t, w, fmt.Sprintf("seed %d", seed), outcomes)
		w.releaser().mustRelease(t, "patch")
		w.releaser().mustRelease(t, "patch")
		if left := w.Commits[w.Branch].Files; strings.Contains(fmt.Sprint(left), "changelog.d/+") {
			t.Errorf("seed %d: fragments are left", seed)
		}
	}
}

// TestReleaseTakenVersion expects an error that says which commit has the named version.
func TestReleaseTakenVersion(t *testing.T) {
	w := newFixture()
	r := w.releaser()
	r.Gate = func(call string, before bool) {
		if call == "Push" && before {
			r.Gate = nil
			w.clock = w.clock.AddDate(0, 0, 1) // so that the commit differs
			w.releaser().mustRelease(t, "v2.0.0")
		}
	}
	_, err := r.release(tasks.ReleaseArgs{Version: "v2.0.0"})
	testenv.WantError(t, err, "someone else released v2.0.0 meanwhile, as commit "+w.Tags["v2.0.0"][:12])
}

// TestReleaseLostRace includes the commits that others pushed: their pages are built, and their fragments moved to the changelog's page.
func TestReleaseLostRace(t *testing.T) {
	for name, test := range map[string]struct {
		file, text string
		builds     int
	}{
		"pages":     {"docs/index.md", "# Theirs\n", 2},
		"fragments": {"docs/changelog.d/+theirs.feature.md", "Their thing.\n", 2},
		"elsewhere": {"README.md", "Theirs.\n", 1},
	} {
		w := newFixture()
		r := w.releaser()
		r.Gate = func(call string, before bool) {
			if call == "Push" && before {
				r.Gate = nil
				w.CommitOnMain(test.file, test.text)
			}
		}
		got := r.mustRelease(t, "patch")
		files := w.Commits[w.Branch].Files
		builds := strings.Count(strings.Join(w.Events, "\n"), "build ")
		if got.Version != "v0.1.0" || builds != test.builds || strings.Contains(fmt.Sprint(files), "changelog.d/+") {
			t.Errorf("%s: %+v, %v", name, got, w.Events)
		}
		if name == "pages" && !strings.Contains(fmt.Sprint(w.packages), "# Theirs") {
			t.Errorf("%s: %v", name, w.packages)
		}
		if name == "fragments" && !strings.Contains(files["CHANGELOG.md"], "Their thing.") {
			t.Errorf("%s: %s", name, files["CHANGELOG.md"])
		}
		wantSaid(t, r, "another push came first")
	}
}

func TestReleaseLosesAgainAndAgain(t *testing.T) {
	w := newFixture()
	r, n := w.releaser(), 0
	r.Gate = func(call string, before bool) {
		if call == "Push" && before {
			n++
			w.CommitOnMain("README.md", fmt.Sprint(n))
		}
	}
	var raced *vcs.RaceError
	if _, err := r.release(tasks.ReleaseArgs{Version: "patch"}); !errors.As(err, &raced) || n != 11 {
		t.Errorf("%v after %d", err, n)
	}
}
