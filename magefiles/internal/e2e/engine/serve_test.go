package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func itoa(n int) string { return strconv.Itoa(n) }

// session is an engine:serve that was started.
type session struct {
	*e2etest.Process
	stdin   io.WriteCloser
	address string
	token   string
}

// serve starts engine:serve and reads the line that it prints.
func (w *workspace) serve() *session {
	w.T.Helper()
	line, stdout := io.Pipe()
	s := &session{Process: w.NewProcess("engine:serve")}
	var err error
	if s.stdin, err = s.Cmd.StdinPipe(); err != nil {
		w.T.Fatal(err)
	}
	s.Cmd.Stdout = io.MultiWriter(s.Cmd.Stdout, stdout)
	s.Begin()
	var params struct {
		Port  int    `json:"port"`
		Token string `json:"session_token"`
	}
	go func() {
		<-s.Ended
		stdout.Close()
	}()
	if err := json.NewDecoder(line).Decode(&params); err != nil || params.Port == 0 || params.Token == "" {
		w.T.Fatalf("engine:serve prints no port and token: %v, %+v", err, s.Outcome())
	}
	go io.Copy(io.Discard, line) //nolint:errcheck // what else it might say is in the outcome
	s.address, s.token = fmt.Sprintf("http://127.0.0.1:%d/query", params.Port), params.Token
	return s
}

// post sends a request and returns the status and the answer.
func (s *session) post(token, query string, variables map[string]any) (int, []byte) {
	s.T.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		s.T.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, s.address, bytes.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	req.SetBasicAuth(token, "")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return resp.StatusCode, answer
}

// ask returns the text at a path of the answer.
func (s *session) ask(query string, variables map[string]any, path ...string) string {
	s.T.Helper()
	status, raw := s.post(s.token, query, variables)
	var answer struct {
		Data   map[string]any
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(raw, &answer); err != nil || status != http.StatusOK || len(answer.Errors) > 0 {
		s.T.Fatalf("%s: %d, %s", query, status, raw)
	}
	var at any = answer.Data
	for _, name := range path {
		object, ok := at.(map[string]any)
		if !ok {
			s.T.Fatalf("%s: no %s in %s", query, name, raw)
		}
		at = object[name]
	}
	text, _ := at.(string)
	return text
}

// end closes the session's standard input, which ends it.
func (s *session) end() e2etest.Outcome {
	s.T.Helper()
	if err := s.stdin.Close(); err != nil {
		s.T.Fatal(err)
	}
	return s.Wait()
}

func TestServe(t *testing.T) {
	w := newWorkspace(t)
	s := w.serve()
	if status, _ := s.post("guess", `{ version }`, nil); status != http.StatusUnauthorized {
		t.Errorf("with a wrong token: status %d", status)
	}
	if version := s.ask(`{ version }`, nil, "version"); !strings.HasPrefix(version, "v0.21") {
		t.Errorf("version %q", version)
	}
	if got := s.ask(`{ directory { withNewFile(path: "a", contents: "hello") { file(path: "a") { contents } } } }`, nil,
		"directory", "withNewFile", "file", "contents"); got != "hello" {
		t.Errorf("contents %q", got)
	}
	if got := s.ask(`{ host { directory(path: "containers/files") { file(path: "index.html") { contents } } } }`, nil,
		"host", "directory", "file", "contents"); got != "<p>open</p>\n" {
		t.Errorf("contents %q", got)
	}
	_, refused := s.post(s.token, `{ moduleSource(refString: "x") { id } }`, nil)
	if !strings.Contains(string(refused), "moduleSource") || !strings.Contains(string(refused), "Dagger") {
		t.Errorf("what is not offered is refused with %s", refused)
	}
	got := s.end()
	if got.Status != 0 || strings.Count(got.Stdout, "\n") != 1 {
		t.Errorf("after its end: %+v", got)
	}
}

func TestServeEndsWithASignal(t *testing.T) {
	s := newWorkspace(t).serve()
	s.Signal(syscall.SIGTERM)
	if got := s.Wait(); got.Status != 143 && got.Status != 0 {
		t.Errorf("after SIGTERM: %+v", got)
	}
}
