package registry

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// program is a file that the uppermost layer of an image must hold, as it was before an engine copied it.
type program struct {
	path   string // in the image; "" if there is nothing to compare
	sha256 string // of its content, in hexadecimal digits
}

// ProgramError says that the program in an image differs from the compiled one.
type ProgramError struct {
	Platform    image.Platform
	Path        string // in the image
	Found, Want string // SHA-256; Found is "" if the uppermost layer has no such file
}

// Error names both programs by their hashes.
func (e *ProgramError) Error() string {
	if e.Found == "" {
		return fmt.Sprintf("the image for %s has no program %s in its top layer; expected the compiled one (sha256:%s)", e.Platform, e.Path, e.Want)
	}
	return fmt.Sprintf("the image for %s has the wrong program at %s (sha256:%s, expected sha256:%s)", e.Platform, e.Path, e.Found, e.Want)
}

// Hint says how to remove the stale program.
func (e *ProgramError) Hint() string {
	return "run the command again; if it fails again, empty the engine's cache (engine:prune -all) or the cache of the registry's proxy"
}

// check compares the program in an uncompressed layer with the one that was compiled.
func (p program) check(ctx context.Context, platform image.Platform, layer io.Reader) error {
	found, err := hashEntry(contextReader{ctx, layer}, p.path)
	if err != nil {
		return err
	}
	return p.compare(platform, found)
}

// compare compares a hash of the program in an image with that of the compiled one.
func (p program) compare(platform image.Platform, found string) error {
	if p.path == "" || found == p.sha256 {
		return nil
	}
	return &ProgramError{Platform: platform, Path: p.path, Found: found, Want: p.sha256}
}

// hashEntry is the SHA-256 of a file in a tar, in hexadecimal digits; "" if there is no such file. It reads to the end, where a
// reader that checks the archive's digest compares it.
func hashEntry(r io.Reader, name string) (found string, err error) {
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, r)
			return found, err
		}
		if err != nil {
			return "", err
		}
		if h.Typeflag != tar.TypeReg || path.Clean("/"+h.Name) != name {
			continue
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, tr); err != nil {
			return "", err
		}
		found = hex.EncodeToString(sum.Sum(nil))
	}
}

// checkProgram compares the program in the image's uppermost layer with the one that was compiled. from returns the blob from which the layer is read.
func (img *variantImage) checkProgram(ctx context.Context, from func(blob) blob) error {
	if img.program.path == "" {
		return nil
	}
	if len(img.layers) == 0 {
		return img.program.check(ctx, img.platform, strings.NewReader(""))
	}
	content, err := from(img.layers[len(img.layers)-1]).layer().Uncompressed()
	if err != nil {
		return err
	}
	return errors.Join(img.program.check(ctx, img.platform, content), content.Close())
}

// here returns the assembled blob itself.
func here(b blob) blob { return b }

// stored is a blob in a registry: its content is read from there, up to the expected size, and the read fails at the end if the
// digest differs.
func stored(ctx context.Context, puller *remote.Puller, repo name.Repository) func(blob) blob {
	return func(b blob) blob {
		return blob{desc: b.desc, open: func() (io.ReadCloser, error) {
			layer, err := puller.Layer(ctx, repo.Digest(b.desc.Digest.String()))
			if err != nil {
				return nil, err
			}
			content, err := layer.Compressed()
			if err != nil {
				return nil, err
			}
			checked, err := verifying(io.LimitReader(content, b.desc.Size), b.desc.Digest)
			return readCloser{checked, content}, err
		}}
	}
}

type readCloser struct {
	io.Reader
	io.Closer
}

// verifyPrograms reads the programs of all platforms back from the registry, and compares them with the compiled ones.
func (c *Client) verifyPrograms(ctx context.Context, ref image.Reference, puller *remote.Puller, repo name.Repository, a *Artifact) error {
	return c.parallel(ctx, len(a.images), func(ctx context.Context, i int) error {
		if err := a.images[i].checkProgram(ctx, stored(ctx, puller, repo)); err != nil {
			return c.programProblem(ctx, ref, a.images[i], err)
		}
		return nil
	})
}

// programProblem makes an error that tells a registry with other content from one that cannot be read.
func (c *Client) programProblem(ctx context.Context, ref image.Reference, img *variantImage, err error) error {
	var te *transport.Error
	f := httpx.Caller{}.Explain(err)
	if f.Kind != ErrUnreachable || errors.As(err, &te) || ctx.Err() != nil {
		return c.missing(ref, "the layer of "+img.program.path+",", img.layers[len(img.layers)-1].desc.Digest, err)
	}
	return c.mismatch(ref, fmt.Sprintf("stores a different %s for %s (%s)", img.program.path, img.platform, f.Cause))
}
