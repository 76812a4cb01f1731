package app

import (
	"io"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/build"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
)

// Keep is the flag -keep: the state of each step that fails is left in a folder, in which all secrets of this run are masked.
func (a *App) Keep(where string) error {
	if where == "" {
		return nil
	}
	dir, err := build.ParseKeep(where)
	if err != nil {
		return err
	}
	mask := func(w io.Writer) io.WriteCloser { return flushed{a.console.Redactor().Writer(w)} }
	a.keep = &engine.Keep{Dir: filepath.Join(a.root, dir), Mask: mask}
	if filepath.IsAbs(dir) {
		a.keep.Dir = dir
	}
	return nil
}

// flushed is a masking writer whose end writes what is held back.
type flushed struct{ *console.Writer }

func (f flushed) Close() error { return f.Flush() }
