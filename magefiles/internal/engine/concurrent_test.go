package engine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

// chain is a pipeline of two steps. The second step sees the file that the first made of a host folder. It returns the output of the first step
// (the time) and the content that the second step read.
func chain(t *testing.T, programs, folder, nonce string) string {
	t.Helper()
	s, err := engine.Connect(t.Context(), enginetest.Options(t, "/"))
	if err != nil {
		t.Error(err) // not Fatal: this may be any goroutine
		return ""
	}
	defer func() { _ = s.Close() }()
	base := s.Client.Container().WithFile("/program", s.Client.Host().File(programs+"/program")).WithEnvVariable("NONCE", nonce)
	first := base.WithDirectory("/out", s.Client.Directory()).WithMountedDirectory("/in", s.Client.Host().Directory(folder)).
		WithExec([]string{"/program", "now", "@/in/f"}, dagger.ContainerWithExecOpts{RedirectStdout: "/out/f"})
	second := base.WithDirectory("/in", first.Directory("/out")).WithExec([]string{"/program", "@/in/f"})
	out, err := second.Stdout(t.Context())
	if err != nil {
		t.Error(err)
	}
	return out
}

// TestAtOnce runs a pipeline in two sessions and a second process concurrently, and a pipeline that reads another file. Each must see its own
// file, each step must run once, and a later session must find it in the cache.
func TestAtOnce(t *testing.T) {
	if folder := os.Getenv("ENGINE_TEST_FOLDER"); folder != "" {
		t.Logf("PRINTED %q", chain(t, os.Getenv("ENGINE_TEST_PROGRAMS"), folder, os.Getenv("ENGINE_TEST_NONCE")))
		return
	}
	enginetest.NeedsRuntime(t, enginetest.Options(t, "/"))
	programs, nonce := program(t, printEnv), time.Now().String()
	folders := map[string]string{"one": t.TempDir(), "two": t.TempDir()}
	for text, folder := range folders {
		must(t, os.WriteFile(filepath.Join(folder, "f"), []byte(text), 0o644))
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[string][]string{}
	run := func(text string, in func(folder string) string) {
		all.Go(func() {
			out := in(folders[text])
			mu.Lock()
			defer mu.Unlock()
			seen[text] = append(seen[text], out)
		})
	}
	here := func(folder string) string { return chain(t, programs, folder, nonce) }
	run("one", here)
	run("one", here)
	run("two", here)
	run("one", func(folder string) string { return chainElsewhere(t, programs, folder, nonce) })
	run("two", func(folder string) string { return chainElsewhere(t, programs, folder, nonce) })
	all.Wait()
	for text, outs := range seen {
		for _, out := range append(outs, here(folders[text])) {
			if out != outs[0] || !strings.Contains(out, text) {
				t.Errorf("of a file with %q, in sessions at once: %q, then %q", text, outs, out)
			}
		}
	}
}

// TestResultsOfOneStepAtOnce requests results of the same operations from many goroutines: a step with mounts of every kind, and what is derived
// from it and from a converted Dockerfile.
func TestResultsOfOneStepAtOnce(t *testing.T) {
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "f"), []byte("of the host"), 0o644))
	c := connect(t, folder)
	programs := box(t, c, printEnv)
	for round := range 5 {
		made := c.Directory().WithFile("program", programs.File("/program")).
			WithNewFile("Dockerfile", "FROM scratch\nCOPY program /\nRUN [\"/program\", \">/built\"]\nRUN [\"/program\", \">/twice\"]\n").DockerBuild()
		step := made.WithEnvVariable("NONCE", time.Now().String()).
			WithMountedTemp("/z").WithMountedDirectory("/m", c.Host().Directory(".")).WithMountedFile("/a", c.Host().File("f")).
			WithMountedCache("/y", c.CacheVolume(t.Name())).WithMountedDirectory("/b", c.Directory().WithNewFile("new", "new")).
			WithMountedSecret("/x", c.SetSecret(t.Name(), "secret")).WithSymlink("/b", "/link").
			WithExec([]string{"/program", ">/c", "@/m/f", "@/b/new"})
		const want = "of the host <nil>\nnew <nil>\n"
		asks := map[string]func(n string) (string, error){
			want: func(n string) (string, error) { return step.WithNewFile("/link/"+n, n).Stdout(t.Context()) },
			want + want: func(n string) (string, error) {
				out, err := step.WithExec([]string{"/program", "@/m/f", "@/b/new", n}).Stdout(t.Context())
				return strings.TrimSuffix(out, n+"\n") + want, err
			},
			"made": func(n string) (string, error) {
				return step.Directory("/b").WithNewFile("made", "made").WithNewFile("to/"+n, n).File("made").Contents(t.Context())
			},
			"true": func(n string) (string, error) {
				there, err := made.WithNewFile("/twice/../"+n, n).Exists(t.Context(), "/built")
				return strconv.FormatBool(there), err
			},
		}
		var all sync.WaitGroup
		for want, ask := range asks {
			for i := range 3 {
				all.Go(func() {
					if got, err := ask(strconv.Itoa(i)); err != nil || got != want {
						t.Errorf("round %d: %q, %v, want %q", round, got, err, want)
					}
				})
			}
		}
		all.Wait()
	}
}

// chainElsewhere runs the pipeline in another process.
func chainElsewhere(t *testing.T, programs, folder, nonce string) string {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "ENGINE_TEST_FOLDER="+folder, "ENGINE_TEST_PROGRAMS="+programs, "ENGINE_TEST_NONCE="+nonce)
	out, err := cmd.CombinedOutput()
	_, printed, found := strings.Cut(string(out), "PRINTED \"")
	printed, _, _ = strings.Cut(printed, "\"\n")
	if err != nil || !found {
		t.Errorf("%v\n%s", err, out)
	}
	return strings.ReplaceAll(printed, `\n`, "\n")
}
