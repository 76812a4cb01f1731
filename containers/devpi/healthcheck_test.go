package devpi_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
)

// TestHealthcheck runs the check against a healthy server, an unhealthy one, and none.
func TestHealthcheck(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is missing: apt-get install python3")
		}
		t.Skip("python3 is missing: apt-get install python3")
	}
	var well atomic.Bool
	well.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/+api" || !well.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	check := func() error {
		cmd := exec.Command(python, "healthcheck.py")
		cmd.Env = []string{"DEVPI_LISTEN_PORT=" + port, "http_proxy=http://127.0.0.1:9"}
		return cmd.Run()
	}
	if err := check(); err != nil {
		t.Errorf("a server that is well: %v", err)
	}
	well.Store(false)
	if check() == nil {
		t.Error("a server that answers 500 must be unhealthy")
	}
	server.Close()
	if check() == nil {
		t.Error("no server must be unhealthy")
	}
}
