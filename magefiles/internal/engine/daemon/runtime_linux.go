package daemon

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// systemDirs are searched after PATH; a variable only for the tests.
var systemDirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"}

// runtimes lists the OCI runtimes of this machine, the preferred one first: the system's runc, otherwise a built one, then crun.
func (o Options) runtimes() []string {
	dirs := o.searchPath()
	var found []string
	if path := lookIn(dirs, "runc"); path != "" {
		found = append(found, path)
	} else if src, err := o.builder().Inspect(runc); err == nil && isExecutable(src.Path) {
		found = append(found, src.Path)
	}
	if path := lookIn(dirs, "crun"); path != "" {
		found = append(found, path)
	}
	return found
}

// searchPath is the user's PATH, followed by the system's folders, since the sbin folders are often missing in a user's PATH.
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

// linkRuntime links the daemon's runtime path to the current runtime, and returns that runtime, or "" for none. So the daemon notices a runtime
// that is installed or removed later, without a restart. The target of the link was checked already.
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
		if !supportsKeep(ctx, path) {
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

// relink points a link at another file, in one step. Runs that find the daemon running call it without a lock.
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

// noRuntime is the reason why steps cannot run if linkRuntime finds nothing.
func (o Options) noRuntime() error {
	if o.singleUser() {
		return ErrNoSubIDs
	}
	return ErrNoRuntime
}

// usableRuntime is the runtime that would run the next step.
func (o Options) usableRuntime(ctx context.Context) string {
	if o.singleUser() {
		return ""
	}
	for _, path := range o.runtimes() {
		if supportsKeep(ctx, path) {
			return path
		}
	}
	return ""
}

// supportsKeep reports whether the runtime has `run --keep`, which BuildKit requires. crun of Debian 12 (1.8.1) does not have it.
func supportsKeep(ctx context.Context, runtime string) bool {
	cmd := exec.CommandContext(ctx, runtime, "run", "--help")
	cmd.Env = procgroup.Environment(cmd.Environ(), procgroup.Basic)
	out, err := cmd.Output()
	return err == nil && bytes.Contains(out, []byte("--keep"))
}

// buildRuntime builds runc if there is no runtime and the build's requirements are present. Without a runtime the daemon still starts.
func (o Options) buildRuntime(ctx context.Context) {
	if o.singleUser() || o.linkRuntime(ctx) != "" || !compilesSeccomp(ctx) {
		return
	}
	if _, err := o.builder().Build(ctx, runc); err != nil {
		o.logf("no OCI runtime: %v", err)
	}
}

// compilesSeccomp checks the C compiler with libseccomp's header, which runc needs for BuildKit's seccomp profile.
func compilesSeccomp(ctx context.Context) bool {
	for _, cc := range []string{"cc", "gcc", "clang"} {
		cmd := exec.CommandContext(ctx, cc, "-x", "c", "-o", os.DevNull, "-", "-lseccomp")
		cmd.Env = procgroup.Environment(cmd.Environ(), procgroup.Go)
		cmd.Stdin = strings.NewReader("#include <seccomp.h>\nint main(void) { return seccomp_api_get() == 0; }\n")
		if procgroup.Run(ctx, cmd, time.Second) == nil {
			return true
		}
	}
	return false
}
