package pyindex_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pyindex"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pyindex/pyindextest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

// canary is the password of the fake devpi.
const canary = "s3cret-canary"

// wheel is a wheel of a version of a project.
func wheel(t *testing.T, name, version, content string) python.Dist {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	f, err := archive.Create(fmt.Sprintf("%s-%s.dist-info/METADATA", name, version))
	if err == nil {
		_, err = fmt.Fprintf(f, "Metadata-Version: 2.1\nName: %s\nVersion: %s\nSummary: %s\nRequires-Python: >=3.8\nClassifier: A :: B\nClassifier: C :: D\nDescription-Content-Type: text/markdown\n\n# Title\n", name, version, content)
	}
	file := filepath.Join(t.TempDir(), fmt.Sprintf("%s-%s-py3-none-any.whl", name, version))
	if err := errors.Join(err, archive.Close(), os.WriteFile(file, out.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	d, err := python.ReadDist(file)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// client is a client that waits little between attempts. It returns its log, too.
func client(t *testing.T, o pyindex.Options, password string) (*pyindex.Client, *[]string) {
	t.Helper()
	log := &[]string{}
	o.Token = func(context.Context) (string, error) { return password, nil }
	o.Log = func(line string) { *log = append(*log, line) }
	o.Retry = httpx.Retry{Attempts: 3, First: time.Millisecond}
	o.HTTP = &http.Client{Transport: &http.Transport{}}
	c, err := pyindex.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, log
}

// wantStored uploads a file twice: the second time the index has it.
func wantStored(t *testing.T, c *pyindex.Client, d python.Dist) {
	t.Helper()
	if found, err := c.Files(t.Context(), d.Metadata.Name.Normalized()); err != nil || len(found) != 0 {
		t.Fatalf("at first the index has %v, %v", found, err)
	}
	if err := c.Upload(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	found, err := c.Files(t.Context(), d.Metadata.Name.Normalized())
	if err != nil || len(found) != 1 || found[0] != (python.Stored{Name: d.Name, SHA256: d.SHA256}) {
		t.Errorf("the index has %v, %v; uploaded %s %s", found, err, d.Name, d.SHA256)
	}
	if err := c.Upload(t.Context(), d); !errors.Is(err, python.ErrStored) {
		t.Errorf("uploaded again: %v", err)
	}
}

// TestForge uses the registry of a real forge, through faults.
func TestForge(t *testing.T) {
	labtest.Need(t, lab.PartForge)
	forge, err := lab.StartForge(t.Context(), lab.Home{}, lab.ForgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := forge.Close(); err != nil {
			t.Error(err)
		}
	})
	token, err := forge.Token(t.Context(), "packages", "write:package")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := forge.Token(t.Context(), "reader", "read:package")
	if err != nil {
		t.Fatal(err)
	}
	address := forge.URL() + "/api/packages/" + forge.Owner + "/pypi"
	at := pyindex.Options{Upload: address, Simple: address + "/simple/", User: forge.Owner}
	c, log := client(t, at, token)
	wantStored(t, c, wheel(t, "My.Pkg", "1.0", "one"))
	if err := c.Upload(t.Context(), wheel(t, "My.Pkg", "1.0", "two")); !errors.Is(err, python.ErrStored) {
		t.Errorf("another content: %v", err)
	}

	restore := forge.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Status, Times: 2})
	if err := c.Upload(t.Context(), wheel(t, "faults", "1.0", "")); err != nil || len(*log) != 2 {
		t.Errorf("with two failures: %v, %q", err, *log)
	}
	restore()
	restore = forge.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Cut, Method: http.MethodGet, Bytes: 20, Times: 1})
	if found, err := c.Files(t.Context(), "faults"); err != nil || len(found) != 1 {
		t.Errorf("a list that was cut: %v, %v", found, err)
	}
	restore()

	denied, _ := client(t, at, reader)
	err = denied.Upload(t.Context(), wheel(t, "denied", "1.0", ""))
	if !errors.Is(err, pyindex.ErrDenied) || strings.Contains(err.Error(), reader) {
		t.Errorf("a token without the right: %v", err)
	}
	if found, err := c.Files(t.Context(), "denied"); err != nil || len(found) != 0 {
		t.Errorf("the forge has %v, %v", found, err)
	}
}

// TestDevpi uses the fake: no devpi can be installed without an index.
func TestDevpi(t *testing.T) {
	fake := &pyindextest.Devpi{User: "me", Password: canary}
	server := httptest.NewServer(fake)
	defer server.Close()
	at := pyindex.Options{Upload: server.URL + pyindextest.Index + "/", Simple: server.URL + pyindextest.Index + "/+simple", User: "me"}
	c, _ := client(t, at, canary)
	d := wheel(t, "My.Pkg", "1.0", "one")
	wantStored(t, c, d)
	form := fake.Forms()[0]
	for name, want := range map[string]string{
		":action": "file_upload", "protocol_version": "1", "name": "My.Pkg", "version": "1.0", "filetype": "bdist_wheel", "pyversion": "py3",
		"metadata_version": "2.1", "sha256_digest": d.SHA256, "classifiers": "A :: B,C :: D", "requires_python": ">=3.8", "description": "# Title\n", "description_content_type": "text/markdown",
	} {
		if got := strings.Join(form[name], ","); got != want {
			t.Errorf("the form has %s %q, want %q", name, got, want)
		}
	}
	wrong, _ := client(t, at, "wrong-canary-1")
	if err := wrong.Upload(t.Context(), d); !errors.Is(err, pyindex.ErrDenied) || strings.Contains(err.Error(), "wrong-canary-1") || !strings.Contains(err.Error(), "the password *** is wrong") {
		t.Errorf("a wrong password: %v", err)
	}
	at.Upload = server.URL + "/me/other/"
	missing, _ := client(t, at, canary)
	if err := missing.Upload(t.Context(), d); err == nil || !strings.Contains(err.Error(), "is not a package index that accepts files") {
		t.Errorf("no index: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "host/path", "ftp://host/", "https://user:" + canary + "@host/", "https://host/?token=" + canary} {
		if c, err := pyindex.New(pyindex.Options{Upload: address, Simple: "https://host/"}); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, %v", address, c, err)
		}
	}
}

const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParseSimple(t *testing.T) {
	want := python.Stored{Name: "a-1.0.tar.gz", SHA256: sum}
	for kind, text := range map[string]string{
		"text/html; charset=utf-8":             `<!DOCTYPE html><p>x<a data-x="1" href="https://host/f/a-1.0.tar.gz?x=1#sha256=` + strings.ToUpper(sum) + `">a</A><a name="b">b</a>`,
		"application/vnd.pypi.simple.v1+html":  `<a href='a-1.0.tar.gz#sha256=` + sum + `'>`,
		"application/vnd.pypi.simple.v1+json":  `{"files":[{"filename":"a-1.0.tar.gz","hashes":{"sha256":"` + sum + `"}},{"filename":""}]}`,
		"application/vnd.pypi.simple.v1+json ": `{"files":[{"filename":"a-1.0.tar.gz","hashes":{"sha256":"` + sum + `"}}]}`,
	} {
		if found, err := pyindex.ParseSimple(kind, []byte(text)); err != nil || len(found) != 1 || found[0] != want {
			t.Errorf("%s: %v, %v", kind, found, err)
		}
	}
	if found, err := pyindex.ParseSimple("text/html", []byte(`<a href="a-1.0.tar.gz#md5=1">`)); err != nil || len(found) != 1 || found[0].SHA256 != "" {
		t.Errorf("without SHA256: %v, %v", found, err)
	}
	for kind, text := range map[string]string{"image/png": "", "application/vnd.pypi.simple.v1+json": "<html>", "": ""} {
		var answer *httpx.AnswerError
		if found, err := pyindex.ParseSimple(kind, []byte(text)); !errors.As(err, &answer) {
			t.Errorf("%s: %v, %v", kind, found, err)
		}
	}
}

// FuzzParseSimple: an answer is refused, or has files with names and hashes.
func FuzzParseSimple(f *testing.F) {
	f.Add(true, `{"files":[{"filename":"a","hashes":{"sha256":"`+sum+`"}}]}`)
	f.Add(false, `<a href="a#sha256=`+sum+`"><a href="/"><a href="%zz"><!-- <a href=x>`)
	f.Fuzz(func(t *testing.T, isJSON bool, text string) {
		kind := map[bool]string{true: "application/vnd.pypi.simple.v1+json", false: "text/html"}[isJSON]
		found, err := pyindex.ParseSimple(kind, []byte(text))
		for _, s := range found {
			if err != nil || s.Name == "" || s.SHA256 != "" && len(s.SHA256) != 64 {
				t.Errorf("%+v, %v", s, err)
			}
		}
	})
}
