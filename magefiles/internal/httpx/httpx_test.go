package httpx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

const secret = "t0p-secret-token"

// ask reads JSON from an address, as clients do.
func ask(ctx context.Context, client *http.Client, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Status(resp)
	}
	var out struct{ Name string }
	return Decode(resp.Body, 1000, &out)
}

// server is a server of plain HTTP; it returns the address.
func server(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func answers(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func resets(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Each kind of failure, with real servers: its kind, text and advice, and the number of requests.
func TestFailures(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"Name":`)
	}
	certificate, _ := trusttest.Server(t, trusttest.None, http.NotFoundHandler())
	plain := server(t, answers(200, "{}"))
	for name, c := range map[string]struct {
		address  string
		kind     error
		says     string
		advice   string
		attempts int64
	}{
		"refused":      {closed, ErrDown, "is not reachable (connection refused)", "that it is running", 3},
		"unknown host": {"http://host.invalid", ErrDown, "no such host host.invalid", "its address", 1},
		"reset":        {server(t, resets), ErrBroken, "broke the connection (", "read its log", 3},
		"cut":          {server(t, cut), ErrBroken, "broke the connection (connection closed early)", "run this again", 3},
		"certificate":  {certificate.URL, ErrUntrusted, "has an invalid certificate (its authority is not known here)", "BLUMEOPS_CA_FILE", 1},
		"no TLS":       {strings.Replace(plain, "http", "https", 1), ErrPlain, "does not use TLS", "http or https", 1},
		"scheme":       {"ftp://host.invalid", ErrRejected, "has an invalid address", "https://HOST", 1},
		"no address":   {"ht tp://", ErrRejected, "has an invalid address", "https://HOST", 1},
		"page":         {server(t, answers(200, " <html>Log in</html>")), ErrRejected, "sends a web page instead of JSON", "login page", 1},
		"half JSON":    {server(t, answers(200, `{"Name":`)), ErrRejected, "sends an unexpected response", "address", 1},
		"other JSON":   {server(t, answers(200, `{"Name":1}`)), ErrRejected, "sends an unexpected response", "address", 1},
		"too long":     {server(t, answers(200, strings.Repeat(" ", 1001))), ErrRejected, "sends more than 1000 bytes", "address", 1},
		"503":          {server(t, answers(503, "<html>oops")), ErrFaulty, "fails with 503 Service Unavailable", "read its log", 3},
		"501":          {server(t, answers(501, "")), ErrFaulty, "fails with 501 Not Implemented", "read its log", 1},
		"429":          {server(t, answers(429, "slow down", "Retry-After", "0")), ErrFaulty, "429 Too Many Requests (slow down)", "", 3},
		"long pause":   {server(t, answers(503, "", "Retry-After", "3600")), ErrFaulty, ", and requests a wait of 1h0m0s", "", 1},
		"422":          {server(t, answers(422, `{"message":"no `+secret+`\nhere"}`)), ErrRejected, "answers 422 Unprocessable Entity (no *** here)", "address", 1},
		"redirect":     {server(t, answers(302, "", "Location", "https://u:p@elsewhere.example/login?token=x")), ErrRejected, "redirects to https://elsewhere.example/login", "login page", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var attempts atomic.Int64
			caller := Caller{Retry: Retry{Attempts: 3, First: time.Millisecond}, Secrets: func() []string { return []string{secret} }, Log: func(line string) {
				if !strings.HasPrefix(line, "read: attempt ") || strings.Contains(line, secret) {
					t.Errorf("log %q", line)
				}
			}}
			client := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			err := caller.Do(t.Context(), "read", func(ctx context.Context) error {
				attempts.Add(1)
				return ask(ctx, client, c.address)
			})
			f := caller.Explain(err)
			if !errors.Is(f.Kind, c.kind) || !strings.Contains(f.Problem, c.says) || !strings.Contains(f.Advice, c.advice) || attempts.Load() != c.attempts {
				t.Errorf("%+v after %d attempts", f, attempts.Load())
			}
			if strings.Contains(f.Problem+f.Said+f.Cause, secret) || strings.ContainsAny(f.Problem, "\n?") {
				t.Errorf("%+v has a secret, a query or a line break", f)
			}
		})
	}
}

// A read may be redirected to a server's storage, without the credentials, but not out of TLS; a write is never
// redirected.
func TestCheckRedirect(t *testing.T) {
	t.Parallel()
	var given atomic.Value
	storage := server(t, func(w http.ResponseWriter, r *http.Request) {
		given.Store(r.Header.Get("Authorization") + r.Header.Get("Referer"))
		_, _ = io.WriteString(w, "{}")
	})
	lead := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, storage+"/x?signature=y", http.StatusTemporaryRedirect)
	})
	client := &http.Client{Transport: &http.Transport{}, CheckRedirect: CheckRedirect}
	if err := ask(t.Context(), client, server(t, lead)); err != nil || given.Load() != "" {
		t.Errorf("%v; the storage was given %q", err, given.Load())
	}
	resp, err := client.Post(server(t, lead), "text/plain", strings.NewReader("x"))
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("a write was led on: %v", err)
	}
	if f := (Caller{}).Explain(Status(resp)); !strings.HasPrefix(f.Problem, "redirects to "+storage+"/x") || strings.Contains(f.Problem, "signature") {
		t.Errorf("%+v", f)
	}
	secure := httptest.NewTLSServer(lead)
	defer secure.Close()
	client = secure.Client()
	client.CheckRedirect = CheckRedirect
	if f := (Caller{}).Explain(ask(t.Context(), client, secure.URL)); f.Kind != ErrRejected || f.Problem != "redirects from https to http" {
		t.Errorf("%+v", f)
	}
}

// Each client chooses the kinds of failures after which it does not retry.
func TestExcept(t *testing.T) {
	t.Parallel()
	attempts := 0
	caller := Caller{Retry: Retry{First: time.Millisecond}.Except(ErrBroken)}
	_ = caller.Do(t.Context(), "read", func(context.Context) error { attempts++; return io.ErrUnexpectedEOF })
	if attempts != 1 {
		t.Errorf("%d attempts", attempts)
	}
}

func TestCancelledBetweenAttempts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	caller := Caller{Retry: Retry{First: 1 << 62, Max: 1 << 62}, Log: func(string) { cancel() }}
	if err := caller.Do(ctx, "read", func(context.Context) error { return io.EOF }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// A request without progress ends, whether it waits for an answer, for the rest of one, or to send.
func TestStalls(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hang := func(http.ResponseWriter, *http.Request) { <-release }
	half := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		<-release
	}
	addresses := map[string]string{"no answer": server(t, hang), "half an answer": server(t, half), "upload": server(t, hang)}
	defer close(release)
	for name, address := range addresses {
		client := &http.Client{Transport: NoStall(&http.Transport{}, 100*time.Millisecond)}
		var err error
		if name == "upload" {
			_, err = client.Post(address, "text/plain", bytes.NewReader(make([]byte, 64<<20)))
		} else {
			err = ask(t.Context(), client, address)
		}
		if f := (Caller{}).Explain(err); f.Kind != ErrSlow || !f.Temporary || !strings.Contains(f.Problem, "does not answer in time (no data for 100ms)") {
			t.Errorf("%s: %+v (%v)", name, f, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0,
		"Thu, 01 Jan 2026 00:01:00 GMT": time.Minute,
		"Wed, 31 Dec 2025 00:00:00 GMT": 0,
	} {
		if got := RetryAfter(&http.Response{Header: http.Header{"Retry-After": {value}}}, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestReadAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		r    io.Reader
		want string
		err  bool
	}{
		"whole":    {strings.NewReader("12345"), "12345", false},
		"too long": {strings.NewReader("123456"), "", true},
		"cut":      {iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("123"))), "", true},
	} {
		if got, err := ReadAll(c.r, 5); string(got) != c.want || (err != nil) != c.err {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for failures, want := range []time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 1000: 5 * time.Second} {
		if got := (Retry{First: time.Second, Max: 5 * time.Second}).Pause(failures); want != 0 && got != want {
			t.Errorf("after %d: %s, want %s", failures, got, want)
		}
	}
}
