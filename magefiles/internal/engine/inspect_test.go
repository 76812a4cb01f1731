package engine

import (
	"strings"
	"testing"
)

func TestLook(t *testing.T) {
	t.Parallel()
	look := func(choice Choice, env map[string]string) Outlook {
		return Inspect(t.Context(), Options{
			Choice: choice, StateDir: t.TempDir(), Log: func(string) {},
			LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		})
	}
	none := "unix://" + t.TempDir() + "/none.sock"
	if got := look(Auto, map[string]string{"DAGGER_SESSION_PORT": "1"}); got.Choice != Dagger || !strings.Contains(got.Why, "DAGGER_SESSION_PORT") {
		t.Errorf("%+v", got)
	}
	if got := look(Dagger, map[string]string{"DOCKER_HOST": none}); got.Choice != Dagger || got.Start == nil || !strings.Contains(got.Start.Error(), "no Docker") {
		t.Errorf("%+v", got)
	}
	got := look(Auto, map[string]string{"BUILDKIT_HOST": none, "DOCKER_HOST": none})
	if got.Choice != Embedded || got.Start == nil || !strings.Contains(got.Start.Error(), "does not answer as a BuildKit daemon") || got.Run != nil {
		t.Errorf("%+v", got)
	}
}

// The go command builds the embedded engine.
func TestLookWithoutGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	got := Inspect(t.Context(), Options{
		Choice: Embedded, StateDir: t.TempDir(), Log: func(string) {}, LookupEnv: func(string) (string, bool) { return "", false },
	})
	if got.Choice != Embedded || got.Why != "requested" || got.Start == nil {
		t.Errorf("%+v", got)
	}
}
