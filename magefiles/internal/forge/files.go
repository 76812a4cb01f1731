package forge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// File is a file of a generic package. The forge accepts letters, digits and -_+. in the package's name, more in the
// file's.
type File struct {
	Owner   string // user or organisation
	Package string
	Version string
	Name    string
}

// String is PACKAGE/VERSION/NAME.
func (f File) String() string { return f.Package + "/" + f.Version + "/" + f.Name }

// Path is the path of the file below a forge's address, internal or public.
func (f File) Path() string {
	return path("api", "packages", f.Owner, "generic", f.Package, f.Version, f.Name)
}

// Upload sends a file, of which content holds size bytes. ErrExists if a file of that name exists, with any content: the
// forge never replaces one. An earlier attempt whose answer was lost may have left it; Sum finds that out.
func (c *Client) Upload(ctx context.Context, f File, r io.ReaderAt, size int64) error {
	if err := c.check(f.Owner, f.Package, f.Version, f.Name); err != nil {
		return err
	}
	return c.do(ctx, call{
		what: "upload " + f.String(), right: writePackages(f.Owner),
		method: http.MethodPut, path: f.Path(), content: &content{r, size}, want: []int{http.StatusCreated},
	})
}

// Sum downloads a file and returns its hash and size. The file is not kept in memory.
func (c *Client) Sum(ctx context.Context, f File) (vcs.Sum, error) {
	var held vcs.Sum
	err := c.download(ctx, f, func(body io.Reader) error {
		hash := sha256.New()
		n, err := io.Copy(hash, io.LimitReader(body, maxFile+1))
		held = vcs.Sum{SHA256: hex.EncodeToString(hash.Sum(nil)), Size: n}
		if err == nil && n > maxFile {
			err = &httpx.AnswerError{Problem: fmt.Sprintf("sends more than %d bytes", int64(maxFile))}
		}
		return err
	})
	return held, err
}

// maxFile is far more than any website needs: a download without an end must be noticed.
const maxFile = 8 << 30

// Read downloads a small file; one of more than limit bytes is an error.
func (c *Client) Read(ctx context.Context, f File, limit int64) (text []byte, err error) {
	err = c.download(ctx, f, func(body io.Reader) (err error) {
		text, err = httpx.ReadAll(body, limit)
		return err
	})
	return text, err
}

func (c *Client) download(ctx context.Context, f File, take func(io.Reader) error) error {
	if err := c.check(f.Owner, f.Package, f.Version, f.Name); err != nil {
		return err
	}
	return c.do(ctx, call{
		what: "read " + f.String(), right: readPackages(f.Owner),
		path: f.Path(),
		take: func(resp *http.Response) error { return take(resp.Body) },
	})
}

// check refuses names that would change the path of the request.
func (c *Client) check(names ...string) error {
	for _, n := range names {
		if n == "" || n == "." || n == ".." || strings.ContainsAny(n, "/\\\x00\r\n") {
			return c.fail(ErrRejected, fmt.Sprintf("name %q", n), "received no request: expected a name without slashes", "")
		}
	}
	return nil
}
