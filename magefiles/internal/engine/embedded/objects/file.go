package objects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// File is a file of a state.
type File struct {
	env     *Env
	st      llb.State
	path    string // absolute in st
	renamed string // the file's name, if it is not the path's
	hosted  bool   // st is a host directory as it was read: a source of this session
	checks  checks
}

var fileFields = map[string]gql.Resolver{
	"contents":       field((*File).contents),
	"name":           field(func(f *File, ctx context.Context, _ gql.Args) (any, error) { return f.base(), f.checks.run(ctx) }),
	"size":           field((*File).size),
	"stat":           field((*File).stat),
	"digest":         field((*File).digest),
	"sync":           field(func(f *File, ctx context.Context, _ gql.Args) (any, error) { return nil, f.checks.run(ctx) }),
	"export":         field((*File).export),
	"withName":       field((*File).withName),
	"withTimestamps": field((*File).withTimestamps),
	"withReplaced":   field((*File).withReplaced),
	"chown":          field((*File).chown),
	"search":         field((*File).search),
}

func (f *File) base() string {
	if f.renamed != "" {
		return f.renamed
	}
	return path.Base(f.path)
}

func (f *File) read(ctx context.Context) ([]byte, error) {
	if err := f.checks.run(ctx); err != nil {
		return nil, err
	}
	if err := f.env.evaluate(ctx, f.st); err != nil {
		return nil, err
	}
	return f.env.Solver.ReadFile(ctx, f.st, f.path)
}

func (f *File) contents(ctx context.Context, a gql.Args) (any, error) {
	b, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	return text(limitLines(b, a.Int("offsetLines"), a.Int("limitLines"))), nil
}

// limitLines cuts b to limit lines after offset ones. A limit of 0 means no limit; negative values cut nothing.
func limitLines(b []byte, offset, limit int) []byte {
	if offset == 0 && limit == 0 {
		return b
	}
	lines := strings.SplitAfter(string(b), "\n")
	lines = lines[min(max(offset, 0), len(lines)):]
	if limit > 0 {
		lines = lines[:min(limit, len(lines))]
	}
	return []byte(strings.Join(lines, ""))
}

// text makes b valid UTF-8, which JSON requires.
func text(b []byte) string { return string([]rune(string(b))) }

func (f *File) size(ctx context.Context, _ gql.Args) (any, error) {
	s, err := f.describe(ctx)
	if err != nil {
		return nil, err
	}
	return s.info.Size, nil
}

func (f *File) stat(ctx context.Context, _ gql.Args) (any, error) { return f.describe(ctx) }

func (f *File) describe(ctx context.Context) (*Stat, error) {
	if err := f.checks.run(ctx); err != nil {
		return nil, err
	}
	info, err := f.env.stat(ctx, f.st, f.path, f.base())
	if err != nil {
		return nil, err
	}
	return &Stat{name: first(f.renamed, statName(f.path, info)), info: info}, nil
}

func (f *File) digest(ctx context.Context, a gql.Args) (any, error) {
	b, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	if !a.Bool("excludeMetadata") {
		s, err := f.describe(ctx)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(h, "%s\x00%o %d:%d\x00", f.base(), s.info.Mode, s.info.Uid, s.info.Gid)
	}
	h.Write(b)
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

func (f *File) withName(_ context.Context, a gql.Args) (any, error) {
	name := a.String("name")
	if strings.Contains(name, "/") {
		return nil, inSpan(fmt.Errorf("file name %q must not contain a directory", name))
	}
	if name == "" || name == "." || name == ".." {
		return nil, inSpan(fmt.Errorf("rename /%s : file exists", f.base()))
	}
	out := *f
	out.renamed = name
	return &out, nil
}

// chown changes the owner of the file. Names are looked up in the root that the file is in.
func (f *File) chown(ctx context.Context, a gql.Args) (any, error) {
	if err := f.checks.run(ctx); err != nil {
		return nil, err
	}
	o, err := f.env.ownerOf(ctx, f.st, a.String("owner"))
	if err != nil {
		return nil, inSpan(fmt.Errorf("failed to parse ownership %s: %w", a.String("owner"), err))
	}
	name := "/" + f.base()
	st := llb.Scratch().File(llb.Copy(f.st, f.path, name, &llb.CopyInfo{FollowSymlinks: true}, llb.WithUIDGID(o.uid, o.gid)), llb.WithCustomNamef("owner of %s", f.base()))
	return &File{env: f.env, st: st, path: name, checks: f.checks}, nil
}

// withReplaced replaces text: the only occurrence of it, the first from a line on, or all.
func (f *File) withReplaced(ctx context.Context, a gql.Args) (any, error) {
	b, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	info, err := f.describe(ctx)
	if err != nil {
		return nil, err
	}
	out, err := replaced(string(b), a.String("search"), a.String("replacement"), a.Int("firstFrom"), a.Bool("all"))
	if err != nil {
		return nil, inSpan(err)
	}
	name := "/" + f.base()
	action, err := f.env.filled(ctx, folders{}, name, os.FileMode(info.info.Mode).Perm(), []byte(out), llb.WithUIDGID(int(info.info.Uid), int(info.info.Gid)))
	if err != nil {
		return nil, err
	}
	st := llb.Scratch().File(action, llb.WithCustomNamef("replace in %s", f.base()))
	return &File{env: f.env, st: st, path: name, checks: f.checks}, nil
}

// replaced is text with search replaced. firstFrom is a line, counted from 1: the text before it is not changed; 0 means none.
func replaced(text, search, replacement string, firstFrom int, all bool) (string, error) {
	before := ""
	if firstFrom > 0 {
		lines := strings.SplitAfter(text, "\n")
		n := min(firstFrom-1, len(lines))
		before, text = strings.Join(lines[:n], ""), strings.Join(lines[n:], "")
	}
	found := strings.Count(text, search)
	switch {
	case all:
		return before + strings.ReplaceAll(text, search, replacement), nil
	case found == 0 || search == "":
		return "", errors.New("search string not found")
	case found > 1 && firstFrom == 0:
		return "", fmt.Errorf("search string found multiple times: %s", strings.Join(places(text, search), ", "))
	}
	return before + strings.Replace(text, search, replacement, 1), nil
}

// places are the positions of search, as "line 2 (0-4)": the line from 1, and the bytes in it.
func places(text, search string) []string {
	var out []string
	for at := 0; ; {
		i := strings.Index(text[at:], search)
		if i < 0 {
			return out
		}
		at += i
		column := at - (strings.LastIndex(text[:at], "\n") + 1)
		out = append(out, fmt.Sprintf("line %d (%d-%d)", strings.Count(text[:at], "\n")+1, column, column+len(search)))
		at += len(search)
	}
}

func (f *File) withTimestamps(_ context.Context, a gql.Args) (any, error) {
	t := time.Unix(int64(a.Int("timestamp")), 0)
	name := "/" + f.base()
	st := llb.Scratch().File(llb.Copy(f.st, f.path, name, &llb.CopyInfo{FollowSymlinks: true, CreatedTime: &t}), llb.WithCustomNamef("timestamps of %s", f.base()))
	return &File{env: f.env, st: st, path: name, checks: f.checks}, nil
}

func (f *File) export(ctx context.Context, a gql.Args) (any, error) {
	if err := f.checks.run(ctx); err != nil {
		return nil, err
	}
	dest := f.env.hostPath(a.String("path"))
	info, err := os.Stat(dest)
	returned := dest
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, inSpan(statTarget(dest, err))
	case err == nil && info.IsDir() && a.Bool("allowParentDirPath"):
		dest = filepath.Join(dest, f.base())
	case err == nil && info.IsDir():
		return nil, inSpan(fmt.Errorf("unexpected closing recv msg: rpc error: code = Unknown desc = destination %q is a directory; must be a file path unless allowParentDirPath is set", dest))
	}
	st, err := f.describe(ctx)
	if err != nil {
		return nil, err
	}
	return returned, createFile(dest, os.FileMode(st.info.Mode).Perm(), func(to *os.File) error {
		return f.env.Solver.CopyFile(ctx, f.st, f.path, to)
	})
}
