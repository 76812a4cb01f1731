package embedded

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestSecretKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first, err := secretKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := secretKey(dir)
	if err != nil || !bytes.Equal(first, second) || len(first) != 32 {
		t.Errorf("got %d and %d bytes, equal: %v, %v", len(first), len(second), bytes.Equal(first, second), err)
	}
	if info, err := os.Stat(filepath.Join(dir, "secret-ids.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
	// What is not a key is replaced.
	if err := os.WriteFile(filepath.Join(dir, "secret-ids.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if third, err := secretKey(dir); err != nil || len(third) != 32 {
		t.Errorf("got %d bytes, %v", len(third), err)
	}
}

func TestInitIsCompiledOnce(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	b := initBuilder{opts: Options{StateDir: t.TempDir(), SourceDir: root, Log: func(string) { said++ }}, platform: ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}}
	first, err := b.path(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.path(context.Background())
	if err != nil || first != second || said != 1 {
		t.Errorf("got %s and %s, compiled %d times, %v", first, second, said, err)
	}
	elf, err := os.ReadFile(filepath.Join(first, "init"))
	if err != nil || !bytes.HasPrefix(elf, []byte("\x7fELF")) {
		t.Errorf("the init is no program: %v", err)
	}
	b.opts = Options{StateDir: t.TempDir(), SourceDir: t.TempDir()}
	if _, err := b.path(context.Background()); err == nil || !strings.Contains(err.Error(), "compile the exec init") {
		t.Errorf("without sources: %v", err)
	}
}
