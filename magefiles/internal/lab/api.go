package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// StatusError is an error of an HTTP API.
type StatusError struct {
	Method  string `json:"-"`
	Path    string `json:"-"`
	Code    int    `json:"-"`       // of HTTP
	Reason  string `json:"reason"`  // one word, as in Kubernetes, such as NotFound; empty for Argo CD
	Message string `json:"message"` // for people
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.Path, e.Code, http.StatusText(e.Code), e.Message)
}

func isStatus(err error, status int) bool {
	var answer *StatusError
	return errors.As(err, &answer) && answer.Code == status
}

// api is an HTTP API that speaks JSON and takes a token.
type api struct {
	client    *http.Client
	base      string // URL without a slash at the end
	token     string
	authorize func(*http.Request) // replaces the token; nil: the token is used
}

// do sends a document, which is nil, a []byte or an io.Reader (sent unchanged), or any value for encoding/json, and decodes the answer into out
// unless that is nil; a *[]byte gets it unchanged. An answer without success is a *StatusError.
func (a api) do(ctx context.Context, method, path, contentType string, document, out any) error {
	answer, err := a.send(ctx, method, path, contentType, document)
	if as, ok := out.(*[]byte); ok {
		*as = answer
	} else if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	if refused := (*StatusError)(nil); err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return err
}

func (a api) send(ctx context.Context, method, path, contentType string, document any) ([]byte, error) {
	body, err := encode(document)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	switch {
	case a.authorize != nil:
		a.authorize(req)
	case a.token != "":
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		refused := &StatusError{Method: method, Path: path, Code: resp.StatusCode}
		if json.Unmarshal(answer, refused) != nil || refused.Message == "" {
			refused.Message = strings.TrimSpace(string(answer[:min(len(answer), 1<<10)]))
		}
		err = refused
	}
	return answer, err
}

func encode(document any) (io.Reader, error) {
	switch d := document.(type) {
	case nil:
		return http.NoBody, nil
	case io.Reader:
		return d, nil
	case []byte:
		return bytes.NewReader(d), nil
	default:
		data, err := json.Marshal(d)
		return bytes.NewReader(data), err
	}
}
