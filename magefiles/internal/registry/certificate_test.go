package registry

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	theirs "github.com/google/go-containerregistry/pkg/registry"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

// A certificate for another name and an expired one are not reported as an unknown authority.
func TestRefusedCertificates(t *testing.T) {
	for _, c := range []struct {
		fault trusttest.Fault
		want  []string
	}{
		{trusttest.OtherName, []string{"it is not for host 127.0.0.1 but for other.example", "another authority does not help"}},
		{trusttest.Expired, []string{"expired", "renew the certificate"}},
	} {
		s, file := trusttest.Server(t, c.fault, theirs.New())
		o := fast()
		o.CAFile = file
		_, _, err := New(o).Look(t.Context(), refAt(strings.TrimPrefix(s.URL, "https://"), "v1"))
		wantError(t, err, ErrUntrusted, c.want...)
		if strings.Contains(err.Error(), "BLUMEOPS_CA_FILE") {
			t.Errorf("it advises to name an authority: %v", err)
		}
	}
}

// Each name of loopback is reached over plain HTTP, with any authorities set.
func TestPlainLoopbackWithAuthorities(t *testing.T) {
	_, file := trusttest.Server(t, trusttest.None, theirs.New())
	s := httptest.NewServer(theirs.New(theirs.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	_, at, _ := strings.Cut(s.URL, "127.0.0.1")
	for _, host := range []string{"127.0.0.1", "127.8.9.1", "localhost", "[::1]"} {
		o := fast()
		o.CAFile = file
		if _, err := dialTo(o, "127.0.0.1"+at).Push(t.Context(), refAt(host+at, "v1"), assembled(t, metadata(), simple(amd64, "a"))); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}
