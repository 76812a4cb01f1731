//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/scrub"
)

// readInstruction reads the instruction from the environment, or from its file if it is too long for that.
func readInstruction(input string) (execmeta.Instruction, error) {
	text, ok := os.LookupEnv(execmeta.EnvName)
	if !ok {
		b, err := os.ReadFile(filepath.Join(input, execmeta.InstructionFile))
		if err != nil {
			return execmeta.Instruction{}, fmt.Errorf("no instruction in $%s: %w", execmeta.EnvName, err)
		}
		text = string(b)
	}
	in, err := execmeta.Decode(text)
	if err != nil {
		return execmeta.Instruction{}, err
	}
	if in.Workdir == "" {
		in.Workdir = "/"
	}
	if !filepath.IsAbs(in.Workdir) {
		return in, fmt.Errorf("working directory %q is not absolute", in.Workdir)
	}
	return in, nil
}

// secrets collects the values to replace in the output.
func secrets(in execmeta.Instruction) (*scrub.Set, error) {
	var values []string
	for _, name := range in.SecretEnv {
		values = append(values, os.Getenv(name))
	}
	for _, path := range in.SecretFiles {
		b, err := os.ReadFile(from(in.Workdir, path))
		if err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("read secret to replace in the output: %w", err)
		}
		values = append(values, string(b))
	}
	return scrub.NewSet(values...), nil
}

// from resolves path, which may be relative to dir.
func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
