package forge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// testFile is a file of a package that no other test uses.
func testFile(t *testing.T, name string) File {
	t.Helper()
	return File{labForge(t).Owner, own(strings.ReplaceAll(strings.ToLower(t.Name()), "/", "-")), "v1.0.0", name}
}

func contentOf(b []byte) vcs.Sum {
	s := sha256.Sum256(b)
	return vcs.Sum{SHA256: hex.EncodeToString(s[:]), Size: int64(len(b))}
}

func TestFiles(t *testing.T) {
	c, f := as(t, "write:package"), testFile(t, "")
	for _, size := range []int{0, 1, 3 << 20} {
		b := random(t, size)
		f.Name = fmt.Sprintf("docs-%d.tar.gz", size)
		_, err := c.Sum(t.Context(), f)
		c.want(t, err, ErrNotFound)
		must(t, c.Upload(t.Context(), f, bytes.NewReader(b), int64(size)))
		held, err := c.Sum(t.Context(), f)
		if err != nil || held != contentOf(b) {
			t.Errorf("%d bytes: holds %v, %v; want %v", size, held, err, contentOf(b))
		}
		if text, err := c.Read(t.Context(), f, int64(size)); err != nil || !bytes.Equal(text, b) {
			t.Errorf("%d bytes: read %d, %v", size, len(text), err)
		}
		c.want(t, c.Upload(t.Context(), f, bytes.NewReader(b), int64(size)), ErrExists)
	}
	_, err := c.Read(t.Context(), f, 0)
	c.want(t, err, ErrRejected, "more than 0 bytes")
}

func TestNamesAreNotPaths(t *testing.T) {
	c := as(t, "write:package")
	requests := len(labForge(t).Proxy().Requests())
	for _, f := range []File{{"..", "p", "v", "f"}, {"o", "../p", "v", "f"}, {"o", "p", "", "f"}, {"o", "p", ".", "f"}, {"o", "p", "v", "a/b"}} {
		_, err := c.Sum(t.Context(), f)
		c.want(t, err, ErrRejected, "without slashes")
		c.want(t, c.Upload(t.Context(), f, strings.NewReader("x"), 1), ErrRejected)
	}
	if asked := len(labForge(t).Proxy().Requests()) - requests; asked != 0 {
		t.Errorf("the forge was asked %d times", asked)
	}
	f := File{labForge(t).Owner, "name", "v1 +rc#1%2F?x=y", "a b#c%&.txt"}
	if held, err := c.store(t, f, strings.NewReader("x"), 1); err != nil || held != contentOf([]byte("x")) {
		t.Errorf("odd names: %v, %v", held, err)
	}
}

// store uploads a file and reads it back. A file that exists already, for example from an attempt whose answer was lost, is
// no error.
func (c caller) store(t *testing.T, f File, r io.ReaderAt, size int64) (vcs.Sum, error) {
	if err := c.Upload(t.Context(), f, r, size); err != nil && !errors.Is(err, ErrExists) {
		return vcs.Sum{}, err
	}
	return c.Sum(t.Context(), f)
}

func TestContentThatCannotBeRead(t *testing.T) {
	c, f := as(t, "write:package"), testFile(t, "x")
	const want = 1 << 20
	c.want(t, c.Upload(t.Context(), f, strings.NewReader("short"), want), ErrContent, "5 bytes long, expected 1048576")
	failing := readerAt{iotest.ErrReader(errors.New("disk is gone"))}
	c.want(t, c.Upload(t.Context(), f, failing, want), ErrContent, "disk is gone")
	if _, err := c.Sum(t.Context(), f); !errors.Is(err, ErrNotFound) {
		t.Errorf("something was stored: %v", err)
	}
	if len(*c.log) > 0 {
		t.Errorf("it was tried again: %v", *c.log)
	}
}

type readerAt struct{ io.Reader }

func (r readerAt) ReadAt(p []byte, _ int64) (int, error) { return r.Read(p) }

// TestTemporaryFaults has each kind of fault twice during an upload, and then while it is read back.
func TestTemporaryFaults(t *testing.T) {
	for name, fault := range map[string]faultproxy.Fault{
		"503":         {Kind: faultproxy.Status},
		"502 page":    {Kind: faultproxy.Status, Status: 502, Body: "<html>bad gateway</html>"},
		"429":         {Kind: faultproxy.Status, Status: 429, Header: map[string][]string{"Retry-After": {"0"}}},
		"refused":     {Kind: faultproxy.Refuse},
		"cut request": {Kind: faultproxy.CutRequest, Bytes: 50_000, Method: "PUT"},
		"cut answer":  {Kind: faultproxy.Cut, Bytes: 50_000, Method: "GET"},
	} {
		t.Run(name, func(t *testing.T) {
			c, f, b := as(t, "write:package"), testFile(t, "x"), random(t, 300_000)
			fault.Times, fault.Path = 2, regexp.MustCompile("^/api/packages/")
			if fault.Kind == faultproxy.Cut {
				must(t, c.Upload(t.Context(), f, bytes.NewReader(b), int64(len(b))))
			}
			defer labForge(t).Proxy().Fail(fault)()
			held, err := c.store(t, f, bytes.NewReader(b), int64(len(b)))
			if err != nil || held != contentOf(b) {
				t.Errorf("%v, %v", held, err)
			}
			if fault.Kind != faultproxy.Refuse && len(*c.log) != 2 { // Go's client retries by itself if a used connection breaks
				t.Errorf("log %q, want 2 attempts", *c.log)
			}
			c.secret(t, nil)
		})
	}
}

// TestLostAnswer has uploads that arrive and answers that do not: the next attempt finds the file.
func TestLostAnswer(t *testing.T) {
	c, f, b := as(t, "write:package"), testFile(t, "x"), random(t, 1000)
	lost := faultproxy.Fault{Kind: faultproxy.Custom, Method: "PUT", Times: 1, Serve: serveAndBreak}
	defer labForge(t).Proxy().Fail(lost)()
	c.want(t, c.Upload(t.Context(), f, bytes.NewReader(b), 1000), ErrExists)
	f.Name = "y"
	defer labForge(t).Proxy().Fail(lost)()
	if held, err := c.store(t, f, bytes.NewReader(b), 1000); err != nil || held != contentOf(b) || len(*c.log) != 2 {
		t.Errorf("%v, %v; log %q", held, err, *c.log)
	}
}

func TestFaultsThatStay(t *testing.T) {
	f, b := testFile(t, "x"), random(t, 300_000)
	for name, fault := range map[string]struct {
		faultproxy.Fault
		kind error
		says string
	}{
		"503":            {faultproxy.Fault{Kind: faultproxy.Status, Body: "maintenance"}, ErrFaulty, "503 Service Unavailable (maintenance)"},
		"refused":        {faultproxy.Fault{Kind: faultproxy.Refuse}, ErrUnreachable, "connection"},
		"cut":            {faultproxy.Fault{Kind: faultproxy.CutRequest, Bytes: 10_000}, ErrUnreachable, ""},
		"dropped":        {faultproxy.Fault{Kind: faultproxy.Drop}, ErrNotFound, "cannot find it"},
		"expired":        {faultproxy.Fault{Kind: faultproxy.Expire}, ErrDenied, "Missing: valid token"},
		"redirected":     {faultproxy.Fault{Kind: faultproxy.Status, Status: 302, Method: "PUT", Header: map[string][]string{"Location": {"http://u:p@elsewhere.example/login?token=x"}}}, ErrRejected, "redirects to http://elsewhere.example/login"},
		"other success":  {faultproxy.Fault{Kind: faultproxy.Status, Status: 200, Method: "PUT", Body: "<html>"}, ErrRejected, "200 OK"},
		"long pause":     {faultproxy.Fault{Kind: faultproxy.Status, Header: map[string][]string{"Retry-After": {"3600"}}}, ErrFaulty, "requests a wait of 1h0m0s"},
		"too large":      {faultproxy.Fault{Kind: faultproxy.Status, Status: 413, Method: "PUT"}, ErrRejected, "quota"},
		"quota":          {faultproxy.Fault{Kind: faultproxy.Status, Status: 403, Method: "PUT", Body: "maximum allowed package type size exceeded: quota"}, ErrRejected, "refuses more content"},
		"not for us":     {faultproxy.Fault{Kind: faultproxy.Status, Status: 404, Method: "PUT"}, ErrNotFound, ""},
		"not a download": {faultproxy.Fault{Kind: faultproxy.Status, Status: 400}, ErrRejected, "400"},
	} {
		t.Run(name, func(t *testing.T) {
			c := as(t, "write:package")
			defer labForge(t).Proxy().Fail(fault.Fault)()
			_, err := c.store(t, f, bytes.NewReader(b), int64(len(b)))
			c.want(t, err, fault.kind, fault.says)
		})
	}
	if _, err := as(t, "write:package").Sum(t.Context(), f); !errors.Is(err, ErrNotFound) {
		t.Errorf("something was stored: %v", err)
	}
}

func TestTruncatedDownload(t *testing.T) {
	c, f, b := as(t, "write:package"), testFile(t, "x"), random(t, 300_000)
	must(t, c.Upload(t.Context(), f, bytes.NewReader(b), int64(len(b))))
	defer labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Cut, Bytes: 299_999})()
	_, err := c.Sum(t.Context(), f)
	c.want(t, err, ErrUnreachable, "broke the connection")
	if text, err := c.Read(t.Context(), f, 1<<20); text != nil || !errors.Is(err, ErrUnreachable) {
		t.Errorf("read %d bytes, %v", len(text), err)
	}
}

func TestCancelled(t *testing.T) {
	c, f := as(t, "write:package"), testFile(t, "x")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Delay, Hit: func(*http.Request) { cancel() }})()
	err := c.Upload(ctx, f, strings.NewReader("x"), 1)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "upload "+f.String()) {
		t.Errorf("error %v", err)
	}
	c.secret(t, err)
}

// TestCancelledBetweenAttempts ends the wait for the next attempt.
func TestCancelledBetweenAttempts(t *testing.T) {
	c, f := as(t, "write:package"), testFile(t, "x")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.caller.Retry = Retry{First: 1 << 62, Max: 1 << 62}
	c.caller.Log = func(string) { cancel() }
	defer labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Status})()
	if _, err := c.Sum(ctx, f); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestStalled(t *testing.T) {
	c, f := as(t, "write:package"), testFile(t, "x")
	c.http.Transport, c.caller.Retry.Attempts = httpx.NoStall(labForge(t).Proxy().Client().Transport, 1), 2
	defer labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Delay})()
	_, err := c.Sum(t.Context(), f)
	c.want(t, err, ErrUnreachable, "does not answer in time (no data for 1ns)")
	if len(*c.log) != 1 {
		t.Errorf("log %q, want a second attempt", *c.log)
	}
}

// TestRefusedUploadIsNotSent has the forge answer before the content is sent.
func TestRefusedUploadIsNotSent(t *testing.T) {
	f, b := testFile(t, "x"), random(t, 20<<20)
	c, err := New(Options{URL: labForge(t).URL(), Token: func(context.Context) (string, error) { return "no-such-token", nil }})
	must(t, err)
	labForge(t).Proxy().Forget()
	err = c.Upload(t.Context(), f, bytes.NewReader(b), int64(len(b)))
	if !errors.Is(err, ErrDenied) {
		t.Errorf("error %v", err)
	}
	for _, r := range labForge(t).Proxy().Requests() {
		if r.Received > 0 {
			t.Errorf("%s %s: %d bytes were sent", r.Method, r.Path, r.Received)
		}
	}
}
