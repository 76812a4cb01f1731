//go:build unix

package engine_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestASessionOfTheDaggerCLI(t *testing.T) {
	h := holds(t)
	opts, _ := daggerOptions(t, "answers", nil)
	s, err := engine.Connect(within(t), opts)
	must(t, err)
	if got, err := s.Client.DefaultPlatform(t.Context()); err != nil || got != "linux/s390x" {
		t.Errorf("got %q, %v", got, err)
	}
	must(t, s.Close())
	h.ends(t)
}

// No process of a session outlives it: neither the CLI, which may ignore signals and the end of its input, nor the processes that the CLI
// started.
func TestNothingOfASessionGoesOn(t *testing.T) {
	testenv.Slow(t, "kills programs")
	t.Run("closed", func(t *testing.T) {
		h := holds(t)
		opts, said := daggerOptions(t, "answers deaf", nil)
		s, err := engine.Connect(within(t), opts)
		must(t, err)
		must(t, s.Close())
		h.ends(t)
		if !strings.Contains(said.String(), "killed") {
			t.Errorf("it does not report that the CLI was killed: %s", said)
		}
	})
	t.Run("interrupted while it starts", func(t *testing.T) {
		h := holds(t)
		opts, _ := daggerOptions(t, "waits deaf", nil)
		ctx, cancel := context.WithCancel(within(t))
		go func() { <-h.runs; cancel() }()
		if _, err := engine.Connect(ctx, opts); ctx.Err() == nil {
			t.Errorf("it ended by itself: %v", err)
		}
		h.ends(t)
	})
	t.Run("failed", func(t *testing.T) {
		h := holds(t)
		opts, _ := daggerOptions(t, "fails", nil)
		_, err := engine.Connect(within(t), opts)
		plain(t, err, "it is not my day")
		h.ends(t)
	})
	t.Run("fallen back from", func(t *testing.T) {
		h := holds(t)
		opts, said := daggerOptions(t, "fails", map[string]string{"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "ssh://nowhere.invalid"})
		opts.Choice = engine.Auto
		t.Setenv("PATH", os.Getenv("PATH")) // and as it was after the test
		say, empty := opts.Log, t.TempDir()
		opts.Log = func(line string) {
			if say(line); strings.HasPrefix(line, "engine: embedded") {
				must(t, os.Setenv("PATH", empty)) // no go command, which would build it
			}
		}
		if s, err := engine.Connect(within(t), opts); err == nil {
			s.Close()
		}
		h.ends(t)
		if all := said.String(); !strings.Contains(all, "engine: embedded") || !strings.Contains(all, "it is not my day") {
			t.Errorf("it does not report the fallback and its reason: %s", all)
		}
	})
	t.Run("engine lost", func(t *testing.T) {
		h := holds(t)
		opts, _ := daggerOptions(t, "lost deaf", nil)
		s, err := engine.Connect(within(t), opts)
		must(t, err)
		if _, err := s.Client.DefaultPlatform(within(t)); err == nil {
			t.Error("no error")
		}
		must(t, s.Close())
		h.ends(t)
	})
	for name, role := range map[string]string{"target killed": "answers deaf alone", "target killed while it starts": "waits deaf alone"} {
		t.Run(name, func(t *testing.T) {
			h := holds(t)
			opts, _ := daggerOptions(t, role, nil)
			self, _ := opts.LookupEnv("_EXPERIMENTAL_DAGGER_CLI_BIN")
			target := exec.CommandContext(within(t), self)
			target.Env = append(os.Environ(), roleVariable+"=target", roleVariable+"_CLI="+role, "_EXPERIMENTAL_DAGGER_CLI_BIN="+self)
			must(t, target.Start())
			<-h.runs
			must(t, target.Process.Kill())
			_ = target.Wait() // it was killed
			h.ends(t)
		})
	}
}

// The error of a lost connection names the engine and the remedy, for each way to lose it.
func TestALostConnection(t *testing.T) {
	for role, want := range map[string]string{"lost": "connection refused", "dies": "EOF", "half": "unexpected EOF"} {
		t.Run(role, func(t *testing.T) {
			opts, _ := daggerOptions(t, role, map[string]string{"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "ssh://engine.example"})
			s, err := engine.Connect(within(t), opts)
			must(t, err)
			defer s.Close()
			_, err = s.Client.DefaultPlatform(within(t))
			plain(t, err, "connection to Dagger's engine at ssh://engine.example", "was lost", want)
			if strings.Contains(err.Error(), "502") || strings.Contains(err.Error(), "Post") {
				t.Errorf("error %q", err)
			}
		})
	}
}

// A caller that cancels gets the error of the context, not that of a lost connection.
func TestACallThatIsGivenUp(t *testing.T) {
	opts, _ := daggerOptions(t, "answers", nil)
	s, err := engine.Connect(within(t), opts)
	must(t, err)
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Client.DefaultPlatform(ctx); err == nil || strings.Contains(err.Error(), "lost") {
		t.Errorf("error %v", err)
	}
}
