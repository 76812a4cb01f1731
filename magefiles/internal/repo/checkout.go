package repo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Part is a file or a folder of a commit to check out.
type Part struct {
	Path string // slash path from the root; a missing one is left out
	// Needed reports whether a build needs a file below Path, given by its path from the root; nil: all. The recorded content of needed files
	// must be available.
	Needed func(file string) bool
	// All also writes the other files, as git stores them.
	All bool
	// Links also writes the files that symbolic links lead to.
	Links bool
}

// checkout lists the files to write of a commit.
type checkout struct {
	snapshot *Snapshot
	files    map[string]checkedOut // by slash path
	missing  []error
}

// checkedOut is a file, link or folder of a checkout.
type checkedOut struct {
	item
	raw bool // its content is the stored one, even a pointer of Git LFS
}

// Check returns the content of the parts that a commit names and this clone does not have: a *MissingError for each.
func (s *Snapshot) Check(ctx context.Context, parts []Part) error {
	c, err := s.collect(ctx, parts)
	if err != nil {
		return err
	}
	s.repo.objects.Lock()
	defer s.repo.objects.Unlock()
	for _, name := range c.names() {
		one := c.files[name]
		if one.raw || !one.Mode.IsRegular() && one.Mode != filemode.Executable {
			continue
		}
		size, err := one.in.repo.store.EncodedObjectSize(one.Hash)
		if err != nil {
			return fmt.Errorf("%s: blob %s: %w: the clone does not have it: run git fsck, or clone again", name, one.Hash, err)
		}
		if size >= maxPointer {
			continue
		}
		var missing *MissingError
		if _, err := s.contentOf(one.item); errors.As(err, &missing) {
			c.missing = append(c.missing, missing)
		} else if err != nil {
			return err
		}
	}
	return c.error()
}

// collect lists the files of the parts.
func (s *Snapshot) collect(ctx context.Context, parts []Part) (*checkout, error) {
	c := &checkout{snapshot: s, files: map[string]checkedOut{}}
	s.repo.objects.Lock()
	defer s.repo.objects.Unlock()
	for _, p := range parts {
		if err := c.add(ctx, p.Path, p, 0); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// add adds a path, and the symbolic links that lead to it.
func (c *checkout) add(ctx context.Context, name string, p Part, links int) error {
	parts := strings.Split(name, "/")
	for i := range parts {
		at, err := c.snapshot.lookup(path.Join(parts[:i+1]...), false, 0)
		if c.noteMissing(err) || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if at.Mode == filemode.Symlink {
			c.files[at.path] = checkedOut{at, true}
			return c.follow(ctx, at, parts[i+1:], p, links)
		}
		if i == len(parts)-1 {
			return c.take(ctx, at, p, links)
		}
	}
	return nil
}

// follow adds the target of a symbolic link. A broken link stays as it is: reading it is the error.
func (c *checkout) follow(ctx context.Context, link item, after []string, p Part, links int) error {
	target, err := c.snapshot.target(link)
	if err != nil || links == maxLinks {
		return nil
	}
	whole := Part{Path: path.Join(target, path.Join(after...)), Links: p.Links}
	if p.Needed != nil { // by the name that the file has through the link
		whole.Needed = func(file string) bool {
			rest, in := strings.CutPrefix(file, whole.Path)
			return !in || p.Needed(path.Join(link.path, path.Join(after...))+rest)
		}
	}
	return c.add(ctx, whole.Path, whole, links+1)
}

// take adds a file or all of a folder.
func (c *checkout) take(ctx context.Context, at item, p Part, links int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	needed := p.Needed == nil || p.Needed(at.path)
	if !isFolder(at.Mode) {
		return c.takeFile(ctx, at, p, needed, links)
	}
	if at.Mode == filemode.Submodule && !needed {
		if p.All {
			c.files[at.path] = checkedOut{at, true}
		}
		return nil
	}
	entries, in, err := c.snapshot.entries(at)
	if c.noteMissing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at.path, err)
	}
	for _, e := range entries {
		if err := checkName(at.path, e.Name); err != nil {
			return err
		}
		if err := c.take(ctx, item{TreeEntry: e, path: path.Join(at.path, e.Name), in: in}, p, links); err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses names that git itself does not check out: those that leave the folder, and git's own.
func checkName(folder, name string) error {
	begin := name
	if end := strings.IndexAny(name, `:\`); end >= 0 { // NTFS interprets the rest of such a name
		begin = name[:end]
	}
	begin = strings.TrimRight(strings.ToLower(begin), ". ")
	if name != "" && name != "." && name != ".." && begin != ".git" && begin != "git~1" && !strings.ContainsAny(name, "/\x00") {
		return nil
	}
	return fmt.Errorf("%s: %q: %w: git does not allow this name", folder, name, ErrPath)
}

func (c *checkout) takeFile(ctx context.Context, at item, p Part, needed bool, links int) error {
	if !needed && !p.All {
		return nil
	}
	if other, ok := c.files[at.path]; !ok || other.raw {
		c.files[at.path] = checkedOut{at, !needed || at.Mode == filemode.Symlink}
	}
	if at.Mode == filemode.Symlink && p.Links {
		return c.follow(ctx, at, nil, Part{Links: true}, links)
	}
	return nil
}

// noteMissing stores the missing content of an error, and reports whether the error is about missing content.
func (c *checkout) noteMissing(err error) bool {
	var missing *MissingError
	if !errors.As(err, &missing) {
		return false
	}
	for _, known := range c.missing {
		if known.Error() == missing.Error() {
			return true
		}
	}
	c.missing = append(c.missing, missing)
	return true
}

// error returns the missing content, or nil.
func (c *checkout) error() error { return errors.Join(c.missing...) }

func (c *checkout) names() []string { return slices.Sorted(maps.Keys(c.files)) }

// key identifies the content: equal keys mean equal files, with equal modes and times.
func (c *checkout) key(at time.Time) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "1 %d\n", at.Unix())
	for _, name := range c.names() {
		one := c.files[name]
		fmt.Fprintf(sum, "%o %s %t %q\n", one.Mode, one.Hash, one.raw, name)
	}
	return hex.EncodeToString(sum.Sum(nil)[:20])
}
