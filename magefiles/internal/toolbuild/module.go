package toolbuild

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// ModuleDir is the folder, in the module cache, of a module that the program is built from, downloaded if necessary: some programs read files of
// it at run time. The caller must not write to the folder.
func (b Builder) ModuleDir(ctx context.Context, p Program, module string) (string, error) {
	s, err := b.Inspect(p)
	if err != nil {
		return "", err
	}
	dir, err := s.moduleDir(ctx, module)
	if err == nil && dir == "" {
		b.logf("downloading %s", module)
		if _, err = s.goOutput(ctx, "mod", "download", module); err == nil {
			dir, err = s.moduleDir(ctx, module)
		}
	}
	if err == nil && dir == "" {
		err = errors.New("it is not in the module cache")
	}
	if err != nil {
		return "", fmt.Errorf("folder of %s, for %s: %w", module, s.Label(), err)
	}
	return dir, nil
}

// moduleDir is empty for a module that is not in the cache.
func (s State) moduleDir(ctx context.Context, module string) (string, error) {
	return s.goOutput(ctx, "list", "-m", "-mod=readonly", "-f={{.Dir}}", module)
}

// goOutput returns the output of a go command. Its error holds the command's message.
func (s State) goOutput(ctx context.Context, args ...string) (string, error) {
	out, err := s.goCommand(ctx, args...).Output()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
