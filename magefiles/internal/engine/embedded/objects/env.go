// Package objects implements the objects of the Dagger API for the embedded engine: immutable values over llb.State, one file per object. A
// method that the API calls is a resolver of package gql; no work is done until a leaf requests a result.
package objects

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// Env is the state that all objects of a session share.
type Env struct {
	Solver  *solver.Solver
	Workdir string // absolute; relative host paths start here
	Version string // of the Dagger API
	// Init returns the path of a folder that holds the exec init, for the platform that the daemon runs on.
	Init func(ctx context.Context) (dir string, err error)
	// CanExec returns the reason why commands cannot run in a container, nil if they can.
	CanExec func() error
	// Insecure allows commands to have all rights of root on the machine, if they request them.
	Insecure bool
	Secrets  *Secrets
	Auth     *RegistryAuth
	// Services are the services of the session.
	Services *Services
	// LookupEnv reads the host's environment, for env:// secrets.
	LookupEnv func(string) (string, bool)
	// Screen opens the terminal of the user; nil if there is none.
	Screen solver.OpenScreen
	// Inspect opens a shell in the state of each step that fails, before the error is returned.
	Inspect bool
	// Keep leaves the state of each step that fails in a folder; nil for no folder.
	Keep *Keep
	// Shell returns a folder of the host that has a static shell, and its tools, in bin: for root file systems without a shell.
	Shell func(ctx context.Context) (dir string, err error)
	// Log receives a line for the user; nil for nobody.
	Log func(string)
	// TempDir is a folder of the session for archives; it is removed with the session.
	TempDir string
	// Authorities is the path of a PEM file with all certificate authorities that git trusts; "" for those of the machine.
	Authorities string
	// StateDir is a permanent folder: it holds what git fetched.
	StateDir string

	reads       folderReads
	failures    failures // of downloads
	inspections inspections
}

// Resolvers are the fields that this package offers.
func Resolvers() gql.Resolvers {
	return gql.Resolvers{
		"Query": queryFields, "Container": containerFields(), "Directory": directoryFields, "File": fileFields,
		"Secret": secretFields, "CacheVolume": {}, "Host": hostFields, "EnvVariable": envVariableFields,
		"Service": serviceFields, "Label": labelFields, "Port": portFields, "Stat": statFields, "Engine": engineFields, "EngineCache": engineCacheFields,
		"GitRepository": gitRepositoryFields, "GitRef": gitRefFields, "Socket": {},
		"HealthcheckConfig": healthcheckFields,
		"SearchResult":      searchResultFields, "SearchSubmatch": searchSubmatchFields, "Changeset": changesetFields, "DiffStat": diffStatFields,
	}
}

// checks are conditions that were not checked when an object was made. Every leaf checks them first.
type checks []func(context.Context) error

func (c checks) with(more ...func(context.Context) error) checks {
	return append(c[:len(c):len(c)], more...)
}

func (c checks) run(ctx context.Context) error {
	for _, f := range c {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// spanned is an error of a step, which Dagger marks with the span that the step ran in.
type spanned struct{ err error }

func (e spanned) Error() string { return e.err.Error() + " [traceparent:" + traceparent() + "]" }
func (e spanned) Unwrap() error { return e.err }

func inSpan(err error) error {
	var s spanned
	if err == nil || errors.As(err, &s) {
		return err
	}
	return spanned{err}
}

func traceparent() string {
	var b [24]byte
	rand.Read(b[:]) // crypto/rand.Read never fails
	return hex.EncodeToString(b[:16]) + "-" + hex.EncodeToString(b[16:])
}

// isNotExist reports whether BuildKit's error is a missing path, or a path below a file.
func isNotExist(err error) bool {
	return err != nil && (errors.Is(err, unix.ENOENT) || errors.Is(err, os.ErrNotExist) ||
		strings.Contains(err.Error(), "no such file or directory") || isBelowFile(err))
}

// isBelowFile reports whether BuildKit's error is a path below a file.
func isBelowFile(err error) bool {
	return err != nil && (errors.Is(err, unix.ENOTDIR) || strings.Contains(err.Error(), "not a directory"))
}

func notExist(op, p string) error { return fmt.Errorf("%s %s: no such file or directory", op, p) }

// belowFile is the error for a path below a file. Such a path is not missing: a query for its existence is an error.
func belowFile(p string) error { return fmt.Errorf("lstat %s: %w", p, unix.ENOTDIR) }

// firstBelowFile is belowFile for the first name of p that is below a file, links followed.
func (e *Env) firstBelowFile(ctx context.Context, st llb.State, p string) error {
	if _, err := (pathResolver{ctx: ctx, env: e, st: st}).realPath(p); isBelowFile(err) {
		return err
	}
	return belowFile(p)
}

// isMissing reports whether err is notExist and not a path below a file.
func isMissing(err error) bool { return isNotExist(err) && !isBelowFile(err) }

// stat describes p in st; the error for a missing one names the path as the caller gave it.
func (e *Env) stat(ctx context.Context, st llb.State, p, given string) (*fstypes.Stat, error) {
	if err := e.evaluate(ctx, st); err != nil {
		return nil, err
	}
	info, err := e.Solver.Stat(ctx, st, p)
	switch {
	case isBelowFile(err):
		return nil, e.firstBelowFile(ctx, st, p)
	case isNotExist(err):
		return nil, notExist("stat", given)
	}
	return info, err
}

// evaluate makes st, and turns the failure of an exec into the API's error.
func (e *Env) evaluate(ctx context.Context, st llb.State) error {
	_, err := e.Solver.Solve(ctx, st)
	return e.stepError(ctx, err)
}

// stepError is the API's error for the failure of a step; other errors are not changed.
func (e *Env) stepError(ctx context.Context, err error) error {
	return e.fileError(e.execError(ctx, err))
}

// madeUp matches folder names that only this engine adds to a state; removed matches BuildKit's error where Dagger's begins with lstat.
var madeUp, removed = regexp.MustCompile(`( /)content/`), regexp.MustCompile(`unlinkat (/.*: not a directory)$`)

// fileError is the API's error for the failure of a file operation.
func (e *Env) fileError(err error) error {
	if !e.Solver.FailedFile(err) {
		return err
	}
	text := removed.ReplaceAllString(madeUp.ReplaceAllString(err.Error(), "$1"), "lstat $1")
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// hostPath makes a host path absolute; a relative one starts at the session's working directory.
func (e *Env) hostPath(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(e.Workdir, p)
}

func (e *Env) platform() string { return platforms.Format(e.Solver.Platform()) }

// field adapts a method of the object self to a resolver.
func field[T any](f func(self T, ctx context.Context, a gql.Args) (any, error)) gql.Resolver {
	return func(ctx context.Context, self any, a gql.Args) (any, error) { return f(self.(T), ctx, a) }
}
