// Package gobuild compiles the Go programs of containers with the host's Go toolchain. They are static, and the same source gives the same bytes
// on any machine.
//
// Binaries are kept, with a fingerprint of all their inputs: if nothing changed, no process is started. The path of a binary holds the hash of
// its content, since engines do not send a file again whose path, size and time they know.
package gobuild

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// Compiler runs the host's Go toolchain.
type Compiler struct {
	Root    string   // the module's folder
	Alone   bool     // Root has nothing but the sources of the program
	Cache   string   // folder for binaries; created if it is missing
	Environ []string // of the user, as KEY=VALUE: the go command gets the variables that it needs, such as HOME, PATH, GOPROXY
}

// Program is a main package of the module, to be compiled for some platforms.
type Program struct {
	Name      string // of the file
	Dir       string // of the package, a slash path from the module's folder
	Version   string // sets main.version; "" does not set it
	Platforms []image.Platform
}

// Binaries are compiled programs. They are not changed until Release.
type Binaries struct {
	Files   map[image.Platform]Binary
	Release func() // lets others compile the same program; call it once
}

// Binary is a compiled program for one platform.
type Binary struct {
	Path   string // absolute; differs for each content
	SHA256 string // of its content, in hexadecimal digits
}

// stamp is the modification time of every binary, because images contain it. It is the earliest time that all archive formats support. It does
// not depend on the content: two binaries of one size differ only in their path.
var stamp = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// lockPoll is the interval of the attempts to get a lock that another process holds.
const lockPoll = 50 * time.Millisecond

// Build compiles the program for its platforms, in parallel. It waits while another process compiles the same program. The error holds the
// compiler's message.
func (c Compiler) Build(ctx context.Context, p Program) (_ *Binaries, err error) {
	dir := c.folder(p)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("store compiled programs: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("wait for another build of %s: %w", p.Name, err)
	}
	release := func() { _ = lock.Close() }
	defer func() {
		if err != nil {
			release()
		}
	}()
	files := make([]Binary, len(p.Platforms))
	if err := c.checkReadable(p); err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, platform := range p.Platforms {
		group.Go(func() (err error) {
			files[i], err = c.compile(ctx, p, platform)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	b := &Binaries{Files: map[image.Platform]Binary{}, Release: release}
	for i, platform := range p.Platforms {
		b.Files[platform] = files[i]
	}
	return b, nil
}

// compile returns the binary for one platform. It compiles only if an input changed.
func (c Compiler) compile(ctx context.Context, p Program, platform image.Platform) (Binary, error) {
	rec := c.recorder(p, platform)
	if kept, ok := rec.kept(p.Name); ok {
		return kept, nil
	}
	dir, env := c.place(p, platform), buildEnv(platform)
	before, err := rec.before(ctx, p, env)
	if err != nil {
		return Binary{}, err
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return Binary{}, fmt.Errorf("store compiled programs: %w", err)
	}
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return c.build(inner, platform, buildArgs(p, c.fresh(p, platform)), env) })
	var refused error
	group.Go(func() error {
		refused = rec.list(ctx, p, env) // to its end, even if the compiler fails first
		return refused
	})
	if err := group.Wait(); refused != nil { // the compiler's message may be the content of a file that it must not read
		return Binary{}, errors.Join(refused, os.RemoveAll(dir))
	} else if err != nil {
		return Binary{}, err
	}
	made, err := name(c.fresh(p, platform))
	if err != nil {
		return Binary{}, fmt.Errorf("store compiled programs: %w", err)
	}
	return made, rec.save(made, before)
}

// name moves a new binary, with its folder, to the path that holds its hash.
func name(fresh string) (Binary, error) {
	sum, err := hashFile(fresh)
	if err != nil {
		return Binary{}, err
	}
	dir := filepath.Dir(fresh)
	made := Binary{Path: kept(filepath.Dir(dir), sum, filepath.Base(fresh)), SHA256: sum}
	if err := os.Chtimes(fresh, stamp, stamp); err != nil {
		return Binary{}, err
	}
	return made, os.Rename(dir, filepath.Dir(made.Path))
}

// kept is the path of a binary with this hash, below the folder of its platform.
func kept(place, sum, name string) string { return filepath.Join(place, sum, name) }

// hashFile is the SHA-256 of a file, in hexadecimal digits.
func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// folder is the folder of a program's binaries. Each checkout has its own.
func (c Compiler) folder(p Program) string {
	root := sha256.Sum256([]byte(c.Root))
	return filepath.Join(c.Cache, hex.EncodeToString(root[:6]), p.Name)
}

// place is the folder of the binary for a platform, and of its record.
func (c Compiler) place(p Program, platform image.Platform) string {
	return filepath.Join(c.folder(p), strings.ReplaceAll(platform.String(), "/", "_"))
}

// fresh is the path to which the go command writes the binary, before its content is known.
func (c Compiler) fresh(p Program, platform image.Platform) string {
	return kept(c.place(p, platform), "new", p.Name)
}

// recorder returns the record of the binary for a platform.
func (c Compiler) recorder(p Program, platform image.Platform) *recorder {
	about := slices.Concat(buildArgs(p, c.fresh(p, platform)), buildEnv(platform), c.settings())
	return &recorder{compiler: c, file: filepath.Join(c.place(p, platform), "inputs.json"), about: about}
}

// settings are the variables that change the go command's behaviour.
func (c Compiler) settings() []string {
	return slices.DeleteFunc(slices.Clone(c.Environ), func(kv string) bool { return !strings.HasPrefix(kv, "GO") })
}

func (c Compiler) build(ctx context.Context, platform image.Platform, args, env []string) error {
	if output, err := c.run(ctx, env, args...); err != nil {
		return fmt.Errorf("compile for %s: %w", platform, commandError(err, output))
	}
	return nil
}

// buildArgs keeps Go's build id: it depends only on the content, and lets the go command skip a link that would give the same bytes.
func buildArgs(p Program, file string) []string {
	flags := "-s -w"
	if p.Version != "" {
		flags += " -X main.version=" + p.Version
	}
	return []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=" + flags, "-o", file, "./" + p.Dir}
}

// buildEnv sets all variables with which Go lets the environment change the generated code.
func buildEnv(p image.Platform) []string {
	env := []string{
		"CGO_ENABLED=0", "GOOS=" + p.OS, "GOARCH=" + p.Architecture,
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GO111MODULE=on",
		"GOAMD64=v1", "GOARM64=v8.0", "GO386=sse2", "GOPPC64=power8", "GORISCV64=rva20u64",
	}
	if p.Architecture == "arm" {
		env = append(env, "GOARM="+strings.TrimPrefix(p.Variant, "v"))
	}
	return env
}

// grace is how long the go command, and the compilers that it starts, may take to end after the end of ctx.
const grace = 2 * time.Second

// run starts the go command in the module's folder and returns its standard output.
func (c Compiler) run(ctx context.Context, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = c.Root
	cmd.Env = slices.Concat(procgroup.Environment(c.Environ, procgroup.Go), env)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := procgroup.Run(ctx, cmd, grace); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return stderr.Bytes(), err
	}
	return stdout.Bytes(), nil
}

// commandError is the go command's message, or the error of a missing go command.
func commandError(err error, stderr []byte) error {
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("the go command is not on PATH; install Go (https://go.dev/dl) or run this through `go tool mage`")
	}
	if text := strings.TrimSpace(string(stderr)); text != "" {
		return errors.New(text)
	}
	return err
}
