package engine

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"dagger.io/dagger/engineconn"
)

// Serve speaks the protocol of `dagger session` for the embedded engine: it writes one line of JSON with a port and a token to stdout, answers
// GraphQL at POST http://127.0.0.1:PORT/query for clients with the token, and ends when stdin is closed or ctx is done.
// With DAGGER_SESSION_PORT and DAGGER_SESSION_TOKEN set to the two values, any Dagger SDK uses it.
func Serve(ctx context.Context, opts Options, stdin io.Reader, stdout io.Writer) error {
	s, err := open(ctx, opts)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, s.Close())
	}
	token := rand.Text()
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	srv := &http.Server{
		Handler:           authorized(token, s),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return run },
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	line, err := json.Marshal(engineconn.ConnectParams{Port: l.Addr().(*net.TCPAddr).Port, SessionToken: token})
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s\n", line)
	}
	if err == nil {
		err = waitForEnd(ctx, stdin, served)
	}
	cancel()
	return errors.Join(err, srv.Close(), s.Close())
}

func waitForEnd(ctx context.Context, stdin io.Reader, served <-chan error) error {
	closed := make(chan struct{})
	go func() {
		io.Copy(io.Discard, stdin) // its end is all that counts
		close(closed)
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return nil
	case err := <-served:
		return err
	}
}

// authorized requires the token, which the SDKs send as the user of HTTP basic authentication.
func authorized(token string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(user), []byte(token)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="Access to the Dagger engine session"`)
			http.Error(w, "the session token is missing or wrong", http.StatusUnauthorized)
			return
		}
		if r.URL.Path != "/query" || r.Method != http.MethodPost {
			http.Error(w, "expected POST /query", http.StatusNotFound)
			return
		}
		h.ServeHTTP(w, r)
	})
}
