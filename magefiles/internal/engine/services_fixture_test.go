package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

func (s *services) add(e engine.Event) {
	if strings.HasPrefix(e.Step, "service ") {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}
}

// named returns the names of the services with an event of that state.
func (s *services) named(state engine.State) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.State == state {
			names = append(names, e.Name+" "+e.Err)
		}
	}
	return names
}

// logged is all output of the services, one after the other.
func (s *services) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var steps []string
	output := map[string]string{}
	for _, e := range s.events {
		if _, ok := output[e.Step]; !ok {
			steps = append(steps, e.Step)
		}
		output[e.Step] += string(e.Data)
	}
	var text strings.Builder
	for _, step := range steps {
		text.WriteString(output[step])
	}
	return text.String()
}

// serving opens a session, and returns a container with the program and the events of its services.
func serving(t *testing.T) (*dagger.Client, *dagger.Container, *services) {
	t.Helper()
	return servingFrom(t, program(t, server))
}

func servingFrom(t *testing.T, dir string) (*dagger.Client, *dagger.Container, *services) {
	t.Helper()
	opts := enginetest.Options(t, "/")
	enginetest.NeedsRuntime(t, opts)
	seen := &services{}
	opts.Events = seen.add
	c := enginetest.Connect(t, opts).Client
	return c, c.Container().WithFile("/program", c.Host().Directory(dir).File("program")), seen
}

func serve(ct *dagger.Container, args ...string) *dagger.Service {
	return ct.WithExposedPort(8080).AsService(dagger.ContainerAsServiceOpts{Args: append([]string{"/program"}, args...)})
}

func output(t *testing.T, ct *dagger.Container, args ...string) string {
	t.Helper()
	out, err := ct.WithExec(append([]string{"/program"}, args...)).Stdout(context.Background())
	must(t, err)
	return strings.TrimSpace(out)
}

func nonce() string { return fmt.Sprint(time.Now().UnixNano()) }
