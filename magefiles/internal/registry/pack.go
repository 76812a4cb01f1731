package registry

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// packer rewrites layers, so that their bytes depend on the files alone.
type packer struct {
	dir       string
	created   time.Time
	onScratch bool
	program   string // path of the program in the image; "" for none

	found string // SHA-256 of the program that was packed, in hexadecimal digits; "" if there is none
}

// packLevel is gzip's: the output of Go's compress/gzip at this level only changes with the Go version, which go.mod
// states.
const packLevel = 6

// xattrPrefix marks the extended attributes among the PAX records (file capabilities are one); all other records are dropped.
const xattrPrefix = "SCHILY.xattr."

// pack merges layers, lowest first, into one compressed file, and returns it with the digest of its uncompressed content.
func (p *packer) pack(ctx context.Context, layers []blob) (blob, v1.Hash, error) {
	spool, err := os.CreateTemp(p.dir, "spool-")
	if err != nil {
		return blob{}, v1.Hash{}, err
	}
	defer func() {
		_ = spool.Close()           // a temporary file
		_ = os.Remove(spool.Name()) // its folder is removed with the artifact anyway
	}()
	t := &tree{nodes: map[string]*node{}, spool: spool, onScratch: p.onScratch}
	for _, l := range layers {
		if err := addLayer(ctx, t, l); err != nil {
			return blob{}, v1.Hash{}, fmt.Errorf("layer %s: %w", l.desc.Digest, err)
		}
	}
	if p.onScratch {
		t.addParents()
	}
	return p.write(ctx, t)
}

func addLayer(ctx context.Context, t *tree, l blob) error {
	r, err := l.layer().Uncompressed()
	if err != nil {
		return err
	}
	return errors.Join(t.add(ctx, r), r.Close())
}

// write compresses the tree into a file of its own.
func (p *packer) write(ctx context.Context, t *tree) (_ blob, _ v1.Hash, err error) {
	file, err := os.CreateTemp(p.dir, "layer-")
	if err != nil {
		return blob{}, v1.Hash{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	packed, plain := sha256.New(), sha256.New()
	buffered := bufio.NewWriterSize(file, 1<<20)
	zw, err := gzip.NewWriterLevel(io.MultiWriter(buffered, packed), packLevel)
	if err != nil {
		return blob{}, v1.Hash{}, err
	}
	if err := p.writeTar(ctx, t, io.MultiWriter(zw, plain)); err != nil {
		return blob{}, v1.Hash{}, err
	}
	if err := errors.Join(zw.Close(), buffered.Flush()); err != nil {
		return blob{}, v1.Hash{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return blob{}, v1.Hash{}, err
	}
	desc := v1.Descriptor{MediaType: types.OCILayer, Size: info.Size(), Digest: hashOf(packed.Sum(nil))}
	name := file.Name()
	return blob{desc: desc, open: func() (io.ReadCloser, error) { return os.Open(name) }}, hashOf(plain.Sum(nil)), nil
}

func hashOf(sum []byte) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum)} }

func (p *packer) writeTar(ctx context.Context, t *tree, w io.Writer) error {
	tw := tar.NewWriter(w)
	first := map[*node]string{}
	for _, name := range slices.Sorted(maps.Keys(t.nodes)) {
		n := t.nodes[name]
		h := p.header(name, n)
		if target, ok := first[n]; ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, target, 0
		}
		first[n] = name
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		content := io.NewSectionReader(t.spool, n.content.offset, n.content.size)
		var to io.Writer = tw
		sum := sha256.New()
		isProgram := path.Clean("/"+name) == p.program
		if isProgram {
			to = io.MultiWriter(tw, sum)
		}
		if _, err := io.Copy(to, contextReader{ctx, content}); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if isProgram {
			p.found = hex.EncodeToString(sum.Sum(nil))
		}
	}
	return tw.Close()
}

// header keeps the fields of an entry that matter for a running container.
func (p packer) header(name string, n *node) *tar.Header {
	h := &tar.Header{
		Typeflag: n.header.Typeflag, Name: name, Linkname: n.header.Linkname, Size: n.content.size,
		Mode: n.header.Mode & 0o7777, Uid: n.header.Uid, Gid: n.header.Gid, ModTime: p.created,
		Devmajor: n.header.Devmajor, Devminor: n.header.Devminor,
	}
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	for k, v := range n.header.PAXRecords {
		if strings.HasPrefix(k, xattrPrefix) {
			if h.PAXRecords == nil {
				h.PAXRecords = map[string]string{}
			}
			h.PAXRecords[k] = v
		}
	}
	return h
}
