package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// StatusError is a refusal of an HTTP API.
type StatusError struct {
	Method  string `json:"-"`
	Path    string `json:"-"`
	Code    int    `json:"-"`       // of HTTP
	Reason  string `json:"reason"`  // in one word, as Kubernetes has it, such as NotFound; Argo CD gives none
	Message string `json:"message"` // for people
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.Path, e.Code, http.StatusText(e.Code), e.Message)
}

// api is an HTTP API that speaks JSON and takes a token.
type api struct {
	client *http.Client
	base   string // URL without a slash at the end
	token  string
}

// do sends a document, which is nothing, a []byte as it stands, or what encoding/json makes of it, and decodes the answer into
// out unless that is nil. An answer that is no success is a *StatusError.
func (a api) do(ctx context.Context, method, path, contentType string, document, out any) error {
	body, err := encode(document)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return err
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		refused := &StatusError{Method: method, Path: path, Code: resp.StatusCode}
		if json.Unmarshal(answer, refused) != nil || refused.Message == "" {
			refused.Message = string(answer)
		}
		return refused
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func encode(document any) (io.Reader, error) {
	switch d := document.(type) {
	case nil:
		return http.NoBody, nil
	case []byte:
		return bytes.NewReader(d), nil
	default:
		data, err := json.Marshal(d)
		return bytes.NewReader(data), err
	}
}
