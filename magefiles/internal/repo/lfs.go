package repo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// maxPointer is the maximum size of a pointer file of Git LFS (git-lfs/docs/spec.md).
const maxPointer = 1024

var pointerForm = regexp.MustCompile(`\Aversion https://(?:git-lfs\.github\.com/spec/v1|hawser\.github\.com/spec/v1|git-media\.io/v/2)\n(?:[a-z0-9.-]+ [^\n]*\n)*?oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n\z`)

// pointer is the text that git stores instead of a file of Git LFS.
type pointer struct {
	sum  string // SHA-256 of the file, in hexadecimal
	size int64
}

func parsePointer(text []byte) (pointer, bool) {
	if len(text) >= maxPointer || !bytes.HasPrefix(text, []byte("version https://")) {
		return pointer{}, false
	}
	m := pointerForm.FindSubmatch(text)
	if m == nil {
		return pointer{}, false
	}
	size, err := strconv.ParseInt(string(m[2]), 10, 64)
	return pointer{string(m[1]), size}, err == nil
}

// content is the content of a file of a snapshot: the bytes, or the file of Git LFS that has them.
type content struct {
	text []byte
	file string // "" for text
	pointer
}

// writeTo copies the content. A file of Git LFS is compared with its pointer on the way.
func (c content) writeTo(w io.Writer) (err error) {
	if c.file == "" {
		_, err = w.Write(c.text)
		return err
	}
	f, err := os.Open(c.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != c.sum {
		return fmt.Errorf("%s is damaged: remove it, and fetch it again with git lfs fetch", c.file)
	}
	return nil
}

// contentOf finds the content of a file or of a symbolic link. The caller holds the lock of objects.
func (s *Snapshot) contentOf(n item) (content, error) {
	text, err := n.in.repo.blob(n.Hash)
	if err != nil || !s.recorded || n.Mode == filemode.Symlink {
		return content{text: text}, err
	}
	p, ok := parsePointer(text)
	if !ok {
		return content{text: text}, nil
	}
	if ours, err := s.isLarge(n); err != nil || !ours {
		return content{text: text}, err
	}
	file, err := n.in.repo.largeFile(p)
	if err != nil {
		missing := &MissingError{
			Path: n.path, What: "pointer of Git LFS to sha256:" + p.sum,
			Remedy: fmt.Sprintf("get it with: git lfs fetch --include=%q; or, in a checkout of the forge, with lfs: true", n.path),
		}
		if !errors.Is(err, fs.ErrNotExist) {
			missing.Err = err
		}
		return content{}, missing
	}
	return content{file: file, pointer: p}, nil
}

// largeFile is the path of a file of Git LFS in this clone.
func (r *Repo) largeFile(p pointer) (string, error) {
	common, err := r.commonDir()
	if err != nil {
		return "", err
	}
	store := filepath.Join(common, "lfs")
	if cfg, err := r.git.Config(); err == nil {
		if at := cfg.Raw.Section("lfs").Option("storage"); at != "" {
			if store = at; !filepath.IsAbs(at) {
				store = filepath.Join(common, at)
			}
		}
	}
	file := filepath.Join(store, "objects", p.sum[:2], p.sum[2:4], p.sum)
	info, err := os.Stat(file)
	if err == nil && (!info.Mode().IsRegular() || info.Size() != p.size) {
		err = fmt.Errorf("%s has %d bytes, expected %d (pointer): remove it first", file, info.Size(), p.size)
	}
	return file, err
}

func (s *Snapshot) content(n item) ([]byte, error) {
	s.repo.objects.Lock()
	defer s.repo.objects.Unlock()
	c, err := s.contentOf(n)
	if err != nil || c.file == "" {
		return c.text, err
	}
	var out bytes.Buffer
	err = c.writeTo(&out)
	return out.Bytes(), err
}

// isLarge reports whether the .gitattributes of its commit assign a file to Git LFS. The caller holds the lock of
// objects.
func (s *Snapshot) isLarge(n item) (bool, error) {
	rel := n.in.inside(n.path)
	folder := path.Dir(rel)
	large, ok := n.in.large[folder]
	if !ok {
		var err error
		if large, err = s.largeIn(n.in, folder); err != nil {
			return false, fmt.Errorf("attributes of %s: %w", plain.Name(n.path), err)
		}
		if n.in.large == nil {
			n.in.large = map[string]map[string]bool{}
		}
		n.in.large[folder] = large
	}
	return large[rel], nil
}

// largeIn are the files of a folder that the commit's attributes assign to Git LFS. git reads attributes from a work tree: it gets one that
// only has the .gitattributes on the way, and no configuration.
func (s *Snapshot) largeIn(m *module, folder string) (large map[string]bool, err error) {
	dir, err := scratch.Make("", "blumeops-attributes-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dir.Remove()) }()
	git := gitCall{gitDir: filepath.Join(dir.Path, "git"), tree: filepath.Join(dir.Path, "tree"), getenv: attributesAlone(m.repo.getenv)}
	git.settings = map[string]string{"core.attributesFile": os.DevNull}
	for _, name := range []string{"objects", "refs"} {
		if err := os.MkdirAll(filepath.Join(git.gitDir, name), 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(git.gitDir, "HEAD"), []byte("ref: refs/heads/main\n"), 0o600); err != nil {
		return nil, err
	}
	files, err := s.layAttributes(m, folder, git.tree)
	if err != nil {
		return nil, err
	}
	git.stdin = strings.Join(files, "\x00") + "\x00"
	out, err := git.run(context.Background(), "check-attr", "-z", "--stdin", "filter")
	if err != nil {
		return nil, err
	}
	large = map[string]bool{}
	for i, answer := range slices.Collect(fields(out)) { // PATH, "filter", VALUE
		if i%3 == 2 && answer == "lfs" {
			large[files[i/3]] = true
		}
	}
	return large, nil
}

// attributesAlone is an environment in which only the given files count.
func attributesAlone(getenv func(string) string) func(string) string {
	return func(name string) string {
		switch name {
		case "GIT_CONFIG_GLOBAL":
			return os.DevNull
		case "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_SYSTEM":
			return ""
		}
		return getenv(name)
	}
}

// layAttributes writes the .gitattributes for a folder of a module into a work tree, and lists the folder's files.
func (s *Snapshot) layAttributes(m *module, folder, tree string) (files []string, err error) {
	for at := folder; ; at = path.Dir(at) {
		n := item{TreeEntry: object.TreeEntry{Hash: m.root, Mode: filemode.Dir}}
		if at != "." {
			if n, err = s.lookup(path.Join(m.at, at), false, 0); err != nil {
				return nil, err
			}
		}
		text, err := s.fileIn(m, n.TreeEntry, ".gitattributes")
		if err != nil {
			return nil, err
		}
		below := filepath.Join(tree, filepath.FromSlash(at))
		if err := os.MkdirAll(below, 0o700); err != nil {
			return nil, err
		}
		if len(text) > 0 {
			if err := os.WriteFile(filepath.Join(below, ".gitattributes"), text, 0o600); err != nil {
				return nil, err
			}
		}
		if at == folder {
			entries, err := s.tree(m, n.Hash)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				files = append(files, path.Join(folder, e.Name))
			}
		}
		if at == "." {
			return files, nil
		}
	}
}
