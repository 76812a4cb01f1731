package objects

import (
	"net"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

func TestTheFirstLineOfAServiceIsItsAddress(t *testing.T) {
	for _, pieces := range [][]string{{"10.0.0.2/22\nlog"}, {"10.0", ".0.2/22", "\n", "log"}, {"10.0.0.2/22\n", "l", "og"}} {
		r := &runningService{solver: &solver.Solver{}}
		f := &firstLine{found: make(chan string, 1), rest: &logWriter{r: r, stream: 1}}
		for _, p := range pieces {
			if _, err := f.Write([]byte(p)); err != nil {
				t.Error(err)
			}
		}
		if got := <-f.found; got != "10.0.0.2/22" || r.output(1) != "log" {
			t.Errorf("%q: address %q, log %q", pieces, got, r.output(1))
		}
	}
}

func TestTheEndOfALogIsKept(t *testing.T) {
	var b tailBuffer
	for range 500 {
		b.write([]byte(strings.Repeat("x", 1<<10)))
	}
	b.write([]byte("the end"))
	if n := len(b.kept); n < maxStream || n > 2*maxStream || !strings.HasSuffix(string(b.kept), "xthe end") {
		t.Errorf("kept %d bytes", n)
	}
}

func TestLoopbackAddresses(t *testing.T) {
	seen := map[string]bool{}
	for _, id := range []string{"a", "b", "c", ""} {
		at := loopback(id)
		if ip := net.ParseIP(at); ip == nil || !ip.IsLoopback() || strings.HasPrefix(at, "127.0.") || seen[at] {
			t.Errorf("%q: %s", id, at)
		}
		seen[at] = true
	}
}
