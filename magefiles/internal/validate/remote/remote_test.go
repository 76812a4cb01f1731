package remote

import (
	"errors"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote/remotetest"
)

func TestHintOf(t *testing.T) {
	t.Parallel()
	wrapped := errors.Join(errors.New("first"), remotetest.HintedError{Text: "second", Advice: "do\nthis."})
	for err, want := range map[error]string{
		errors.New("x"): "", remotetest.HintedError{Text: "x", Advice: "do it"}: "do it", &SilentError{After: time.Second}: "check that it runs, and check proxies and firewalls between it and this machine",
	} {
		if got := HintOf(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if got := HintOf(wrapped); got != "do; this" {
		t.Errorf("%q", got)
	}
}
