package argo

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// The state of an Application is told with its name, deployed or not.
func TestApplicationState(t *testing.T) {
	text, err := os.ReadFile("testdata/deployed.json")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }))
	t.Cleanup(server.Close)
	d := Application{Name: "app12", Client: &Client{
		BaseURL: server.URL, HTTP: server.Client(), Retry: Retry{Attempts: 1}, Token: func(context.Context) (string, error) { return "token", nil },
	}}
	never := func(context.Context, string) (bool, error) { return false, nil }
	is, why, err := d.State(t.Context(), strings.Repeat("a", 40), never) // which the answer has
	if err != nil || !is || !strings.HasPrefix(why, "Argo CD reports for app12: ") {
		t.Errorf("%t, %q, %v", is, why, err)
	}
	if is, why, err = d.State(t.Context(), strings.Repeat("b", 40), never); err != nil || is || !strings.HasPrefix(why, "Argo CD reports for app12: ") {
		t.Errorf("another commit: %t, %q, %v", is, why, err)
	}
	d.Name = "other"
	if _, _, err := d.State(t.Context(), strings.Repeat("a", 40), never); err == nil {
		t.Error("an answer about another Application is taken")
	}
}
