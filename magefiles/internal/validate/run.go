package validate

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options are those of a run.
type Options struct {
	Site Site
	// Changed are the files to which the checks that can be narrowed are narrowed; nil is all files.
	Changed []string
}

// Report is what a run found.
type Report struct {
	Findings []Finding     `json:"findings"`
	Failures []Failure     `json:"failures"` // checks that could not do their work
	Checks   []string      `json:"checks"`   // that were run
	Files    int           `json:"files"`    // in the tree
	Took     time.Duration `json:"-"`
}

// A Failure is a check that could not do its work, wholly or in part. What it had found until then stands among the findings.
type Failure struct {
	Check string `json:"check"`
	Error string `json:"error"`
	// Stack is where it panicked.
	Stack string `json:"stack,omitempty"`
}

// Run runs the checks side by side. The report lists findings by place. An error is only that of ctx.
func Run(ctx context.Context, tree *Tree, checks []Check, o Options) (*Report, error) {
	began := time.Now()
	report := &Report{Files: len(tree.files), Findings: []Finding{}, Failures: []Failure{}}
	var narrow map[string]bool
	if o.Changed != nil {
		narrow = make(map[string]bool, len(o.Changed))
		for _, name := range o.Changed {
			narrow[name] = true
		}
	}
	found := &collector{kinds: map[kind]*bucket{}}
	var lock sync.Mutex
	var group errgroup.Group
	group.SetLimit(max(2, parallel)) // each looks at files side by side itself, and what one has in memory is gone before the next begins
	for _, check := range checks {
		report.Checks = append(report.Checks, check.Name)
		in := &Input{Tree: tree, Site: o.Site, report: func(f Finding) { found.add(check.complete(f)) }}
		if check.Narrow && narrow != nil {
			in.Tree = tree.narrowed(narrow)
		}
		group.Go(func() error {
			if failure := check.try(ctx, in); failure != nil {
				lock.Lock()
				defer lock.Unlock()
				report.Failures = append(report.Failures, *failure)
			}
			return nil
		})
	}
	_ = group.Wait() // none returns one
	report.Findings = found.findings()
	slices.SortFunc(report.Failures, func(a, b Failure) int { return strings.Compare(a.Check, b.Check) })
	report.Took = time.Since(began)
	return report, context.Cause(ctx)
}

// complete fills in what a check leaves out.
func (c Check) complete(f Finding) Finding {
	f.Check = c.Name
	for _, rule := range c.Rules {
		if rule.ID == f.Rule && f.Do == "" {
			f.Do = rule.Do
		}
	}
	return f
}

// try runs a check so that it harms no other.
func (c Check) try(ctx context.Context, in *Input) (failure *Failure) {
	defer func() {
		if r := recover(); r != nil {
			failure = &Failure{Check: c.Name, Error: fmt.Sprintf("panic: %v", r), Stack: string(debug.Stack())}
		}
	}()
	if err := c.Run(ctx, in); err != nil {
		return &Failure{Check: c.Name, Error: err.Error()}
	}
	return nil
}

// Each calls do for every item, on all cores. It is how a check looks at many files: a panic of one item is an error that names it, and
// the others go on. The errors are joined.
func Each[T any](ctx context.Context, items []T, do func(T) error) error {
	var (
		lock   sync.Mutex
		failed []error
		group  errgroup.Group
	)
	group.SetLimit(parallel)
	for _, item := range items {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := safely(item, do); err != nil {
				lock.Lock()
				defer lock.Unlock()
				failed = append(failed, err)
			}
			return nil
		})
	}
	_ = group.Wait() // none returns one
	slices.SortFunc(failed, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(append(failed, ctx.Err())...)
}

func safely[T any](item T, do func(T) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v: panic: %v\n%s", item, r, debug.Stack())
		}
	}()
	return do(item)
}
