package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

func (d *Directory) export(ctx context.Context, a gql.Args) (any, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	dest := d.env.hostPath(a.String("path"))
	if err := os.MkdirAll(dest, 0o700); err != nil {
		return nil, inSpan(fmt.Errorf("rpc error: code = Unknown desc = failed to create synctarget dest dir %s: %w", dest, err))
	}
	return dest, d.env.Solver.ExportDir(ctx, d.rooted().st, dest, a.Bool("wipe"))
}

// createFile calls write to write a file of the host, atomically. As with os.Create, a link is followed, and an existing file keeps its own mode;
// otherwise it gets the given mode.
func createFile(dest string, mode os.FileMode, write func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(dest), 0o700); err != nil {
		return err
	}
	dest, err := followed(dest)
	if err != nil {
		return err
	}
	if old, err := os.Stat(dest); err == nil {
		mode = old.Mode().Perm()
	}
	tmp, err := scratch.Create(filepath.Dir(dest), partial)
	if err != nil {
		return err
	}
	defer tmp.Discard()
	if err := errors.Join(write(tmp.File), tmp.Chmod(mode), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), dest)
}

// keptOpen is a file that its writer does not close.
type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }

// partial begins the names of incomplete files.
const partial = ".blumeops-part-"

// followed is the file that a path of the host leads to. The file may be missing, but its folder must exist.
func followed(p string) (string, error) {
	const most = 40 // links, the kernel's limit
	at := p
	for range most {
		folder, err := filepath.EvalSymlinks(filepath.Dir(at))
		if err != nil {
			return "", inSpan(fmt.Errorf(syncTarget+"failed to create synctarget dest file %s: %w", p, notExist("open", p)))
		}
		at = filepath.Join(folder, filepath.Base(at))
		target, err := os.Readlink(at)
		if err != nil { // not a link, or missing
			return at, nil
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(folder, target)
		}
		at = target
	}
	return "", inSpan(statTarget(p, &os.PathError{Op: "stat", Path: p, Err: syscall.ELOOP}))
}

// syncTarget begins Dagger's errors about a path of the host that cannot be written.
const syncTarget = "unexpected closing recv msg: rpc error: code = Unknown desc = "

func statTarget(p string, err error) error {
	return fmt.Errorf(syncTarget+"failed to stat synctarget dest %s: %w", p, err)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
