//go:build unix

package engine

import (
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// When a runner disappears while the Dagger CLI waits for it, the wait ends.
func TestARunnerThatGoes(t *testing.T) {
	t.Setenv("BLUMEOPS_TEST_ROLE", "waits deaf")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	said, first := "", sync.OnceFunc(func() { l.Close() })
	env := map[string]string{runnerVariable: "tcp://" + l.Addr().String()}
	opts := Options{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Log:       func(line string) { said += line; first() },
	}
	c, err := startCLI(self, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err = c.connect(ctx, opts, time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(said, "still waiting for Dagger at tcp://") {
		t.Errorf("got %v, said %q", err, said)
	}
}
