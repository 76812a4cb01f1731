package daemon

import (
	"io"
	"log"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	theirs "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

// The daemon trusts the given authorities at every registry, and still pulls over plain HTTP from loopback, by each of its names. Its error about
// other certificates has the reason.
func TestPullsWithAuthorities(t *testing.T) {
	opts, _ := newOptions(t)
	handler := theirs.New(theirs.Logger(log.New(io.Discard, "", 0)))
	plain := httptest.NewServer(handler)
	t.Cleanup(plain.Close)
	secure, file := trusttest.Server(t, trusttest.None, handler)
	other, _ := trusttest.Server(t, trusttest.None, handler)
	seed(t, plain.URL)
	opts.CAFile = file
	d := ensure(t, opts)
	if err := os.Remove(file); err != nil { // the daemon outlives the file of a run
		t.Fatal(err)
	}
	at := func(address string) string { return port(t, address) }
	for _, host := range []string{
		"127.0.0.1" + at(plain.URL), "localhost" + at(plain.URL), "127.0.0.1" + at(secure.URL), "localhost" + at(secure.URL),
	} {
		if _, err := solve(t.Context(), t, d, llb.Image(host+"/base:1"), t.TempDir()); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	// So do downloads.
	if _, err := solve(t.Context(), t, d, llb.HTTP(secure.URL+"/v2/base/tags/list"), t.TempDir()); err != nil {
		t.Error(err)
	}
	if _, err := solve(t.Context(), t, d, llb.HTTP(other.URL+"/v2/base/tags/list"), t.TempDir()); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("a download with an unknown authority: %v", err)
	}
	for host, want := range map[string]string{
		"127.0.0.1" + at(other.URL): "authority is not known",
		refusing(t):                 "not",
	} {
		_, err := solve(t.Context(), t, d, llb.Image(host+"/base:1"), t.TempDir())
		if err == nil {
			t.Fatalf("%s: its certificate is accepted", host)
		}
		if refused, ok := trust.Said(err.Error()); !ok || !strings.Contains(refused.Problem, want) {
			t.Errorf("%s: %v is read as %+v", host, err, refused)
		}
	}
}

// refusing is a registry whose certificate is for another host, of an unknown authority.
func refusing(t *testing.T) string {
	t.Helper()
	server, _ := trusttest.Server(t, trusttest.OtherName, theirs.New())
	return "127.0.0.1" + port(t, server.URL)
}

func port(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return ":" + u.Port()
}

// seed pushes base:1.
func seed(t *testing.T, address string) {
	t.Helper()
	ref, err := name.ParseReference(strings.TrimPrefix(address, "http://") + "/base:1")
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
}
