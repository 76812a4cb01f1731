package pyindex

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

// Upload sends a wheel or an sdist. An *Error of the kind ErrExists if the index has a file of that name, with any content.
func (c *Client) Upload(ctx context.Context, d python.Dist) error {
	what := "upload " + d.Name
	content, err := os.ReadFile(d.Path)
	if err != nil {
		return err
	}
	err = c.caller.Do(ctx, what, func(ctx context.Context) error { return c.send(ctx, d, content) })
	return c.explain(ctx, what, c.URL(), err)
}

func (c *Client) send(ctx context.Context, d python.Dist, content []byte) error {
	form, contentType, err := form(d, content)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL(), form)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	if err := c.authorize(ctx, r); err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return exists(httpx.Status(resp))
	}
	_, _ = io.CopyN(io.Discard, resp.Body, httpx.MaxText) // so that the connection can be used again
	return nil
}

// exists gives an answer about an existing file the status 409: PyPI and others send 400.
func exists(e *httpx.StatusError) error {
	if e.Status == http.StatusBadRequest && strings.Contains(strings.ToLower(e.Said), "already exists") {
		e.Status = http.StatusConflict
	}
	return e
}

// renamed are fields of the metadata that the upload API names in the plural.
var renamed = map[string]string{"classifier": "classifiers", "project_url": "project_urls"}

// form is the form of the upload API: fields of the metadata with underscores in their names, and the file.
func form(d python.Dist, content []byte) (*bytes.Buffer, string, error) {
	sum := md5.Sum(content) // a field of the API, which some indexes require; nothing depends on it
	fields := []python.Field{
		{Name: ":action", Value: "file_upload"}, {Name: "protocol_version", Value: "1"},
		{Name: "filetype", Value: map[python.Kind]string{python.Wheel: "bdist_wheel", python.Sdist: "sdist"}[d.Kind]}, {Name: "pyversion", Value: pyVersion(d)},
		{Name: "md5_digest", Value: hex.EncodeToString(sum[:])}, {Name: "sha256_digest", Value: d.SHA256},
	}
	for _, f := range d.Metadata.Fields() {
		name := strings.ReplaceAll(strings.ToLower(f.Name), "-", "_")
		if to, ok := renamed[name]; ok {
			name = to
		}
		fields = append(fields, python.Field{Name: name, Value: f.Value})
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range fields {
		if err := w.WriteField(f.Name, f.Value); err != nil {
			return nil, "", err
		}
	}
	part, err := w.CreateFormFile("content", d.Name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, "", fmt.Errorf("make the form for %s: %w", d.Name, err)
	}
	return &body, w.FormDataContentType(), nil
}

// pyVersion is the Python of a wheel, from its name: NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl.
func pyVersion(d python.Dist) string {
	if d.Kind == python.Sdist {
		return "source"
	}
	parts := strings.Split(d.Name, "-")
	return parts[max(0, len(parts)-3)]
}
