package httpx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// StatusError is an answer without success.
type StatusError struct {
	Status int
	Said   string        // text of the server; not cleaned
	API    bool          // the text was JSON, which means that an API sent it, and not a proxy
	Wait   time.Duration // the wait that the answer asks for
	To     string        // the address of a redirect
}

// Error returns the status as text.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
}

// MaxError bounds the text that is read of an answer without success.
const MaxError = 64 << 10

// Status reads an answer without success. It leaves out the text of a web page.
func Status(resp *http.Response) *StatusError {
	e := &StatusError{Status: resp.StatusCode, Wait: RetryAfter(resp, time.Now())}
	if to, err := resp.Location(); err == nil {
		e.To = to.String()
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, MaxError))
	var structured struct{ Message string }
	switch {
	case err != nil, isPage(text):
	case json.Unmarshal(text, &structured) == nil && structured.Message != "":
		e.Said, e.API = structured.Message, true
	default:
		e.Said = string(text)
	}
	return e
}

func isPage(text []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")) }

// AnswerError is an unexpected response. Problem is the end of a sentence that begins with the server.
type AnswerError struct{ Problem string }

// Error returns the problem.
func (e *AnswerError) Error() string { return e.Problem }

// ReadAll reads at most limit bytes; a longer answer is an *AnswerError. Nothing is returned of an incomplete answer.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(Bound(io.NopCloser(r), limit, &AnswerError{fmt.Sprintf("sends more than %d bytes", limit)}))
	if err != nil {
		return nil, err
	}
	return text, nil
}

// Decode reads JSON of at most limit bytes. An invalid answer is an *AnswerError.
func Decode(r io.Reader, limit int64, out any) error {
	text, err := ReadAll(r, limit)
	if err != nil {
		return err
	}
	if err = json.Unmarshal(text, out); err != nil && isPage(text) {
		return &AnswerError{"sends a web page instead of JSON"}
	} else if err != nil {
		return &AnswerError{"sends an unexpected response (" + err.Error() + ")"}
	}
	return nil
}

// Bound ends a body with an error once it is longer than limit bytes.
func Bound(body io.ReadCloser, limit int64, tooLong error) io.ReadCloser {
	return &bounded{body, limit, tooLong}
}

type bounded struct {
	io.ReadCloser
	left    int64
	tooLong error
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.tooLong
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return n - 1, b.tooLong
	}
	return n, err
}
