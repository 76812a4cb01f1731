package engine_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
)

// What a failed step left is in the folder, with its mounts in their places, and without the secrets of the session, which nobody else knows.
func TestKeep(t *testing.T) {
	state := filepath.Join(t.TempDir(), "the\nstate")
	var lines []string
	_, c, ct := attended(t, func(o *engine.Options) {
		o.Keep = &engine.Keep{Dir: state}
		o.Log = func(line string) { lines = append(lines, line) }
	})
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "from-host"), []byte("host content\n"), 0o644))
	_, err := ct.WithUser("worker").WithWorkdir("/work").WithEnvVariable("STEP", t.Name()).
		WithSecretVariable("TOKEN", c.SetSecret("t", "s3cret-one")).WithMountedSecret("/run/key", c.SetSecret("k", "s3cret-two"), dagger.ContainerWithMountedSecretOpts{Owner: "worker"}).
		WithMountedDirectory("/mnt", c.Directory().WithNewFile("outer", "x")).WithMountedFile("/mnt/file", c.Directory().WithNewFile("f", "one file").File("f")).
		WithMountedDirectory("/mnt/deep", c.Host().Directory(dir), dagger.ContainerWithMountedDirectoryOpts{Owner: "worker"}).
		WithExec([]string{"sh", "-c", `echo "made $TOKEN" >/mnt/deep/made; cat /run/key >copy; exit 9`}).Sync(context.Background())
	var failed *dagger.ExecError
	if !errors.As(err, &failed) || failed.ExitCode != 9 {
		t.Errorf("the error is %v", err)
	}
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, `the\nstate"`) }) {
		t.Errorf("no line has the name of the folder, with its line break in quotes: %q", lines)
	}
	for name, want := range map[string]string{
		"mnt/deep/made": "made ***\n", "mnt/deep/from-host": "host content\n", "mnt/outer": "x", "mnt/file": "one file", "work/copy": "***",
	} {
		if got, err := os.ReadFile(filepath.Join(state, "rootfs", name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	step, err := os.ReadFile(filepath.Join(state, "step.txt"))
	must(t, err)
	for _, want := range []string{"exit code: 9\nuser: worker\nworking directory: /work\n", "STEP=TestKeep\n", "variable, not kept: TOKEN\n", "file, not kept: /run/key\n"} {
		if !strings.Contains(string(step), want) {
			t.Errorf("step.txt has no %q:\n%s", want, step)
		}
	}
	if strings.Contains(string(step), "s3cret") {
		t.Errorf("step.txt has a secret:\n%s", step)
	}
}

// stopping is a mask that ends the build when the first file is written.
type stopping struct {
	io.Writer
	stop func()
}

func (s stopping) Write(p []byte) (int, error) {
	s.stop()
	return s.Writer.Write(p)
}

func (stopping) Close() error { return nil }

// A build that is stopped while the folder is written leaves nothing.
func TestKeepStopped(t *testing.T) {
	parent := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	keep := &engine.Keep{Dir: filepath.Join(parent, "state"), Mask: func(w io.Writer) io.WriteCloser { return stopping{w, stop} }}
	_, _, ct := attended(t, func(o *engine.Options) { o.Keep = keep })
	if _, err := ct.WithEnvVariable("STEP", t.Name()).WithExec([]string{"sh", "-c", "exit 3"}).Sync(ctx); err == nil {
		t.Error("it succeeds")
	}
	keep.Wait()
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}
