// Package objects are the objects of the Dagger API as the embedded engine has them: immutable values over llb.State, one file an
// object. A method that the API calls is a resolver of package gql; nothing is done until a leaf asks for a result.
package objects

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// Env is what all objects of a session share.
type Env struct {
	Solver  *solver.Solver
	Workdir string // absolute; relative host paths start here
	Version string // of the Dagger whose API this is
	// Init gives the path of a folder that holds the exec init, for the platform that the daemon runs on.
	Init func(ctx context.Context) (dir string, err error)
	// CanExec says why nothing can be executed in a container, nil if it can.
	CanExec func() error
	Secrets *Secrets
	Auth    *RegistryAuth
	// LookupEnv reads the host's environment, for env:// secrets.
	LookupEnv func(string) (string, bool)
	// TempDir is a folder of the session for archives on their way; it goes with the session.
	TempDir string

	reads reads
}

// Resolvers are the fields that this package offers.
func Resolvers() gql.Resolvers {
	return gql.Resolvers{
		"Query": queryFields, "Container": containerFields, "Directory": directoryFields, "File": fileFields,
		"Secret": secretFields, "CacheVolume": {}, "Host": hostFields, "EnvVariable": envVariableFields,
		"Label": labelFields, "Port": portFields, "Stat": statFields, "Engine": engineFields, "EngineCache": engineCacheFields,
	}
}

// checks are conditions that were not looked at when an object was made. Every leaf looks at them first.
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

// isNotExist tells whether BuildKit said that a path is not there.
func isNotExist(err error) bool {
	return err != nil && (errors.Is(err, unix.ENOENT) || errors.Is(err, os.ErrNotExist) ||
		strings.Contains(err.Error(), "no such file or directory") || strings.Contains(err.Error(), "not a directory"))
}

func notExist(op, p string) error { return fmt.Errorf("%s %s: no such file or directory", op, p) }

// stat describes p in st; the error names the path as the caller gave it.
func (e *Env) stat(ctx context.Context, st llb.State, p, given string) (*fstypes.Stat, error) {
	if err := e.evaluate(ctx, st); err != nil {
		return nil, err
	}
	info, err := e.Solver.Stat(ctx, st, p)
	if isNotExist(err) {
		return nil, notExist("stat", given)
	}
	return info, err
}

// evaluate makes st, and turns the failure of an exec into the API's error.
func (e *Env) evaluate(ctx context.Context, st llb.State) error {
	_, err := e.Solver.Solve(ctx, st)
	return e.execError(ctx, err)
}

// hostPath makes a host path absolute; a relative one starts at the session's working directory.
func (e *Env) hostPath(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(e.Workdir, p)
}

func (e *Env) platform() string { return platforms.Format(e.Solver.Platform()) }

// field is the shape of most resolvers: a method of the object that self is.
func field[T any](f func(self T, ctx context.Context, a gql.Args) (any, error)) gql.Resolver {
	return func(ctx context.Context, self any, a gql.Args) (any, error) { return f(self.(T), ctx, a) }
}
