package argo

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

// Each reason for refusing the certificate has its own message and its own advice.
func TestRefusedCertificates(t *testing.T) {
	token := func(context.Context) (string, error) { return "secret-token", nil }
	for _, c := range []struct {
		fault   trusttest.Fault
		trusted bool
		says    string
		hint    string
	}{
		{trusttest.None, false, "its authority is not known here", "BLUMEOPS_CA_FILE"},
		{trusttest.OtherName, true, "it is not for host 127.0.0.1 but for other.example", "another authority does not help"},
		{trusttest.Expired, true, "expired", "renew the certificate"},
	} {
		server, file := trusttest.Server(t, c.fault, http.NotFoundHandler())
		if !c.trusted {
			file = ""
		}
		transport, err := trust.Transport(file)
		must(t, err)
		client := &Client{BaseURL: server.URL, Token: token, HTTP: &http.Client{Transport: transport}}
		_, err = client.read(t.Context(), "docs")
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), c.says) || !strings.Contains(e.Hint(), c.hint) {
			t.Errorf("%v", err)
		}
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	client := &Client{BaseURL: strings.Replace(plain.URL, "http", "https", 1), Token: token}
	if _, err := client.read(t.Context(), "docs"); err == nil || !strings.Contains(err.Error(), "does not use TLS") {
		t.Errorf("plain HTTP: %v", err)
	}
}
