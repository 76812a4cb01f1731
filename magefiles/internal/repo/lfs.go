package repo

import (
	"bytes"
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
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxPointer is the size of a pointer file of Git LFS: a larger file is none (git-lfs/docs/spec.md).
const maxPointer = 1024

var pointerForm = regexp.MustCompile(`\Aversion https://(?:git-lfs\.github\.com/spec/v1|hawser\.github\.com/spec/v1|git-media\.io/v/2)\n(?:[a-z0-9.-]+ [^\n]*\n)*?oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n\z`)

// pointer is what git stores in the place of a file that Git LFS keeps.
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

// content is what a file of a snapshot holds: the bytes, or the file of Git LFS that has them.
type content struct {
	text []byte
	file string // "" for text
	pointer
}

// writeTo copies the content. What Git LFS keeps is compared with its pointer on the way.
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
			Remedy: fmt.Sprintf("bring it with: git lfs fetch --include=%q; or, in a checkout of the forge, with lfs: true", n.path),
		}
		if !errors.Is(err, fs.ErrNotExist) {
			missing.Err = err
		}
		return content{}, missing
	}
	return content{file: file, pointer: p}, nil
}

// largeFile is where Git LFS keeps a file in this clone.
func (r *Repo) largeFile(p pointer) (string, error) {
	common, err := r.commonDir()
	if err != nil {
		return "", err
	}
	store := filepath.Join(common, "lfs")
	if cfg, err := r.git.Config(); err == nil {
		if at := cfg.Raw.Section("lfs").Option("storage"); at != "" {
			store = r.expand(at, common)
		}
	}
	file := filepath.Join(store, "objects", p.sum[:2], p.sum[2:4], p.sum)
	info, err := os.Stat(file)
	if err == nil && (!info.Mode().IsRegular() || info.Size() != p.size) {
		err = fmt.Errorf("%s has %d bytes, and the pointer says %d: remove it first", file, info.Size(), p.size)
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

// attribute is a line of a .gitattributes file that sets or unsets filter.
type attribute struct {
	pattern
	filter string // "" where it is unset
}

// isLarge tells whether .gitattributes gives a file to Git LFS. Those closer to it win over those farther, later lines over earlier ones.
func (s *Snapshot) isLarge(n item) (bool, error) {
	rel := n.in.inside(n.path)
	for folder := path.Dir(rel); ; folder = path.Dir(folder) {
		lines, err := s.attributes(n.in, folder)
		if err != nil {
			return false, err
		}
		below := rel
		if folder != "." {
			below = strings.TrimPrefix(rel, folder+"/")
		}
		for i := len(lines) - 1; i >= 0; i-- {
			if lines[i].match(below, false) {
				return lines[i].filter == "lfs", nil
			}
		}
		if folder == "." {
			return false, nil
		}
	}
}

// attributes are the lines of one folder of a module. The caller holds the lock of objects.
func (s *Snapshot) attributes(m *module, folder string) ([]attribute, error) {
	if lines, ok := m.filters[folder]; ok {
		return lines, nil
	}
	at := object.TreeEntry{Hash: m.root, Mode: filemode.Dir}
	if folder != "." {
		n, err := s.lookup(path.Join(m.at, folder), false, 0)
		if err != nil {
			return nil, err
		}
		at = n.TreeEntry
	}
	text, err := s.fileIn(m, at, ".gitattributes")
	if err != nil {
		return nil, err
	}
	if m.filters == nil {
		m.filters = map[string][]attribute{}
	}
	m.filters[folder] = parseAttributes(string(text), folder == ".")
	return m.filters[folder], nil
}

// parseAttributes reads what a file says of filter (https://git-scm.com/docs/gitattributes). Macros are defined at the root alone.
func parseAttributes(text string, root bool) []attribute {
	var lines []attribute
	macros := map[string]string{}
	for line := range strings.Lines(text) {
		glob, rest := splitAttributes(line)
		filter, ok := filterOf(strings.Fields(rest), macros)
		if name, is := strings.CutPrefix(glob, "[attr]"); is {
			if root && ok {
				macros[name] = filter
			}
			continue
		}
		if p, good := parsePattern(glob); ok && good && !p.negated && !p.dirOnly {
			lines = append(lines, attribute{p, filter})
		}
	}
	return lines
}

// splitAttributes parts the pattern, which may be quoted, from the attributes.
func splitAttributes(line string) (glob, rest string) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, `"`) {
		if quoted, err := strconv.QuotedPrefix(line); err == nil {
			if glob, err := strconv.Unquote(quoted); err == nil {
				return glob, line[len(quoted):]
			}
		}
	}
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], line[i:]
	}
	return line, ""
}

// filterOf is the last word that the attributes have on filter.
func filterOf(attributes []string, macros map[string]string) (filter string, ok bool) {
	for _, a := range attributes {
		if value, is := strings.CutPrefix(a, "filter="); is {
			filter, ok = value, true
			continue
		}
		name := strings.TrimLeft(a, "-!")
		switch value, macro := macros[name]; {
		case name == "filter":
			filter, ok = "", true
		case macro && name == a:
			filter, ok = value, true
		}
	}
	return filter, ok
}
