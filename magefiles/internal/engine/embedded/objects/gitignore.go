package objects

import (
	"bufio"
	"bytes"
	"context"
	"path"
	"strings"

	fstypes "github.com/tonistiigi/fsutil/types"
)

// gitignored returns exclude patterns for the files that the .gitignore files of the directory and its sub-folders name. It reads the tree, so it
// solves the directory first.
func (d *Directory) gitignored(ctx context.Context) ([]string, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	var out []string
	err := d.env.Solver.Walk(ctx, d.st, d.dir, func(name string, _ *fstypes.Stat) error {
		if path.Base(name) != ".gitignore" {
			return nil
		}
		b, err := d.env.Solver.ReadFile(ctx, d.st, path.Join(d.dir, name))
		out = append(out, gitignorePatterns(path.Dir(name), b)...)
		return err
	})
	return out, err
}

// gitignorePatterns turns the lines of a .gitignore (gitignore(5)) in the folder dir into patterns of .dockerignore: a line without a slash
// matches at any depth. A trailing slash, which limits a line to folders, is dropped: the pattern then also matches a file.
func gitignorePatterns(dir string, content []byte) []string {
	var out []string
	sc := bufio.NewScanner(bytes.NewReader(content))
	for sc.Scan() {
		line := strings.TrimRight(sc.Text(), " \t\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		not := ""
		if strings.HasPrefix(line, "!") {
			not, line = "!", line[1:]
		}
		line = strings.TrimSuffix(strings.TrimPrefix(line, `\`), "/")
		anchored := strings.Contains(line, "/")
		line = strings.TrimPrefix(line, "/")
		if line == "" {
			continue
		}
		if !anchored {
			line = "**/" + line
		}
		pattern := path.Join(dir, line)
		if strings.HasPrefix(pattern, "!") {
			pattern = `\` + pattern // /!x is a file's name
		}
		out = append(out, not+pattern)
	}
	return out
}
