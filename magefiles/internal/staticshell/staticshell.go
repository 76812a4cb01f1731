// Package staticshell makes a folder with the static shell of this machine and its commands, for images that have no shell.
package staticshell

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// missing is the error of a machine without a static busybox.
type missing struct{ reason string }

func (e *missing) Error() string {
	return "the image has no shell, and this machine has none to add: " + e.reason
}

// Hint says what to install.
func (e *missing) Hint() string { return "apt-get install busybox-static" }

// Folder returns a folder below cache that has in bin busybox and a link for each of its commands, among them sh. It is made at the first use.
func Folder(ctx context.Context, cache string) (string, error) {
	program, err := find()
	if err != nil {
		return "", err
	}
	sum, err := sumOf(program)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "shell", sum)
	if _, err := os.Stat(filepath.Join(dir, "bin", "sh")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	made, err := scratch.Make(filepath.Dir(dir), ".making-")
	if err != nil {
		return "", err
	}
	defer func() { _ = made.Remove() }() // already moved if all went well
	if err := fill(ctx, made.Path, program); err != nil {
		return "", fmt.Errorf("make the static shell: %w", err)
	}
	if err := os.Rename(made.Path, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, nil
}

// find finds a busybox that runs in any image: it needs no other file.
func find() (string, error) {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return "", &missing{"busybox is not installed"}
	}
	f, err := elf.Open(program)
	if err != nil {
		return "", &missing{fmt.Sprintf("%s is not a program: %v", program, err)}
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", &missing{program + " is not static"}
		}
	}
	return program, nil
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// fill copies the program, and links its commands to it.
func fill(ctx context.Context, dir, program string) error {
	bin := filepath.Join(dir, "bin")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(bin, 0o755)); err != nil {
		return err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(bin, "busybox"), content, 0o755); err != nil {
		return err
	}
	list, err := exec.CommandContext(ctx, program, "--list").Output()
	if err != nil {
		return fmt.Errorf("%s --list: %w", program, err)
	}
	for _, name := range strings.Fields(string(list)) {
		if name == "busybox" || strings.Contains(name, "/") {
			continue
		}
		if err := os.Symlink("busybox", filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	return nil
}
