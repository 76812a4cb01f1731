package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// epoch is the time of files whose times must not depend on when they were made.
var epoch = time.Unix(1, 0)

// secretKey reads the key that turns the content of a secret into its id, and makes it on first use.
func secretKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, "secret-ids.key")
	key, err := os.ReadFile(path)
	if err == nil && len(key) == 32 {
		return key, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if key, err := os.ReadFile(path); err == nil && len(key) == 32 {
		return key, nil
	}
	key = make([]byte, 32)
	rand.Read(key) // crypto/rand.Read never fails
	return key, os.WriteFile(path, key, 0o600)
}

func lock(path string) (unlock func(), err error) {
	l := flock.New(path)
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { l.Unlock() }, nil // closing the file unlocks it too
}

// initSource is the source of the exec init. The name of the binary is derived from it.
//
//go:embed execinit
var initSource embed.FS

// initMod and initSum pin the init's dependencies, with the versions of this module's go.mod. With them it is compiled without a checkout.
var (
	//go:embed init.mod
	initMod []byte
	//go:embed init.sum
	initSum []byte
)

// initBuilder compiles the exec init with the host's Go, once for each platform and content.
type initBuilder struct {
	opts     Options
	platform ocispecs.Platform
}

// path returns the folder that holds the binary, named init.
func (b initBuilder) path(ctx context.Context) (string, error) {
	sum, err := hashTree(initSource)
	if err != nil {
		return "", err
	}
	parent := filepath.Join(b.opts.StateDir, "init")
	dir := filepath.Join(parent, b.platform.Architecture+"-"+runtime.Version()+"-"+sum)
	if _, err := os.Stat(filepath.Join(dir, "init")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(parent, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(dir, "init")); err == nil {
		return dir, nil
	}
	return dir, b.build(ctx, dir)
}

func (b initBuilder) build(ctx context.Context, dir string) error {
	if b.opts.Log != nil {
		b.opts.Log("compiling the program that runs commands in containers (once)")
	}
	made, err := scratch.Make(filepath.Dir(dir), ".building-")
	if err != nil {
		return err
	}
	defer func() { _ = made.Remove() }() // already removed if all went well
	tmp := made.Path
	sources, err := scratch.Make(filepath.Dir(dir), ".sources-")
	if err != nil {
		return err
	}
	defer func() { _ = sources.Remove() }()
	if err := layOutInit(sources.Path); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", filepath.Join(tmp, "init"), "./magefiles/internal/engine/embedded/execinit")
	cmd.Dir = sources.Path
	cmd.Env = append(procgroup.Environment(cmd.Environ(), procgroup.Go), "GOOS=linux", "GOARCH="+b.platform.Architecture, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := procgroup.Run(ctx, cmd, 2*time.Second); err != nil {
		return fmt.Errorf("compile the exec init: %w\n%s", err, strings.TrimSpace(out.String()))
	}
	if err := os.Chtimes(filepath.Join(tmp, "init"), epoch, epoch); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// layOutInit writes the sources of the exec init as the module that they are part of.
func layOutInit(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), initMod, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), initSum, 0o600); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(dir, "magefiles", "internal", "engine", "embedded"), initSource)
}

func hashTree(f fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(f, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(p, "_test.go") {
			return err
		}
		b, err := fs.ReadFile(f, p)
		fmt.Fprintf(h, "%s %d\n", p, len(b))
		h.Write(b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}
