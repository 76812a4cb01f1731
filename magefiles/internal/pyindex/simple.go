package pyindex

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

// maxPage bounds the answer of the simple API.
const maxPage = 16 << 20

// accepted are the forms of the simple API, the preferred one first.
const accepted = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

// Files lists the files of a project, given by its normalized name; none if the index does not have the project.
func (c *Client) Files(ctx context.Context, project string) (files []python.Stored, err error) {
	what := "list the files of " + project
	err = c.caller.Do(ctx, what, func(ctx context.Context) (err error) {
		files, err = c.list(ctx, project)
		return err
	})
	return files, c.explain(ctx, what, c.Page(project), err)
}

func (c *Client) list(ctx context.Context, project string) ([]python.Stored, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Page(project), http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", accepted)
	if err := c.authorize(ctx, r); err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNotFound:
		return nil, nil
	case http.StatusOK:
	default:
		return nil, httpx.Status(resp)
	}
	text, err := httpx.ReadAll(resp.Body, maxPage)
	if err != nil {
		return nil, err
	}
	return ParseSimple(resp.Header.Get("Content-Type"), text)
}

// ParseSimple reads the answer of the simple API about a project: JSON (PEP 691) or HTML (PEP 503). The error is an *httpx.AnswerError.
func ParseSimple(contentType string, text []byte) ([]python.Stored, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && kind == "application/vnd.pypi.simple.v1+json":
		return parseJSON(text)
	case err == nil && (kind == "text/html" || kind == "application/vnd.pypi.simple.v1+html"):
		return parseHTML(string(text))
	}
	return nil, &httpx.AnswerError{Problem: fmt.Sprintf("sends a list of files as %q instead of HTML or JSON", httpx.Clean(contentType))}
}

// sha256Form is the form of a hash.
var sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)

func newFile(name, sum string) (python.Stored, bool) {
	sum = strings.ToLower(sum)
	if !sha256Form.MatchString(sum) {
		sum = ""
	}
	return python.Stored{Name: name, SHA256: sum}, name != "" && name != "." && name != "/"
}

func parseJSON(text []byte) (files []python.Stored, err error) {
	var page struct {
		Files []struct {
			Filename string
			Hashes   map[string]string
		}
	}
	if err := json.Unmarshal(text, &page); err != nil {
		return nil, &httpx.AnswerError{Problem: "sends an unexpected response (" + err.Error() + ")"}
	}
	for _, f := range page.Files {
		if file, ok := newFile(f.Filename, f.Hashes["sha256"]); ok {
			files = append(files, file)
		}
	}
	return files, nil
}

// parseHTML reads the anchors: the last part of the path of each is the name of a file, and its fragment is the hash.
func parseHTML(text string) (files []python.Stored, err error) {
	for tokens := html.NewTokenizer(strings.NewReader(text)); ; {
		switch tokens.Next() {
		case html.ErrorToken:
			return files, nil
		case html.StartTagToken:
			token := tokens.Token()
			if token.Data != "a" {
				continue
			}
			for _, a := range token.Attr {
				u, err := url.Parse(strings.TrimSpace(a.Val))
				if a.Key != "href" || err != nil {
					continue
				}
				sum, _ := strings.CutPrefix(u.Fragment, "sha256=")
				if file, ok := newFile(path.Base(u.Path), sum); ok && u.Path != "" {
					files = append(files, file)
				}
			}
		}
	}
}
