package daemon

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// errNoUserNamespaces is the error for a user other than root who cannot make user namespaces.
var errNoUserNamespaces = errors.New("the embedded engine requires root or user namespaces, and this system does not allow user namespaces for this user: " +
	"run it as root, set BUILDKIT_HOST, or ask an administrator to allow them " +
	"(sysctl user.max_user_namespaces=15000; on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0)")

// launch is a way to start the daemon.
type launch struct {
	command []string // the path of the settings file is added
	attr    syscall.SysProcAttr
}

// prepareLaunch builds the programs that the daemon needs. The daemon has its own session, so it outlives the terminal. It has its own mount
// namespace in each case, so its mounts end with it, even if it is killed.
func (o Options) prepareLaunch(ctx context.Context, f files) (launch, error) {
	root := os.Geteuid() == 0
	if !root && !userNamespaces(o.searchPath()) {
		return launch{}, errNoUserNamespaces // before the build, which takes long
	}
	exe, err := o.builder().Build(ctx, buildkitd)
	if err != nil {
		return launch{}, err
	}
	o.buildRuntime(ctx)
	o.linkRuntime(ctx)
	switch {
	case root:
		return launch{command: []string{exe}, attr: syscall.SysProcAttr{Setsid: true, Unshareflags: syscall.CLONE_NEWNS}}, nil
	case !o.singleUser():
		if _, err := o.builder().Build(ctx, usernet); err != nil {
			return launch{}, err
		}
		return o.rootless(ctx, exe, f)
	}
	o.logf("the engine only builds steps that run no command: %v", ErrNoSubIDs)
	attr := ownNamespace()
	attr.Setsid = true
	return launch{command: []string{exe}, attr: attr}, nil
}

// kitState begins the names of RootlessKit's folders.
const kitState = "rootlesskit-"

// rootless runs a program with all of the user's ids mapped, which requires RootlessKit and its setuid helpers. The PID namespace, and all
// processes in it, end with the program.
func (o Options) rootless(ctx context.Context, exe string, f files) (launch, error) {
	kit, err := o.builder().Build(ctx, rootlesskit)
	if err != nil {
		return launch{}, err
	}
	// Each start has its own folder: the RootlessKit before may still be removing its folder.
	state := filepath.Join(f.sockets, kitState+strconv.FormatInt(time.Now().UnixMicro(), 36))
	return launch{
		command: []string{kit, "--state-dir=" + state, "--net=host", "--pidns", exe},
		attr:    syscall.SysProcAttr{Setsid: true},
	}, nil
}

// ownNamespace maps the user to root of a namespace, and no other user.
func ownNamespace() syscall.SysProcAttr {
	return syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWUSER,
		Unshareflags: syscall.CLONE_NEWNS,
		UidMappings:  []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings:  []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// userNamespaces checks whether this user can make a user namespace and mount in it. It runs true(1) from one of the folders; without true(1),
// the start of the daemon is the check.
func userNamespaces(dirs []string) bool {
	path := lookIn(append(dirs, "/usr/bin", "/bin"), "true")
	if path == "" {
		return true
	}
	cmd := exec.Command(path)
	cmd.Env = []string{}
	attr := ownNamespace()
	cmd.SysProcAttr = &attr
	return cmd.Run() == nil
}

// singleUser reports whether the daemon's namespace can hold one user only: that of an ordinary user without subordinate ids, or without the
// helpers that map them, see subuid(5).
func (o Options) singleUser() bool {
	if os.Geteuid() == 0 {
		return false
	}
	me, err := user.Current()
	if err != nil {
		return true
	}
	dirs := o.searchPath()
	return lookIn(dirs, "newuidmap") == "" || lookIn(dirs, "newgidmap") == "" ||
		!hasSubIDs("/etc/subuid", me) || !hasSubIDs("/etc/subgid", me)
}

// hasSubIDs looks for a line "user-or-uid:start:count" whose range holds the usual ids of an image.
func hasSubIDs(path string, me *user.User) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Split(strings.TrimSpace(lines.Text()), ":")
		if len(fields) != 3 || (fields[0] != me.Username && fields[0] != me.Uid) {
			continue
		}
		if n, err := strconv.Atoi(fields[2]); err == nil && n >= 1000 {
			return true
		}
	}
	return false
}
