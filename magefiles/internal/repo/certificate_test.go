package repo

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

// Each reason for refusing the remote's certificate has its own message and its own advice.
func TestRefusedCertificates(t *testing.T) {
	_, c := forge(t)
	r := c.open()
	for _, x := range []struct {
		fault   trusttest.Fault
		trusted bool
		says    []string
	}{
		{trusttest.None, false, []string{"its authority is not known here", "BLUMEOPS_CA_FILE"}},
		{trusttest.OtherName, true, []string{"127.0.0.1", "another authority does not help"}},
		{trusttest.Expired, true, []string{"expired", "renew the certificate"}},
	} {
		server, file := trusttest.Server(t, x.fault, http.NotFoundHandler())
		if !x.trusted {
			file = ""
		}
		transport, err := trust.Transport(file)
		must(t, err)
		_, err = remoteOf(t, r, RemoteOptions{URL: server.URL + "/o/r.git", Transport: transport}).Refs(t.Context())
		for _, part := range x.says {
			if !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), part) {
				t.Errorf("%v; want it to say %q", err, part)
			}
		}
	}
}
