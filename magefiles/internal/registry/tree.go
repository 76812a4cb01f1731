package registry

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// tree is the result of a stack of layers: names in memory, contents in one spool file. How layers stack:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md
type tree struct {
	nodes map[string]*node // by clean path without a leading slash
	spool *os.File
	size  int64
	// onScratch: there are no layers below, so whiteouts are dropped once they are merged, and missing parents are made.
	onScratch bool
}

// node is one inode; hard links share it.
type node struct {
	header  tar.Header
	content span // in the spool; regular files only
}

// Whiteouts: .wh.NAME hides NAME of the layers below; the opaque whiteout hides all that its folder holds there.
const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
	whiteoutOther  = ".wh..wh." // aufs keeps its own files under such names
)

// add puts one layer on top of the tree.
func (t *tree) add(ctx context.Context, layer io.Reader) error {
	here := map[string]*node{}
	var whiteouts []string
	tr := tar.NewReader(contextReader{ctx, layer})
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := path.Clean("/" + h.Name)[1:]
		base := path.Base(name)
		switch {
		case name == "", h.Typeflag == tar.TypeXGlobalHeader:
		case base != whiteoutOpaque && strings.HasPrefix(base, whiteoutOther):
		case strings.HasPrefix(base, whiteoutPrefix):
			whiteouts = append(whiteouts, name)
			if !t.onScratch {
				here[name] = &node{header: tar.Header{Typeflag: tar.TypeReg, Mode: h.Mode}}
			}
		default:
			if here[name], err = t.read(tr, h, here); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if _, err := io.Copy(io.Discard, layer); err != nil { // to the end, where the digest is compared
		return err
	}
	for _, w := range whiteouts {
		t.hide(w)
	}
	for name, n := range here {
		t.put(name, n)
	}
	return nil
}

// read reads one entry of a layer; here holds the entries of that layer so far.
func (t *tree) read(tr *tar.Reader, h *tar.Header, here map[string]*node) (*node, error) {
	n := &node{header: *h}
	switch h.Typeflag {
	case tar.TypeLink:
		target := path.Clean("/" + h.Linkname)[1:]
		if linked, ok := here[target]; ok {
			return linked, nil
		}
		if linked, ok := t.nodes[target]; ok {
			return linked, nil
		}
		return nil, fmt.Errorf("hard link to %s, which is not in the layers of this build", target)
	case tar.TypeReg, tar.TypeGNUSparse:
		size, err := io.Copy(t.spool, tr)
		if err != nil {
			return nil, err
		}
		n.header.Typeflag = tar.TypeReg
		n.content = span{offset: t.size, size: size}
		t.size += size
	case tar.TypeDir, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
	default:
		return nil, fmt.Errorf("entry with the unknown type %q", h.Typeflag)
	}
	return n, nil
}

// hide applies a whiteout to the tree.
func (t *tree) hide(whiteout string) {
	dir, base := path.Split(whiteout)
	if base == whiteoutOpaque {
		t.removeBelow(dir)
		return
	}
	hidden := dir + strings.TrimPrefix(base, whiteoutPrefix)
	delete(t.nodes, hidden)
	t.removeBelow(hidden + "/")
}

func (t *tree) removeBelow(prefix string) {
	for name := range t.nodes {
		if strings.HasPrefix(name, prefix) {
			delete(t.nodes, name)
		}
	}
}

// put sets a path; a folder that becomes something else loses its content.
func (t *tree) put(name string, n *node) {
	if old, ok := t.nodes[name]; ok && old.header.Typeflag == tar.TypeDir && n.header.Typeflag != tar.TypeDir {
		t.removeBelow(name + "/")
	}
	t.nodes[name] = n
}

// addParents makes the parent folders that no layer states: some engines state them, others do not.
func (t *tree) addParents() {
	var names []string
	for name := range t.nodes {
		names = append(names, name)
	}
	for _, name := range names {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := t.nodes[dir]; ok {
				break
			}
			t.nodes[dir] = &node{header: tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}}
		}
	}
}

// contextReader ends reading with the context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
