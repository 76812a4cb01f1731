package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

const (
	// startTime is how long a daemon may take to answer. It is ready in a fraction of a second; a large cache database on
	// a slow disk takes longer.
	startTime = 60 * time.Second
	// startPoll is the interval at which a starting daemon is asked.
	startPoll = 20 * time.Millisecond
	// startFree is the free disk that a start requires: with less, the daemon would fail in the middle of a build.
	startFree = 512 << 20
	// logKept is the size of the log beyond which a start truncates it.
	logKept = 4 << 20
)

// checkDisk refuses to start on a full disk.
func (o Options) checkDisk(f files) error {
	var st unix.Statfs_t
	if err := unix.Statfs(f.root, &st); err != nil {
		return fmt.Errorf("disk of %s: %w", f.root, err)
	}
	if free := int64(st.Bavail) * st.Bsize; free < startFree {
		return fmt.Errorf("the disk of %s has %d MB free, and the engine requires %d MB to start: free space, or empty its cache with engine:prune -all",
			f.root, free>>20, int64(startFree)>>20)
	}
	return nil
}

// start runs the daemon and returns once it answers.
func (o Options) start(ctx context.Context, l launch, f files, s settings) (running, error) {
	o.cleanUp(ctx, f)
	if err := f.prepare(); err != nil {
		return running{}, err
	}
	if err := errors.Join(o.copyAuthorities(), s.write(f.config)); err != nil {
		return running{}, err
	}
	log, err := openLog(f.log)
	if err != nil {
		return running{}, err
	}
	defer log.Close()
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return running{}, err
	}
	cmd := exec.Command(l.command[0], append(l.command[1:], f.config)...)
	cmd.Dir, cmd.Env = "/", o.environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &l.attr
	procgroup.CloseInheritedOnExec()
	if err := cmd.Start(); err != nil {
		return running{}, fmt.Errorf("start the engine: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	r, err := await(ctx, f.socket, ended)
	if err != nil {
		cmd.Process.Kill()
		o.cleanUp(context.WithoutCancel(ctx), f)
		return running{}, fmt.Errorf("start the engine: %w\n%s(full log: %s)", err, tail(f.log, from), f.log)
	}
	return r, nil
}

// await polls until the daemon answers or ends.
func await(ctx context.Context, socket string, ended <-chan error) (running, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("no answer within %s", startTime))
	defer cancel()
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return running{}, fmt.Errorf("it ended immediately: %v", err)
		case <-ctx.Done():
			return running{}, context.Cause(ctx)
		case <-tick.C:
			if r := probe(ctx, socket); r.answers() {
				return r, nil
			}
		}
	}
}

func openLog(path string) (*os.File, error) {
	mode := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(path); err == nil && info.Size() > logKept {
		mode |= os.O_TRUNC
	}
	return os.OpenFile(path, mode, 0o600)
}

// tail returns the last lines of the log after an offset.
func tail(path string, from int64) string {
	data, err := os.ReadFile(path)
	if err != nil || from > int64(len(data)) {
		return ""
	}
	lines := bytes.SplitAfter(data[from:], []byte("\n"))
	if len(lines) > 10 {
		lines = lines[len(lines)-10:]
	}
	return string(bytes.Join(lines, nil))
}
