package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// Server is the interface of all servers of the lab. Each has one file here.
type Server interface {
	Name() string // as in lab:status
	URL() string  // for clients; "" if there are none
	Log() string  // file of its output; "" if it has none
	Close() error // ends it and all processes that it started
}

// Home has the folders of servers' programs and data. The zero value suits a test.
type Home struct {
	Dir      string       // data of all servers, which a later server finds again; "" is a temporary folder for each, which is removed with it
	Programs string       // folder of the executables; "" is blumeops/lab/programs in the user's cache folder
	Log      func(string) // receives a line about each slow operation; nil: none

	// Work, if set, is called when the build of a program begins. It returns functions for progress and for the result. Several are built in
	// parallel. Without it, Log is used.
	Work func(name string) (say func(string), end func(error))

	addresses map[string]string // of the servers at the last start, by name
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
	return builder{toolbuild.Builder{Archive: archive, Bin: bin, Log: h.log}, h.Work}, nil
}

// build returns the executable of a program, and builds it if it is not kept yet.
func (h Home) build(ctx context.Context, p toolbuild.Program) (string, error) {
	b, err := h.builder()
	if err != nil {
		return "", err
	}
	return b.Build(ctx, p)
}

// moduleDir is the folder of a module that a program is built from: some programs read its files at run time.
func (h Home) moduleDir(ctx context.Context, p toolbuild.Program, module string) (string, error) {
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
