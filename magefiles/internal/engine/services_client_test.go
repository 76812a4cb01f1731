package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// web is a web server that is a service.
const web = `package main

import ("fmt"; "net/http"; "os"; "time")

func main() {
	changed := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Last-Modified", changed.Format(http.TimeFormat))
		fmt.Fprint(w, os.Args[1], " for ", r.Host, " ", r.Header.Get("Authorization"))
	})
	http.HandleFunc("/rights", func(w http.ResponseWriter, _ *http.Request) {
		status, err := os.ReadFile("/proc/self/status")
		fmt.Fprint(w, string(status), err)
	})
	http.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/file", http.StatusFound) })
	panic(http.ListenAndServe(":8080", nil))
}
`

// The names of services are also names for http, while they run; experimentalServiceHost starts one. Two sessions never share such a download.
func TestADownloadFromAService(t *testing.T) {
	c, ct, _ := servingFrom(t, program(t, web))
	ctx := t.Context()
	text := nonce()
	s := serve(ct, text)
	host, err := s.Hostname(ctx)
	must(t, err)
	at := "http://" + host + ":8080/"
	if _, err := c.HTTP(at + "file").Contents(ctx); err == nil || !strings.Contains(err.Error(), host) {
		t.Errorf("before its start: got %v", err)
	}
	f := c.HTTP(at+"moved", dagger.HTTPOpts{ExperimentalServiceHost: s, Permissions: 0o640, AuthHeader: c.SetSecret("token", "Bearer 123")})
	got, err := f.Contents(ctx)
	must(t, err)
	want := text + " for " + host + ":8080 Bearer 123"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if name, err := f.Name(ctx); err != nil || name != "moved" {
		t.Errorf("the name is %q: %v", name, err)
	}
	stat, err := f.Stat().Permissions(ctx)
	must(t, err)
	if stat != 0o640 {
		t.Errorf("the permissions are %o", stat)
	}

	// Another service may have the same name.
	other, name := serve(ct, "other").WithHostname("same-"+text), "http://same-"+text+":8080/file"
	_, err = other.Start(ctx)
	must(t, err)
	for _, one := range []string{"first", "second"} {
		named := serve(ct, one).WithHostname("same-" + text)
		got, err := c.HTTP(name, dagger.HTTPOpts{ExperimentalServiceHost: named}).Contents(ctx)
		must(t, err)
		if !strings.HasPrefix(got, one+" ") {
			t.Errorf("got %q from the service %s", got, one)
		}
	}

	endpoint, err := s.Endpoint(ctx, dagger.ServiceEndpointOpts{Scheme: "http"})
	must(t, err)
	plain := text + " for " + host + ":8080 "
	got, err = c.HTTP(endpoint + "/file").Contents(ctx)
	must(t, err)
	if got != plain {
		t.Errorf("got %q, want %q", got, plain)
	}
	sum := sha256.Sum256([]byte(plain))
	right, wrong := "sha256:"+hex.EncodeToString(sum[:]), "sha256:"+strings.Repeat("0", 64)
	_, err = c.HTTP(endpoint+"/file", dagger.HTTPOpts{Checksum: right}).Sync(ctx)
	must(t, err)
	_, err = c.HTTP(endpoint+"/file", dagger.HTTPOpts{Checksum: wrong}).Sync(ctx)
	testenv.WantError(t, err, "http checksum mismatch: expected "+wrong+", got "+right)
	_, err = c.HTTP(endpoint + "/missing").Sync(ctx)
	testenv.WantError(t, err, "invalid response status 404 Not Found")
}

func TestARepositoryOfAService(t *testing.T) {
	c, _, _ := serving(t)
	ctx := t.Context()
	root := t.TempDir()
	work := newRepository(t, root, "x")
	at, err := url.Parse(gitServer(t, root, "").URL)
	must(t, err)
	port, err := strconv.Atoi(at.Port())
	must(t, err)
	s := c.Host().Service([]dagger.PortForward{{Frontend: 8080, Backend: port, Protocol: dagger.NetworkProtocolTcp}}).WithHostname("forge-" + nonce())
	host, err := s.Hostname(ctx)
	must(t, err)
	address := "http://" + host + ":8080/x.git"
	r := c.Git(address, dagger.GitOpts{ExperimentalServiceHost: s})
	commit, err := r.Branch("main").Commit(ctx)
	must(t, err)
	if want := run(t, work, "rev-parse", "HEAD"); commit != want {
		t.Errorf("the commit is %s, want %s", commit, want)
	}
	if got, err := r.URL(ctx); err != nil || got != address {
		t.Errorf("the URL is %q: %v", got, err)
	}
	out := t.TempDir()
	_, err = r.Branch("main").Tree().Export(ctx, out)
	must(t, err)
	if got := run(t, out, "status", "--porcelain"); got != "" {
		t.Errorf("git says that the tree differs: %s", got)
	}
	// Its name is known to later calls.
	if _, err := c.Git(address).Head().Tree(dagger.GitRefTreeOpts{Depth: -1}).Sync(ctx); err != nil {
		t.Error(err)
	}
}
