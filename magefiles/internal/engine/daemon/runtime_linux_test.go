package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// TestRuntimeIsLinkedConcurrently has concurrent runs link one runtime or another. After each, the link must exist.
func TestRuntimeIsLinkedConcurrently(t *testing.T) {
	dir := t.TempDir()
	opts := Options{StateDir: filepath.Join(dir, "state"), Getenv: func(name string) string {
		return map[string]string{"PATH": dir}[name]
	}}
	runc := filepath.Join(dir, "runc")
	if err := errors.Join(os.MkdirAll(opts.files().run, 0o700), os.WriteFile(runc, []byte("#!/bin/sh\necho --keep\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	link := opts.files().runtime
	if opts.singleUser() {
		testenv.Missing(t, "one user: steps cannot run")
	}
	for range 20 {
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if got := opts.linkRuntime(t.Context()); got != runc {
					t.Errorf("runtime %q", got)
				}
			})
		}
		group.Wait()
		if now, err := os.Readlink(link); now != runc {
			t.Errorf("linked to %q, %v", now, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(opts.files().run, "*")); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
}

// Containers of other programs come and go while those of an engine are listed, and runc reports that as an error.
func TestContainersAreListedWhileOthersEnd(t *testing.T) {
	runc := testenv.Program(t, "runc", "apt-get install runc")
	opts, _ := newOptions(t)
	dir := t.TempDir()
	wrapper, calls := filepath.Join(dir, "runc"), filepath.Join(dir, "calls")
	script := fmt.Sprintf(`#!/bin/sh
echo >>%[1]s
if [ "$(wc -l <%[1]s)" -le 3 ]; then
	echo 'level=error msg="stat /run/runc/x: no such file or directory"' >&2
	exit 1
fi
exec %[2]s --root=%[3]s "$@"
`, calls, runc, filepath.Join(dir, "containers"))
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if found, err := opts.containers(t.Context(), wrapper); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
	if text, err := os.ReadFile(calls); err != nil || len(text) != 4 {
		t.Errorf("%d calls, %v", len(text), err)
	}
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\necho broken >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := opts.containers(t.Context(), wrapper)
	testenv.WantError(t, err, "runc list: exit status 1: broken")
}
