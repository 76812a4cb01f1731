package repo

import (
	"context"
	"fmt"
	"strings"
)

// Linguist are the files that the attributes of the work tree state to be of others or generated (linguist-vendored, linguist-generated: the
// value is true), or not (false). A file without these attributes is in neither.
func (r *Repo) Linguist(ctx context.Context, files []string) (map[string]bool, error) {
	if len(files) == 0 {
		return nil, nil
	}
	git := gitCall{gitDir: r.gitDir(), tree: r.root, getenv: r.getenv, stdin: strings.Join(files, "\x00") + "\x00"}
	out, err := git.run(ctx, "check-attr", "-z", "--stdin", "linguist-vendored", "linguist-generated")
	if err != nil {
		return nil, fmt.Errorf("%s: read the attributes: %w", r.root, err)
	}
	stated := map[string]bool{}
	var record []string // path, attribute, value
	for field := range fields(out) {
		if record = append(record, field); len(record) < 3 {
			continue
		}
		name, value := record[0], record[2]
		switch value {
		case "set", "true":
			stated[name] = true
		case "unset", "false":
			if !stated[name] {
				stated[name] = false
			}
		}
		record = record[:0]
	}
	return stated, nil
}
