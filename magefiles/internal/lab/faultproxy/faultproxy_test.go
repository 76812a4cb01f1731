package faultproxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// behind is a real server that returns the request it got, and keeps the bodies.
type behind struct {
	*httptest.Server
	url *url.URL

	mu     sync.Mutex
	bodies []string
	errs   []error // of reading them
}

func startBehind(t *testing.T) *behind {
	t.Helper()
	b := &behind{}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Server.Close)
	var err error
	if b.url, err = url.Parse(b.Server.URL); err != nil {
		t.Fatal(err)
	}
	return b
}

// ServeHTTP answers /big with a large body, GET with the request line and the headers that matter, and all others with 201.
func (b *behind) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	b.mu.Lock()
	b.bodies, b.errs = append(b.bodies, string(body)), append(b.errs, err)
	b.mu.Unlock()
	w.Header().Set("X-Behind", "yes")
	switch {
	case r.URL.Path == "/big":
		w.Header().Set("Content-Length", fmt.Sprint(len(large)))
		_, _ = io.WriteString(w, large)
	case r.Method == http.MethodGet:
		fmt.Fprintf(w, "%s host=%s forwarded=%s://%s", r.RequestURI, r.Host, r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host"))
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

func (b *behind) got() (bodies []string, errs []error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.bodies...), append([]error{}, b.errs...)
}

var large = strings.Repeat("0123456789abcdef", 64<<10) // 1 MB

func startFront(t *testing.T, o Options) *Proxy {
	t.Helper()
	f, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// between starts a fault proxy with a server behind it.
func between(t *testing.T) (*Proxy, *behind) {
	b := startBehind(t)
	return startFront(t, Options{Target: b.url}), b
}

// ask sends a request on its own connection, as user if that is not "".
func ask(t *testing.T, f *Proxy, method, path, user, body string) (*http.Response, string, error) {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, f.URL()+path, content)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, "secret")
	}
	req.Close = true // otherwise Go's client repeats the request if a reused connection breaks
	resp, err := f.Client().Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// want sends a request and compares the status.
func want(t *testing.T, f *Proxy, method, path, user, body string, status int) string {
	t.Helper()
	resp, text, err := ask(t, f, method, path, user, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d: %s", method, path, resp.StatusCode, status, text)
	}
	return text
}

func TestServerSeesTheAddressOfTheProxy(t *testing.T) {
	for _, secure := range []bool{false, true} {
		b := startBehind(t)
		f := startFront(t, Options{Target: b.url, TLS: secure})
		// %2F is part of a name, ; is not a separator, and both must arrive unchanged.
		const path = "/a/b%2Fc?x=1;y=%ZZ&z"
		got := want(t, f, http.MethodGet, path, "", "", 200)
		scheme, _, _ := strings.Cut(f.URL(), ":")
		if wanted := path + " host=" + f.Addr() + " forwarded=" + scheme + "://" + f.Addr(); got != wanted {
			t.Errorf("TLS %v: behind saw %q, want %q", secure, got, wanted)
		}
	}
}

func TestProxyStartsBeforeItsServer(t *testing.T) {
	f := startFront(t, Options{})
	want(t, f, http.MethodGet, "/", "", "", 503)
	b := startBehind(t)
	f.To(b.url)
	want(t, f, http.MethodGet, "/", "", "", 200)
	b.Close()
	if text := want(t, f, http.MethodGet, "/", "", "", 502); !strings.Contains(text, b.url.Host) {
		t.Errorf("the answer for a server that is gone does not name it: %s", text)
	}
	f.To(nil)
	want(t, f, http.MethodGet, "/", "", "", 503)
}

func TestAddress(t *testing.T) {
	first := startFront(t, Options{})
	if second, err := Start(Options{Addr: first.Addr()}); err == nil {
		second.Close()
		t.Errorf("two fronts listen on %s", first.Addr())
	}
	addr := first.Addr()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if again := startFront(t, Options{Addr: addr}); again.Addr() != addr || again.URL() != "http://"+addr {
		t.Errorf("started on %s, %s; want %s", again.Addr(), again.URL(), addr)
	}
}

func TestAuthority(t *testing.T) {
	f := startFront(t, Options{TLS: true})
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(f.CA()) {
		t.Fatalf("CA is not a PEM certificate: %s", f.CA())
	}
	for _, name := range []string{"", "localhost"} {
		conn, err := tls.Dial("tcp", f.Addr(), &tls.Config{RootCAs: pool, ServerName: name})
		if err != nil {
			t.Fatalf("as %q, with the CA: %v", name, err)
		}
		conn.Close()
	}
	if conn, err := tls.Dial("tcp", f.Addr(), nil); err == nil {
		conn.Close()
		t.Error("trusted without the CA")
	}
	if plain := startFront(t, Options{}); plain.CA() != nil {
		t.Error("a front without TLS has a CA")
	}
}

// The server gets a body of unknown length while it is sent, and the client gets the answer while it is written.
func TestBodiesStream(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			fmt.Fprintln(w, "heard", lines.Text())
			_ = http.NewResponseController(w).Flush()
		}
	}))
	defer server.Close()
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := startFront(t, Options{Target: target})
	reader, writer := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL(), reader)
	if err != nil {
		t.Fatal(err)
	}
	go fmt.Fprintln(writer, "one")
	resp, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	heard := bufio.NewReader(resp.Body)
	for _, word := range []string{"one", "two", "three"} {
		if word != "one" {
			fmt.Fprintln(writer, word)
		}
		if line, err := heard.ReadString('\n'); err != nil || line != "heard "+word+"\n" {
			t.Fatalf("after %q: %q, %v", word, line, err)
		}
	}
	writer.Close()
	if rest, err := io.ReadAll(heard); err != nil || len(rest) > 0 {
		t.Errorf("at the end: %q, %v", rest, err)
	}
	if log := f.Requests(); len(log) != 1 || log[0].Received != 14 || log[0].Sent != 32 || log[0].Status != 200 {
		t.Errorf("log: %+v", log)
	}
}

// With "Expect: 100-continue" a client sends its body when the server requests it, and never if the server declines.
func TestExpectContinue(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(body)
	}))
	defer server.Close()
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := startFront(t, Options{Target: target})
	for path, wanted := range map[string][]string{"/yes": {"100 Continue", "201 Created"}, "/no": {"403 Forbidden"}} {
		conn, err := net.Dial("tcp", f.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", path)
		answers := bufio.NewReader(conn)
		for _, status := range wanted {
			resp, err := http.ReadResponse(answers, nil)
			if err != nil || resp.Status != status {
				t.Fatalf("%s: %v, %v; want %s", path, resp, err, status)
			}
			if resp.StatusCode == 100 {
				fmt.Fprint(conn, "body")
			} else if body, err := io.ReadAll(resp.Body); path == "/yes" && string(body) != "body" {
				t.Errorf("%s: answer %q, %v", path, body, err)
			}
		}
	}
	for _, r := range f.Requests() {
		if r.Path == "/yes" && r.Status != 201 || r.Path == "/no" && (r.Status != 403 || r.Received != 0) {
			t.Errorf("log: %+v", r)
		}
	}
}

// A fault that answers at once is seen by a client that would send more than the server reads: the client waits for the answer.
func TestExpectedAnswerOfAFault(t *testing.T) {
	for _, secure := range []bool{false, true} {
		f := startFront(t, Options{Target: startBehind(t).url, TLS: secure})
		f.Fail(Fault{Kind: Status, Status: http.StatusRequestEntityTooLarge, Method: http.MethodPut})
		for range 20 {
			r, err := http.NewRequest(http.MethodPut, f.URL()+"/some/thing", bytes.NewReader(make([]byte, 1<<20)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Expect", "100-continue")
			resp, err := f.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		for _, r := range f.Requests() {
			if r.Received > 0 {
				t.Errorf("the client sent %d bytes", r.Received)
			}
		}
	}
}

func TestLog(t *testing.T) {
	f, _ := between(t)
	want(t, f, http.MethodPut, "/some%2Fthing?q=1", "ann", "four", 201)
	want(t, f, http.MethodGet, "/big", "", "", 200)
	wanted := []Request{
		{Method: "PUT", Path: "/some/thing", Query: "q=1", User: "ann", Status: 201, Received: 4},
		{Method: "GET", Path: "/big", Status: 200, Sent: int64(len(large))},
	}
	got := f.Requests()
	if len(got) != len(wanted) || got[0] != wanted[0] || got[1] != wanted[1] {
		t.Errorf("log: %+v, want %+v", got, wanted)
	}
	f.Forget()
	if got := f.Requests(); len(got) != 0 {
		t.Errorf("after Forget: %+v", got)
	}
}

func TestWrap(t *testing.T) {
	b := startBehind(t)
	f := startFront(t, Options{Target: b.url, Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	want(t, f, http.MethodDelete, "/", "", "", 403)
	want(t, f, http.MethodPut, "/", "", "x", 201)
	if log := f.Requests(); log[0].Status != 403 || log[1].Status != 201 {
		t.Errorf("log: %+v", log)
	}
}

// Many clients, faults that start and end, a target that changes: for the race detector.
func TestAllAtOnce(t *testing.T) {
	f, b := between(t)
	body := bytes.Repeat([]byte("x"), 10_000)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 20 {
				restore := f.Fail(Fault{Kind: Cut, Bytes: 10, Method: http.MethodGet, Times: 1})
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, f.URL()+"/a", bytes.NewReader(body))
				if resp, err := f.Client().Do(req); err != nil || resp.StatusCode != http.StatusCreated {
					t.Errorf("put: %v, %v", resp, err)
				} else {
					resp.Body.Close()
				}
				f.To(b.url)
				f.Requests()
				restore()
				restore()
			}
		})
	}
	clients.Wait()
	if log := f.Requests(); len(log) != 160 {
		t.Errorf("%d requests are in the log, want 160", len(log))
	}
}
