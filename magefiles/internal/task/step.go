// Package task holds the use cases of the targets, each a list of named steps over small
// interfaces that this package declares. It does not import Dagger, registries or git;
// package app supplies the adapters.
package task

import (
	"context"
	"errors"
	"fmt"
)

// Step is a part of a task. Its name is the progress line, and the prefix of its error.
type Step struct {
	Name string
	Run  func(context.Context) error
}

// Watch is called when a step begins, and returns a function for its end. nil watches nothing.
type Watch func(step string) (end func(error))

// prefixed has a prefix before the name of each step.
func (w Watch) prefixed(prefix string) Watch {
	if w == nil {
		return nil
	}
	return func(step string) func(error) { return w(prefix + step) }
}

// errDone ends a task early with success.
var errDone = errors.New("nothing left to do")

// run runs the steps one after another.
func run(ctx context.Context, watch Watch, steps []Step) error {
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: %w", step.Name, context.Cause(ctx))
		}
		end := func(error) {}
		if watch != nil {
			end = watch(step.Name)
		}
		err := step.Run(ctx)
		if errors.Is(err, errDone) {
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

// say calls a function, if there is one.
func say(to func(string), sentence string) {
	if to != nil {
		to(sentence)
	}
}
