package daemon

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/command"
)

// systemDirs are searched besides PATH; a variable for the tests alone.
var systemDirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"}

// runtimes lists the OCI runtimes of this machine, the preferred one first: the system's runc, else one that was built, then crun.
func (o Options) runtimes() []string {
	dirs := o.searchPath()
	var found []string
	if path := lookIn(dirs, "runc"); path != "" {
		found = append(found, path)
	} else if src, err := o.builder().Look(runc); err == nil && isExecutable(src.Path) {
		found = append(found, src.Path)
	}
	if path := lookIn(dirs, "crun"); path != "" {
		found = append(found, path)
	}
	return found
}

// searchPath is the user's PATH, and after it the system's folders, of which a user's PATH often lacks the sbin ones.
func (o Options) searchPath() []string {
	return append(filepath.SplitList(o.Getenv("PATH")), systemDirs...)
}

func lookIn(dirs []string, name string) string {
	for _, dir := range dirs {
		if path := filepath.Join(dir, name); filepath.IsAbs(dir) && isExecutable(path) {
			return path
		}
	}
	return ""
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// linkRuntime points the link that the daemon runs at the runtime of the moment, and returns that; "" for none.
// So a runtime that is installed later, or goes away, is noticed without a restart. What the link names was tried already.
func (o Options) linkRuntime(ctx context.Context) string {
	link := o.files().runtime
	if o.singleUser() {
		os.Remove(link)
		return ""
	}
	now, _ := os.Readlink(link)
	for _, path := range o.runtimes() {
		if path == now {
			return path
		}
		if !keeps(ctx, path) {
			continue
		}
		if relink(path, link) != nil {
			return ""
		}
		return path
	}
	os.Remove(link)
	return ""
}

// relink points a link at another file, in one step. Runs that find the daemon running do it without a lock.
func relink(path, link string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(link), "link-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	name := filepath.Join(tmp, "link")
	if err := os.Symlink(path, name); err != nil {
		return err
	}
	return os.Rename(name, link)
}

// noRuntime is why steps cannot run, should linkRuntime find nothing.
func (o Options) noRuntime() error {
	if o.singleUser() {
		return ErrNoSubIDs
	}
	return ErrNoRuntime
}

// usableRuntime is the runtime that the next step would be run by.
func (o Options) usableRuntime(ctx context.Context) string {
	if o.singleUser() {
		return ""
	}
	for _, path := range o.runtimes() {
		if keeps(ctx, path) {
			return path
		}
	}
	return ""
}

// keeps tells whether the runtime has «run --keep», which BuildKit cannot do without: crun of Debian 12 (1.8.1) lacks it.
func keeps(ctx context.Context, runtime string) bool {
	cmd := exec.CommandContext(ctx, runtime, "run", "--help")
	cmd.Env = command.Environment(cmd.Environ(), command.Basic)
	out, err := cmd.Output()
	return err == nil && bytes.Contains(out, []byte("--keep"))
}

// buildRuntime builds runc where there is no runtime and what its build needs is there. Without it the daemon starts all the same.
func (o Options) buildRuntime(ctx context.Context) {
	if o.singleUser() || o.linkRuntime(ctx) != "" || !compilesSeccomp(ctx) {
		return
	}
	if _, err := o.builder().Build(ctx, runc); err != nil {
		o.logf("no OCI runtime: %v", err)
	}
}

// compilesSeccomp tries the C compiler with libseccomp's header, which runc needs for BuildKit's seccomp profile.
func compilesSeccomp(ctx context.Context) bool {
	for _, cc := range []string{"cc", "gcc", "clang"} {
		cmd := exec.CommandContext(ctx, cc, "-x", "c", "-o", os.DevNull, "-", "-lseccomp")
		cmd.Env = command.Environment(cmd.Environ(), command.Go)
		cmd.Stdin = strings.NewReader("#include <seccomp.h>\nint main(void) { return seccomp_api_get() == 0; }\n")
		if command.Run(ctx, cmd, time.Second) == nil {
			return true
		}
	}
	return false
}
