//go:build unix

package engine_test

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// A builder that is a Dagger runner replaces the runner and the session of the environment. No other engine is used if it does not answer.
func TestBuilderOnDagger(t *testing.T) {
	t.Setenv(session, closed)
	opts, _ := daggerOptions(t, "answers builder", map[string]string{session: closed, runner: "tcp://127.0.0.1:" + closed})
	opts.Choice = engine.Embedded
	opts.Builder = "dagger+" + buildkit(t, "github.com/dagger/dagger")
	s, err := engine.Connect(within(t), opts)
	must(t, err)
	if got, err := s.Client.DefaultPlatform(t.Context()); err != nil || got != "linux/s390x" || s.Choice != engine.Dagger {
		t.Errorf("got %q, %v", got, err)
	}
	if reported, runs := s.Platforms("linux/s390x"); reported != nil || !runs || s.Version() != "" || s.Builds(t.Context()) != 0 {
		t.Errorf("it reports %v, %v", reported, runs)
	}
	must(t, s.Close())
	known, err := engine.LookAt(within(t), opts, "linux/s390x")
	if err != nil || !known.Runs {
		t.Errorf("got %+v, %v", known, err)
	}

	opts.Builder = "dagger+tcp://127.0.0.1:" + closed
	_, err = engine.Connect(within(t), opts)
	testenv.WantError(t, err, "no Dagger engine at tcp://127.0.0.1:"+closed, "connection refused")
	_, err = engine.LookAt(within(t), opts, "linux/s390x")
	testenv.WantError(t, err, "connection refused")
}

func TestOtherVersion(t *testing.T) {
	t.Parallel()
	testenv.WantError(t, errorOf(engine.OtherVersion("v0.0.1")), "BuildKit v0.0.1", "images may differ")
	_, own, _ := strings.Cut(engine.OtherVersion("v0.0.1"), "tested with ")
	own, _, _ = strings.Cut(own, ":")
	for _, same := range []string{"", own} {
		if note := engine.OtherVersion(same); note != "" {
			t.Errorf("%q: %s", same, note)
		}
	}
}

type errorOf string

func (e errorOf) Error() string { return string(e) }
