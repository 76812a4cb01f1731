package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

func findOwn(ctx context.Context, opts Options) (*Status, error) {
	f := opts.files()
	s := &Status{Address: "unix://" + f.socket, Root: f.root, Log: f.log, CacheLimit: opts.CacheBytes, Rootless: os.Geteuid() != 0}
	s.Runtime = opts.usableRuntime(ctx)
	r := probe(ctx, f.socket)
	if r.pid == 0 || r.dying {
		return s, nil
	}
	if err := r.foreign(f); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.err
	}
	s.Running, s.Version, s.PID = true, r.version, r.pid
	if info, err := os.Stat(f.socket); err == nil {
		s.Since = info.ModTime()
	}
	return s, s.fill(ctx, &Daemon{Address: r.address})
}

// pruneStopped removes the cache folder of a daemon that is not running; done reports whether it did.
func pruneStopped(ctx context.Context, opts Options) (freed int64, done bool, err error) {
	f := opts.files()
	if _, err := os.Stat(f.lock); errors.Is(err, fs.ErrNotExist) {
		return 0, true, nil
	}
	unlock, err := opts.lock(ctx, f.lock)
	if err != nil {
		return 0, false, err
	}
	defer unlock()
	if r := probe(ctx, f.socket); r.pid != 0 {
		return 0, false, r.foreign(f)
	}
	opts.cleanUp(ctx, f)
	freed = size(f.root)
	return freed, true, opts.removeCache(ctx, f)
}

// removeCache enters the user namespace if necessary: some files of a rootless daemon belong to the user's subordinate ids.
func (o Options) removeCache(ctx context.Context, f files) error {
	err := os.RemoveAll(f.root)
	if err == nil || os.Geteuid() == 0 || o.singleUser() {
		return err
	}
	l, err := o.rootless(ctx, "rm", f)
	if err != nil {
		return err
	}
	defer removeKitState(f)
	cmd := exec.CommandContext(ctx, l.command[0], append(l.command[1:], "-rf", f.root)...)
	cmd.Env = o.environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("remove %s: %w: %s", f.root, err, out)
	}
	return nil
}

func size(root string) (total int64) {
	filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}
