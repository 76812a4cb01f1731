// Package step has the parts that all use cases share: a list of named steps and its run, the states of results, notes for the user.
package step

import (
	"context"
	"errors"
	"fmt"
)

// Step is a part of a use case. Its name is the progress line, and the prefix of its error.
type Step struct {
	Name string
	Run  func(context.Context) error
}

// Watch is called when a step begins, and returns a function for its end. nil watches nothing.
type Watch func(step string) (end func(error))

// Prefixed has a prefix before the name of each step.
func (w Watch) Prefixed(prefix string) Watch {
	if w == nil {
		return nil
	}
	return func(step string) func(error) { return w(prefix + step) }
}

// ErrDone ends a use case early with success.
var ErrDone = errors.New("nothing left to do")

// Run runs the steps one after another.
func Run(ctx context.Context, watch Watch, steps []Step) error {
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: %w", step.Name, context.Cause(ctx))
		}
		end := func(error) {}
		if watch != nil {
			end = watch(step.Name)
		}
		err := step.Run(ctx)
		if errors.Is(err, ErrDone) {
			end(nil)
			return nil
		}
		end(err)
		if err != nil {
			return fmt.Errorf("%s: %w", step.Name, err)
		}
	}
	return nil
}

// Say calls a function, if there is one.
func Say(to func(string), sentence string) {
	if to != nil {
		to(sentence)
	}
}
