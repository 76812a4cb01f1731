package toolbuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// build compiles the program. The caller holds the lock.
func (b Builder) build(ctx context.Context, s State) error {
	if err := s.checkCompiler(ctx); err != nil {
		return err
	}
	b.logf("building %s, once for this machine: about %s on two cores", s.Label(), about(s.program.Seconds))
	start := time.Now()
	b.sweep(s)
	// The name contains the process id, since the go command of a run that was killed may still be writing.
	work := fmt.Sprintf("%s.%d.tmp", s.Path, os.Getpid())
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	out := filepath.Join(work, s.program.Name)
	if err := b.compile(ctx, s, work, out); err != nil {
		return err
	}
	if err := os.Rename(out, s.Path); err != nil {
		return err
	}
	b.logf("built %s in %s", s.Label(), about(int(time.Since(start).Seconds())))
	return nil
}

// about formats a duration for people.
func about(seconds int) string {
	if seconds < 120 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min", (seconds+30)/60)
}

// compile first lists the packages, which downloads them and gives their number, and then builds them. The go command works in a folder that the
// caller removes, because an interrupted go command leaves files behind.
func (b Builder) compile(ctx context.Context, s State, work, out string) error {
	list := progress{builder: b, label: s.Label()}
	packages, err := list.run(ctx, s.goCommand(ctx, s.flags("list", "-deps")...))
	if err != nil {
		return err
	}
	compile := progress{builder: b, label: s.Label(), total: strings.Count(packages, "\n")}
	args := []string{"build", "-v", "-buildvcs=false", "-ldflags=" + s.ldflags(), "-o", out}
	if len(s.program.Patch) > 0 {
		mod, err := s.patched(ctx, work)
		if err != nil {
			return err
		}
		args = append(args, "-modfile="+mod)
	}
	cmd := s.goCommand(ctx, s.flags(args...)...)
	cmd.Env = append(cmd.Env, "GOTMPDIR="+work)
	_, err = compile.run(ctx, cmd)
	return err
}

// flags completes the arguments of a go command that loads the program's package.
func (s State) flags(args ...string) []string {
	args = append(args, "-mod=readonly")
	if s.program.Tags != "" {
		args = append(args, "-tags="+s.program.Tags)
	}
	return append(args, s.program.Package)
}

// goCommand runs the user's go command with the user's settings (proxies, GOFLAGS, GOTOOLCHAIN), except those that would build something other
// than the program for this machine. -trimpath is not set, and cgo is the same as for mage's own binary, so that packages that both use come from
// the build cache.
func (s State) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.dir
	cmd.Env = append(procgroup.Environment(cmd.Environ(), procgroup.Go), "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if s.program.CGO {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	procgroup.Interruptible(cmd)
	cmd.WaitDelay = 3 * time.Second
	return cmd
}

func (s State) ldflags() string {
	values := strings.NewReplacer("{version}", s.Version, "{number}", strings.TrimPrefix(s.Version, "v"), "{key}", s.Key)
	var sets []string
	for variable, value := range s.program.Stamp {
		sets = append(sets, " -X "+variable+"="+values.Replace(value))
	}
	slices.Sort(sets)
	return "-s -w" + strings.Join(sets, "")
}

// ErrNoCompiler says that a program cannot be built without more packages of the system.
var ErrNoCompiler = errors.New("a C compiler and the headers of the C library are required: apt-get install gcc libc6-dev")

// checkCompiler tests the C compiler that the go command would use, before any download.
func (s State) checkCompiler(ctx context.Context) error {
	if !s.program.CGO {
		return nil
	}
	out, err := s.goOutput(ctx, "env", "CC")
	if err != nil {
		return fmt.Errorf("go env CC: %w", err)
	}
	cc := strings.Fields(out) // such as "ccache gcc"
	if len(cc) == 0 {
		return ErrNoCompiler
	}
	cmd := exec.CommandContext(ctx, cc[0], append(cc[1:], "-x", "c", "-o", os.DevNull, "-")...)
	cmd.Env = procgroup.Environment(cmd.Environ(), procgroup.Go)
	cmd.Stdin = strings.NewReader("#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n")
	err = cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w (%s: %w)", ErrNoCompiler, filepath.Base(cc[0]), err)
	}
	return nil
}
