package objects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	fstypes "github.com/tonistiigi/fsutil/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

func (d *Directory) glob(ctx context.Context, a gql.Args) (any, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	match, err := globMatcher(a.String("pattern"))
	if err != nil {
		return nil, fmt.Errorf("failed to create glob pattern matcher: %w", err)
	}
	out := []string{}
	err = d.env.Solver.Walk(ctx, d.st, d.dir, func(name string, e *fstypes.Stat) error {
		if match(name) {
			out = append(out, entryName(name, e))
		}
		return nil
	})
	return out, err
}

// globMatcher matches whole paths with a pattern of .dockerignore: ** is any number of folders, * and ? are within one name. Unlike in a
// .dockerignore, a match of a folder does not match the files below it.
func globMatcher(pattern string) (func(string) bool, error) {
	if pattern == "" {
		return nil, errors.New("empty pattern")
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(globExpression(pattern))
	if err != nil {
		return nil, path.ErrBadPattern
	}
	return re.MatchString, nil
}

func globExpression(pattern string) string {
	if !strings.HasPrefix(pattern, "/") {
		pattern = strings.TrimPrefix(path.Clean(pattern), "./")
	}
	var b strings.Builder
	b.WriteString(`^`)
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch {
		case strings.HasPrefix(rest, "**/"):
			b.WriteString(`(.*/)?`)
			i += 2
		case strings.HasPrefix(rest, "**"):
			b.WriteString(`.*`)
			i++
		case rest[0] == '*':
			b.WriteString(`[^/]*`)
		case rest[0] == '?':
			b.WriteString(`[^/]`)
		case rest[0] == '[' || rest[0] == ']':
			b.WriteByte(rest[0])
		case rest[0] == '\\' && len(rest) > 1:
			b.WriteString(regexp.QuoteMeta(rest[1:2]))
			i++
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
		}
	}
	return b.String() + `$`
}

// digest is the same for trees with the same names, contents, modes and owners, independent of when and how they were made.
func (d *Directory) digest(ctx context.Context, _ gql.Args) (any, error) {
	if err := d.ready(ctx); err != nil {
		return nil, fmt.Errorf("failed to evaluate directory: %w", err)
	}
	h := sha256.New()
	err := d.env.Solver.Walk(ctx, d.st, d.dir, func(name string, e *fstypes.Stat) error {
		fmt.Fprintf(h, "%s\x00%o %d:%d %s %d:%d\x00", name, e.Mode, e.Uid, e.Gid, e.Linkname, e.Devmajor, e.Devminor)
		if !fs.FileMode(e.Mode).IsRegular() {
			return nil
		}
		b, err := d.env.Solver.ReadFile(ctx, d.st, path.Join(d.dir, name))
		fmt.Fprintf(h, "%d\x00", len(b))
		h.Write(b)
		return err
	})
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), err
}
