package forge

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

// Each reason for refusing the certificate has its own message.
func TestRefusedCertificates(t *testing.T) {
	for _, x := range []struct {
		fault   trusttest.Fault
		trusted bool
		says    string
	}{
		{trusttest.None, false, "its authority is not known here"},
		{trusttest.OtherName, true, "it is not for host 127.0.0.1 but for other.example"},
		{trusttest.Expired, true, "expired"},
	} {
		server, file := trusttest.Server(t, x.fault, http.NotFoundHandler())
		if !x.trusted {
			file = ""
		}
		transport, err := trust.Transport(file)
		if err != nil {
			t.Fatal(err)
		}
		client, err := New(Options{URL: server.URL, HTTP: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Tag(t.Context(), Repository{"eblume", "blumeops"}, "v1.0.0")
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%v; want it to say %q", err, x.says)
		}
	}
}
