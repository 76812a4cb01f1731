package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

// serveAndBreak lets the forge do what the request asks, and breaks the connection before the answer.
func serveAndBreak(next http.Handler, _ http.ResponseWriter, r *http.Request) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// TestForgeThatRepeatsTheToken has an answer with the token in it, as debugging proxies send it.
func TestForgeThatRepeatsTheToken(t *testing.T) {
	c := as(t, "write:package")
	for _, status := range []int{302, 400, 401, 403, 404, 409, 422, 500} {
		restore := labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Custom, Serve: func(_ http.Handler, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example/"+c.token+"?"+c.token)
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"message":"%s was asked with %s\n\u001b[31m and %s"}`, r.URL, r.Header.Get("Authorization"), url.QueryEscape(c.token))
		}})
		err := c.Upload(t.Context(), testFile(t, "x"), strings.NewReader("x"), 1)
		if err == nil {
			t.Errorf("%d: no error", status)
		} else if strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%d: %q", status, err)
		}
		c.secret(t, err)
		restore()
	}
}

func TestTokenThatCannotBeHad(t *testing.T) {
	locked := errors.New("1Password is locked")
	asked := 0
	c, err := New(Options{URL: labForge(t).URL(), HTTP: labForge(t).Proxy().Client(), Token: func(context.Context) (string, error) {
		asked++
		return "", locked
	}})
	must(t, err)
	if asked != 0 {
		t.Error("the token was read before it was needed")
	}
	_, err = c.Versions(t.Context(), "eblume", "docs")
	if !errors.Is(err, ErrToken) || !errors.Is(err, locked) || asked != 1 {
		t.Errorf("error %v, asked %d times", err, asked)
	}
}

func TestTokenIsReadOnce(t *testing.T) {
	token, err := labForge(t).Token(t.Context(), t.Name(), "read:package")
	must(t, err)
	asked := 0
	c, err := New(Options{URL: labForge(t).URL() + "/", HTTP: labForge(t).Proxy().Client(), Token: func(context.Context) (string, error) {
		asked++
		return token + "\n", nil // as files end
	}})
	must(t, err)
	for range 3 {
		_, err := c.Versions(t.Context(), labForge(t).Owner, "none")
		must(t, err)
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// TestStorageElsewhere has downloads redirected, as by a forge whose storage is S3: the token stays with the forge.
func TestStorageElsewhere(t *testing.T) {
	var given []string
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given = append(given, r.Header.Get("Authorization")+r.Header.Get("Referer"))
		fmt.Fprint(w, "content")
	}))
	defer storage.Close()
	c := as(t, "read:package")
	defer labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Status, Status: 307, Header: map[string][]string{"Location": {storage.URL + "/x?signature=y"}}})()
	held, err := c.Sum(t.Context(), testFile(t, "x"))
	if err != nil || held != contentOf([]byte("content")) {
		t.Errorf("%v, %v", held, err)
	}
	if len(given) != 1 || given[0] != "" {
		t.Errorf("the storage was given %q", given)
	}
	storage.Close()
	_, err = c.Sum(t.Context(), testFile(t, "x"))
	c.want(t, err, ErrUnreachable)
	if strings.Contains(err.Error(), "signature") {
		t.Errorf("error %v", err)
	}
}

func TestAnswersThatAreNoUse(t *testing.T) {
	c := as(t, "write:package", "write:repository")
	for name, serve := range map[string]func(http.ResponseWriter){
		"page":     func(w http.ResponseWriter) { fmt.Fprint(w, "<html>login</html>") },
		"empty":    func(http.ResponseWriter) {},
		"half":     func(w http.ResponseWriter) { fmt.Fprint(w, `[{"name":`) },
		"endless":  func(w http.ResponseWriter) { fmt.Fprint(w, "[", strings.Repeat(" ", maxAnswer)) },
		"other":    func(w http.ResponseWriter) { fmt.Fprint(w, `{"versions":1}`) },
		"no pages": func(w http.ResponseWriter) { fmt.Fprint(w, `[{"name":"docs","version":"v1"}]`) },
	} {
		t.Run(name, func(t *testing.T) {
			defer labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Custom, Serve: func(_ http.Handler, w http.ResponseWriter, _ *http.Request) { serve(w) }})()
			_, err := c.Versions(t.Context(), "eblume", "docs")
			c.want(t, err, ErrRejected)
		})
	}
}

func TestNobodyThere(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	address := closed.URL
	closed.Close()
	c := with(t, address, "t0p-secret-token")
	_, err := c.Tag(t.Context(), Repository{"eblume", "blumeops"}, "v1.0.0")
	c.want(t, err, ErrUnreachable, "connection refused", address)

	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	c = with(t, secure.URL, "t0p-secret-token")
	_, err = c.Tag(t.Context(), Repository{"eblume", "blumeops"}, "v1.0.0")
	c.want(t, err, ErrUnreachable, "invalid certificate", "authority is not known")
	c = with(t, "https://"+labForge(t).Proxy().Addr(), "t0p-secret-token")
	_, err = c.Tag(t.Context(), Repository{"eblume", "blumeops"}, "v1.0.0")
	c.want(t, err, ErrUnreachable, "http or https")
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "forge.example", "ftp://forge.example", "https://", "https://u:hunter2@forge.example", "u:hunter2@forge.example", "https://u:hun/hunter2@forge.example", "https://forge.example/?token=hunter2", "http://a b/", "://"} {
		if _, err := New(Options{URL: address}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"https://forge.example", "http://127.0.0.1:3000/", "https://example.org/forge/"} {
		if c, err := New(Options{URL: address}); err != nil || strings.HasSuffix(c.base.String(), "/") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
