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
	// An invalid key is replaced.
	if err := os.WriteFile(filepath.Join(dir, "secret-ids.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if third, err := secretKey(dir); err != nil || len(third) != 32 {
		t.Errorf("got %d bytes, %v", len(third), err)
	}
}

func TestInitIsCompiledOnce(t *testing.T) {
	said := 0
	b := initBuilder{opts: Options{StateDir: t.TempDir(), Log: func(string) { said++ }}, platform: ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}}
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
		t.Errorf("the init is not a program: %v", err)
	}
}

// The init's go.mod and go.sum must have the versions and sums of this module's.
func TestInitIsPinnedAsTheModuleIs(t *testing.T) {
	for name, own := range map[string][]byte{"go.mod": initMod, "go.sum": initSum} {
		root, err := os.ReadFile(filepath.Join("..", "..", "..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]bool{")": true}
		for line := range strings.Lines(string(root)) {
			line, _, _ = strings.Cut(line, " // ")
			all[strings.TrimSpace(line)] = true
		}
		for line := range strings.Lines(string(own)) {
			if line = strings.TrimSpace(line); !all[line] {
				t.Errorf("%s has no line %q, which init%s has", name, line, filepath.Ext(name))
			}
		}
	}
}
