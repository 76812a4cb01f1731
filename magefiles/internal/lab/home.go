package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pinned"
)

// Server is what the lab's servers have in common. Each has one file here.
type Server interface {
	Name() string // as in lab:status
	URL() string  // what clients use; "" if there are none
	Log() string  // file of what it says; "" if it says nothing
	Close() error // ends it and all that it started
}

// Home is where servers find their programs and keep their data. The zero value suits a test.
type Home struct {
	Dir      string       // data of all servers, which a later server finds again; "" is a temporary folder for each, which goes with it
	Programs string       // where what was built is kept; "" is blumeops/lab/programs in the user's cache folder
	Log      func(string) // told one line about what takes long; nil: nobody

	// Work, if set, is told when a program begins to be built, and returns what is told how that goes and how it ended. Several
	// are built side by side. Without it, Log is told.
	Work func(name string) (say func(string), end func(error))

	addresses map[string]string // that the servers had the last time, by name
}

// builder builds the lab's programs.
func (h Home) builder() (builder, error) {
	bin := h.Programs
	if bin == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return builder{}, err
		}
		bin = filepath.Join(cache, "blumeops", "lab", "programs")
	}
	return builder{pinned.Builder{Archive: archive, Bin: bin, Log: h.log}, h.Work}, nil
}

// build returns the executable of a program, built now if it is not kept yet.
func (h Home) build(ctx context.Context, p pinned.Program) (string, error) {
	b, err := h.builder()
	if err != nil {
		return "", err
	}
	return b.Build(ctx, p)
}

// moduleDir is the folder of a module that a program is built from: some of them read files of it as they run.
func (h Home) moduleDir(ctx context.Context, p pinned.Program, module string) (string, error) {
	b, err := h.builder()
	if err != nil {
		return "", err
	}
	return b.ModuleDir(ctx, p, module)
}

// folder makes the folder of a server's data. The caller removes it if it is temporary.
func (h Home) folder(name string) (dir string, temporary bool, err error) {
	if h.Dir == "" {
		dir, err = os.MkdirTemp("", "blumeops-"+name+"-")
		return dir, true, err
	}
	if !filepath.IsAbs(h.Dir) {
		return "", false, errors.New("folder of the lab: " + h.Dir + " is not an absolute path")
	}
	dir = filepath.Join(h.Dir, name)
	return dir, false, os.MkdirAll(dir, 0o700)
}

func (h Home) log(line string) {
	if h.Log != nil {
		h.Log(line)
	}
}

func (h Home) logf(format string, args ...any) { h.log(fmt.Sprintf(format, args...)) }
