package pinned

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// overlay writes the patched files into a folder, and the file for go build -overlay that puts them in the place of the module's own.
func (s State) overlay(ctx context.Context, dir string) (string, error) {
	replace := map[string]string{}
	for i, p := range s.program.Patch {
		original, err := s.moduleDir(ctx, p.Module)
		if err != nil {
			return "", err
		}
		original = filepath.Join(original, filepath.FromSlash(p.File))
		source := original
		if patched, ok := replace[original]; ok {
			source = patched
		}
		text, err := os.ReadFile(source)
		if err != nil {
			return "", fmt.Errorf("patch: %w", err)
		}
		if n := strings.Count(string(text), p.Old); n != 1 {
			return "", fmt.Errorf("patch: %s of %s has the text %q %d times, expected once; see what its version made of it", p.File, p.Module, p.Old, n)
		}
		replace[original] = filepath.Join(dir, fmt.Sprintf("patched-%d.go", i))
		if err := os.WriteFile(replace[original], []byte(strings.Replace(string(text), p.Old, p.New, 1)), 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, text, 0o600)
}
