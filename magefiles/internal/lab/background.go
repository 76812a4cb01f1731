package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// A lab that stays up is its own process, the keeper: it starts the servers, writes the record of their addresses, and ends them on request. It
// holds a lock until it ends, so the record is valid only while the lock is held.

// The files of a kept lab, in the same folder as those of its servers.
const (
	recordFile = "lab.json"
	lockFile   = "lab.lock"
	keeperLog  = "lab.log"
)

// readLockTime is how long a process that only reads may hold the lock.
const readLockTime = 2 * time.Second

// Record describes a lab that is up.
type Record struct {
	PID     int       `json:"pid"` // of its keeper
	Since   time.Time `json:"since"`
	Dir     string    `json:"dir"`
	Parts   []Part    `json:"parts"`
	Mode    Mode      `json:"mode"`
	Servers []Listed  `json:"servers"`
	Env     []Setting `json:"env,omitempty"` // contains passwords and tokens, which are valid on this machine only
}

// Listed is one server of a lab.
type Listed struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
	Log  string `json:"log,omitempty"`
	PID  int    `json:"pid"`
}

// Serves returns the reason why a lab that is up does not match these options; nil if it does.
func (r Record) Serves(o Options) error {
	for _, p := range o.Parts {
		if !slices.Contains(r.Parts, p) {
			return fmt.Errorf("the running lab has no %s (its parts: %s): run lab:down, then lab:up", p, JoinParts(r.Parts))
		}
	}
	if r.Mode != o.Mode {
		return fmt.Errorf("the registry of the running lab has mode %s, not %s: run lab:down, then lab:up", r.Mode, o.Mode)
	}
	return nil
}

// Keep runs a lab until ctx ends. Its home must have a folder. When all servers answer, it writes the record and calls ready; an error of ready
// ends the lab.
func Keep(ctx context.Context, h Home, o Options, ready func(Record) error) (err error) {
	lock, err := acquireLock(ctx, h.Dir, readLockTime)
	if err != nil {
		return err
	}
	defer lock.Close()
	l, err := Start(ctx, h, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	r := l.record(h.Dir)
	path := filepath.Join(h.Dir, recordFile)
	if err := writeJSONAtomic(path, r); err != nil {
		return err
	}
	defer os.Remove(path)
	if err := ready(r); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// acquireLock takes the lock of a lab's folder. It waits for processes that only read, which hold the lock for a moment.
func acquireLock(ctx context.Context, dir string, patience time.Duration) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	lock := flock.New(filepath.Join(dir, lockFile))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		lock.Close()
		return nil, fmt.Errorf("another run uses the lab in %s, or is starting it: wait for it, or run lab:down when it is up", dir)
	}
	return lock, nil
}

// Find returns the record of the lab in a folder, and whether it is up. A lab that is starting is not up yet.
func Find(dir string) (Record, bool, error) {
	var r Record
	if _, err := os.Stat(filepath.Join(dir, lockFile)); errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	defer lock.Close()
	free, err := lock.TryRLock()
	if err != nil || free {
		return r, false, err
	}
	text, err := os.ReadFile(filepath.Join(dir, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, false, fmt.Errorf("record of the lab: %w", err)
	}
	return r, true, nil
}

// Detach runs a command that keeps a lab in a folder, and returns when the lab is up. The command outlives this process and its terminal; its
// stderr goes to a file, and line by line to say. If ctx ends before the lab is up, the command is ended.
func Detach(ctx context.Context, dir string, line []string, env []string, say func(string)) (Record, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Record{}, err
	}
	log, err := os.Create(filepath.Join(dir, keeperLog))
	if err != nil {
		return Record{}, err
	}
	defer log.Close()
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env, cmd.Stderr = env, log
	detach(cmd)
	procgroup.CloseInheritedOnExec()
	if err := cmd.Start(); err != nil {
		return Record{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	follow := follower{path: log.Name(), say: say}
	for {
		follow.read()
		r, up, err := Find(dir)
		if err != nil || up && r.PID == cmd.Process.Pid {
			return r, err
		}
		select {
		case err := <-ended:
			follow.read()
			return Record{}, fmt.Errorf("the lab did not start (%v): %s (log: %s)", err, follow.last, log.Name())
		case <-ctx.Done():
			err := cmd.Process.Signal(os.Interrupt)
			<-ended
			return Record{}, errors.Join(context.Cause(ctx), err)
		case <-time.After(pollInterval):
		}
	}
}

// follower passes on the lines of a file that another process writes.
type follower struct {
	path string
	say  func(string)
	at   int64
	last string
}

// read passes on the lines that are complete since the last call.
func (f *follower) read() {
	file, err := os.Open(f.path)
	if err != nil {
		return // the next call reads it, or none does: only the record counts
	}
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, f.at, 1<<20))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") {
			return
		}
		f.at += int64(len(line))
		if f.last = strings.TrimSpace(line); f.last != "" {
			f.say(f.last)
		}
	}
}

// stopLabTime is how long a lab may take to end before it is killed together with its servers.
const stopLabTime = 30 * time.Second

// Down ends the lab in a folder and waits until all of it has ended. It reports whether one was up.
func Down(ctx context.Context, dir string) (bool, error) {
	r, up, err := Find(dir)
	if err != nil || !up {
		return false, err
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		// The lock was held a moment ago, so the number is still the keeper's.
		if err := syscall.Kill(r.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return true, fmt.Errorf("stop the lab (process %d): %w", r.PID, err)
		}
		lock, err := acquireLock(ctx, dir, stopLabTime)
		if err == nil {
			defer lock.Close()
			return true, os.RemoveAll(filepath.Join(dir, recordFile))
		}
		if ctx.Err() != nil {
			return true, context.Cause(ctx)
		}
	}
	return true, fmt.Errorf("the lab (process %d) did not stop, even after SIGKILL", r.PID)
}

// Wipe removes a lab that is down, with all data of its servers.
func Wipe(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := acquireLock(ctx, dir, readLockTime)
	if err != nil {
		return err
	}
	defer lock.Close()
	return os.RemoveAll(dir)
}

// writeJSONAtomic writes JSON that only this user can read, atomically.
func writeJSONAtomic(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
