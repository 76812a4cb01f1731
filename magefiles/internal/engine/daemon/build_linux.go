package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// sayEvery is how often a build that goes on says how far it is.
const sayEvery = 10 * time.Second

// build compiles the program, unless bin has it. The caller holds the lock.
func (s source) build(ctx context.Context, bin string, opts Options) (string, error) {
	out := s.executable(bin)
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	opts.logf("building %s, once for this machine: about %d s on two cores", s.label(), s.seconds)
	start := time.Now()
	// Renamed when whole, so that an interrupted build leaves nothing that looks like a program.
	tmp := out + ".tmp"
	defer os.Remove(tmp)
	if err := s.compile(ctx, tmp, opts); err != nil {
		return "", fmt.Errorf("build %s: %w", s.label(), err)
	}
	if err := os.Rename(tmp, out); err != nil {
		return "", err
	}
	opts.logf("built %s in %.0f s", s.label(), time.Since(start).Seconds())
	removeOld(bin, s.name, out)
	return out, nil
}

func (s source) compile(ctx context.Context, out string, opts Options) error {
	args := []string{"build", "-v", "-mod=readonly", "-buildvcs=false", "-ldflags=" + s.ldflags(), "-o", out}
	if s.tags != "" {
		args = append(args, "-tags="+s.tags)
	}
	cmd := s.goCommand(ctx, append(args, s.pkg)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	said := s.follow(stderr, s.packages(ctx), opts)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return errors.Join(err, errors.New(strings.Join(said, "\n")))
	}
	return nil
}

// goCommand runs the user's go command with the user's settings (proxies, GOFLAGS, GOTOOLCHAIN), save those that would build
// something else than the program for this machine. -trimpath is left out, and cgo is what it is for mage's own binary, so that the
// packages that both have come from the build cache.
func (s source) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.dir
	cmd.Env = append(cmd.Environ(), "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if s.cgo {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 3 * time.Second
	return cmd
}

func (s source) ldflags() string {
	flags := "-s -w"
	values := []string{ours, s.version, s.key}
	for i, variable := range s.stamp {
		flags += " -X " + variable + "=" + values[i]
	}
	return flags
}

// packages is how many packages the program has; 0 if that cannot be told. It costs under a second.
func (s source) packages(ctx context.Context) int {
	args := []string{"list", "-deps", "-mod=readonly"}
	if s.tags != "" {
		args = append(args, "-tags="+s.tags)
	}
	out, err := s.goCommand(ctx, append(args, s.pkg)...).Output()
	if err != nil {
		return 0
	}
	return strings.Count(string(out), "\n")
}

// follow reads what go build -v says, a line for each package that it compiles, and tells how far it is.
// It returns the last lines that are not package names: the reason, should the build fail.
func (s source) follow(stderr io.Reader, total int, opts Options) []string {
	var said []string
	start, next := time.Now(), time.Now().Add(sayEvery)
	done := 0
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "go: downloading "):
		case !strings.ContainsAny(line, " \t"):
			done++
		default:
			said = append(said, line)
			if len(said) > 12 {
				said = said[1:]
			}
		}
		if time.Now().After(next) {
			next = time.Now().Add(sayEvery)
			opts.logf("building %s: %d of at most %d packages, %.0f s", s.label(), done, total, time.Since(start).Seconds())
		}
	}
	return said
}

// removeOld keeps what other clones may still use, and drops what nobody built for a month.
func removeOld(bin, name, keep string) {
	paths, _ := filepath.Glob(filepath.Join(bin, name+"-*"))
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && path != keep && time.Since(info.ModTime()) > 30*24*time.Hour {
			os.Remove(path)
		}
	}
}
