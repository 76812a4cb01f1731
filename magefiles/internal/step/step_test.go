package step_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
)

// A failed step ends the run, its name precedes its error, and each step that began has an end.
func TestRun(t *testing.T) {
	broken := errors.New("broken")
	does := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	for name, c := range map[string]struct {
		ctx    context.Context
		second error
		want   string // error
		seen   []string
	}{
		"all pass":  {t.Context(), nil, "", []string{"x: one", "x: two", "x: three"}},
		"one fails": {t.Context(), broken, "two: broken", []string{"x: one", "x: two broken"}},
		"early end": {t.Context(), step.ErrDone, "", []string{"x: one", "x: two"}},
		"cancelled": {ended, nil, "one: interrupted", nil},
	} {
		var seen []string
		watch := step.Watch(func(name string) func(error) {
			return func(err error) {
				if err != nil {
					name += " " + err.Error()
				}
				seen = append(seen, name)
			}
		})
		err := step.Run(c.ctx, watch.Prefixed("x: "), []step.Step{{Name: "one", Run: does(nil)}, {Name: "two", Run: does(c.second)}, {Name: "three", Run: does(nil)}})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || !slices.Equal(seen, c.seen) {
			t.Errorf("%s: %v, %q", name, err, seen)
		}
		var none step.Watch
		if again := step.Run(c.ctx, none.Prefixed("x: "), []step.Step{{Name: "two", Run: does(c.second)}}); (again == nil) != (c.want == "") {
			t.Errorf("%s, not watched: %v", name, again)
		}
	}
}
