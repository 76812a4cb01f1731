package faultproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// broken reports whether the error is that of a connection which ended without an answer. The exact error depends on whether the client was
// reading or writing, and net.ErrClosed on whether its reader closed the connection before its writer noticed.
func broken(err error) bool {
	return slices.ContainsFunc([]error{syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed}, func(end error) bool {
		return errors.Is(err, end)
	})
}

func TestRefuse(t *testing.T) {
	f, b := between(t)
	restore := f.Fail(Fault{Kind: Refuse, Method: http.MethodPut})
	if _, _, err := ask(t, f, http.MethodPut, "/", "", "x"); !broken(err) {
		t.Errorf("refused: %v, want a broken connection", err)
	}
	want(t, f, http.MethodGet, "/", "", "", 200)
	restore()
	want(t, f, http.MethodPut, "/", "", "y", 201)
	if bodies, _ := b.got(); !slices.Equal(bodies, []string{"", "y"}) {
		t.Errorf("behind got %q", bodies)
	}
	if log := f.Requests(); log[0].Status != 0 || log[0].Fault != Refuse {
		t.Errorf("log: %+v, want a refused request without an answer", log[0])
	}
}

func TestDown(t *testing.T) {
	for _, secure := range []bool{false, true} {
		b := startBehind(t)
		f := startFront(t, Options{Target: b.url, TLS: secure})
		kept, err := f.Client().Get(f.URL()) // its connection is kept
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, kept.Body); err != nil {
			t.Fatal(err)
		}
		kept.Body.Close()
		restore := f.Fail(Fault{Kind: Refuse})
		if resp, err := f.Client().Get(f.URL()); !broken(err) {
			t.Errorf("TLS %v: on the kept connection: %v, %v; want a broken connection", secure, resp, err)
		}
		if _, _, err := ask(t, f, http.MethodGet, "/", "", ""); !broken(err) {
			t.Errorf("TLS %v: on a new connection: %v; want a broken one", secure, err)
		}
		restore()
		want(t, f, http.MethodGet, "/", "", "", 200)
	}
}

func TestDelay(t *testing.T) {
	f, _ := between(t)
	const pause = 20 * time.Millisecond
	restore := f.Fail(Fault{Kind: Delay, For: pause})
	begin := time.Now()
	want(t, f, http.MethodGet, "/", "", "", 200)
	if took := time.Since(begin); took < pause {
		t.Errorf("answered after %v, want %v at the least", took, pause)
	}
	restore()

	hit := make(chan struct{}, 1)
	restore = f.Fail(Fault{Kind: Delay, Hit: func(*http.Request) { hit <- struct{}{} }})
	go func() {
		<-hit
		restore()
	}()
	want(t, f, http.MethodGet, "/", "", "", 200) // continues because the fault ends
}

func TestClientGivesUpDuringDelay(t *testing.T) {
	f, b := between(t)
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	hit := make(chan context.Context, 1)
	f.Fail(Fault{Kind: Delay, Hit: func(r *http.Request) {
		hit <- r.Context()
		giveUp()
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := f.Client().Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v; want %v", resp, err, context.Canceled)
	}
	<-(<-hit).Done() // the fault proxy has noticed
	f.Clear()
	if bodies, _ := b.got(); len(bodies) != 0 {
		t.Errorf("behind got %d requests, want none", len(bodies))
	}
}

func TestStatus(t *testing.T) {
	f, b := between(t)
	f.Fail(Fault{
		Kind: Status, Status: 502, Times: 2, Method: http.MethodPut, Path: regexp.MustCompile(`^/a/`),
		Header: http.Header{"retry-after": {"7"}}, Body: "later",
	})
	want(t, f, http.MethodGet, "/a/x", "", "", 200) // neither of these counts
	want(t, f, http.MethodPut, "/b", "", "x", 201)
	for range 2 {
		resp, text, err := ask(t, f, http.MethodPut, "/a/x", "", large)
		if err != nil || resp.StatusCode != 502 || resp.Header.Get("Retry-After") != "7" || text != "later" {
			t.Fatalf("%v, %q, %v", resp, text, err)
		}
	}
	want(t, f, http.MethodPut, "/a/x", "", "y", 201)
	if bodies, _ := b.got(); !slices.Equal(bodies, []string{"", "x", "y"}) {
		t.Errorf("behind got %q", bodies)
	}
	restore := f.Fail(Fault{Kind: Status})
	want(t, f, http.MethodGet, "/", "", "", 503)
	restore()
}

func TestCut(t *testing.T) {
	f, _ := between(t)
	f.Fail(Fault{Kind: Cut, Bytes: 1000, Times: 1})
	resp, text, err := ask(t, f, http.MethodGet, "/big", "", "")
	if !errors.Is(err, io.ErrUnexpectedEOF) || text != large[:1000] || resp.StatusCode != 200 || resp.ContentLength != int64(len(large)) {
		t.Errorf("%v, %d bytes, %v; want 1000 bytes and %v", resp, len(text), err, io.ErrUnexpectedEOF)
	}
	if log := f.Requests(); log[0].Sent != 1000 || log[0].Status != 200 || log[0].Fault != Cut {
		t.Errorf("log: %+v", log[0])
	}
	if got := want(t, f, http.MethodGet, "/big", "", "", 200); got != large {
		t.Errorf("afterwards %d bytes came, want %d", len(got), len(large))
	}
	f.Fail(Fault{Kind: Cut, Bytes: int64(len(large))})
	if got := want(t, f, http.MethodGet, "/big", "", "", 200); got != large {
		t.Errorf("of a body that is not longer %d bytes came, want %d", len(got), len(large))
	}
	f.Fail(Fault{Kind: Cut})
	if _, text, err := ask(t, f, http.MethodGet, "/big", "", ""); !errors.Is(err, io.ErrUnexpectedEOF) || text != "" {
		t.Errorf("after 0 bytes: %d bytes, %v; want %v", len(text), err, io.ErrUnexpectedEOF)
	}
}

func TestCutRequest(t *testing.T) {
	f, b := between(t)
	f.Fail(Fault{Kind: CutRequest, Bytes: 500_000, Times: 1})
	want(t, f, http.MethodGet, "/", "", "", 200) // has no body, and does not count
	if _, _, err := ask(t, f, http.MethodPut, "/", "", large); !broken(err) {
		t.Errorf("cut: %v, want a broken connection", err)
	}
	want(t, f, http.MethodPut, "/", "", large, 201)
	// The server may notice the end of the first request after it answered the second.
	bodies, errs := b.got()
	for deadline := time.Now().Add(time.Minute); len(bodies) < 3 && time.Now().Before(deadline); bodies, errs = b.got() {
		time.Sleep(time.Millisecond)
	}
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		t.Fatalf("behind got bodies of %d requests, all whole", len(bodies))
	}
	if part := bodies[i]; !errors.Is(errs[i], io.ErrUnexpectedEOF) || len(part) > 500_000 || len(part) < 400_000 || !strings.HasPrefix(large, part) {
		t.Errorf("behind got %d bytes and %v, want up to 500000 and %v", len(part), errs[i], io.ErrUnexpectedEOF)
	}
	if log := f.Requests(); log[1].Status != 0 || log[1].Fault != CutRequest {
		t.Errorf("log: %+v", log[1])
	}
	f.Fail(Fault{Kind: CutRequest, Bytes: 4})
	want(t, f, http.MethodPut, "/", "", "four", 201) // is not longer
}

func TestDrop(t *testing.T) {
	f, b := between(t)
	restore := f.Fail(Fault{Kind: Drop})
	want(t, f, http.MethodPut, "/", "", large, 201)
	want(t, f, http.MethodPost, "/", "", "x", 201)
	want(t, f, http.MethodDelete, "/", "", "", 200)
	if bodies, _ := b.got(); len(bodies) != 0 {
		t.Errorf("behind got %d requests, want none", len(bodies))
	}
	want(t, f, http.MethodGet, "/", "", "", 200)
	restore()
	f.Fail(Fault{Kind: Drop, Status: 202, Body: "{}"})
	if got := want(t, f, http.MethodPut, "/", "", "x", 202); got != "{}" {
		t.Errorf("answer %q", got)
	}
	if log := f.Requests(); log[0].Received != int64(len(large)) || log[0].Fault != Drop {
		t.Errorf("log: %+v", log[0])
	}
}

func TestExpire(t *testing.T) {
	f, _ := between(t)
	f.Fail(Fault{Kind: Expire, Times: 1})
	want(t, f, http.MethodGet, "/", "", "", 200)
	resp, _, err := ask(t, f, http.MethodGet, "/", "ann", "")
	if err != nil || resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" || resp.Header.Get("X-Behind") != "" {
		t.Errorf("with credentials: %v, %v; want a 401 that asks for others", resp, err)
	}
	want(t, f, http.MethodGet, "/", "ann", "", 200)
}

func TestCustom(t *testing.T) {
	f, _ := between(t)
	f.Fail(Fault{Kind: Custom, Serve: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/other"
		next.ServeHTTP(w, r)
	}})
	if got := want(t, f, http.MethodGet, "/", "", "", 200); !strings.HasPrefix(got, "/other ") {
		t.Errorf("behind saw %q", got)
	}
}

func TestNewestFaultWins(t *testing.T) {
	f, _ := between(t)
	f.Fail(Fault{Kind: Refuse}) // would match all connections without the others
	restore := f.Fail(Fault{Kind: Status, Status: 500, Match: func(r *http.Request) bool { return r.URL.Path == "/a" }})
	f.Fail(Fault{Kind: Status, Status: 504, Path: regexp.MustCompile(`^/a$`), Times: 1})
	want(t, f, http.MethodGet, "/a", "", "", 504)
	want(t, f, http.MethodGet, "/a", "", "", 500)
	if _, _, err := ask(t, f, http.MethodGet, "/b", "", ""); !broken(err) {
		t.Errorf("what only the oldest fits: %v", err)
	}
	restore()
	if _, _, err := ask(t, f, http.MethodGet, "/a", "", ""); !broken(err) {
		t.Errorf("after mending: %v", err)
	}
	f.Clear()
	want(t, f, http.MethodGet, "/a", "", "", 200)
}

func TestFaultWithoutAKind(t *testing.T) {
	f, _ := between(t)
	for _, fault := range []Fault{{}, {Kind: 99}, {Kind: Custom}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was taken", fault)
				}
			}()
			f.Fail(fault)
		}()
	}
	if got := Kind(99).String() + Cut.String() + Kind(0).String(); got != "kind 99cutnone" {
		t.Errorf("names: %s", got)
	}
}
