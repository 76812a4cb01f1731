package validate

import (
	"cmp"
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

// Options are the options of a run.
type Options struct {
	Site Site
	// Changed are the files for checks that are Narrow; nil means all files.
	Changed []string
	// Stated is for Tree.Stated, for callers that make trees.
	Stated map[string]bool
	// Fix asks for the fixes of findings.
	Fix bool
	// Limit is the maximum number of findings of one rule in one file; 0 means MaxFindings.
	Limit int
}

// Report is the result of a run.
type Report struct {
	Findings []Finding     `json:"findings"`
	Failures []Failure     `json:"failures"` // checks that could not run
	Checks   []string      `json:"checks"`   // names of the checks that ran
	Files    int           `json:"files"`    // number of files in the tree
	Took     time.Duration `json:"-"`
	// Baseline is the file of findings that were accepted, "" if there is none. Fixed are those that no longer occur.
	Baseline string  `json:"-"`
	Fixed    []Fixed `json:"-"`
	// Advice is what checks say about their findings together.
	Advice []string `json:"-"`
}

// Fixed are findings of the baseline that no longer occur.
type Fixed struct {
	Path    string `json:"path,omitempty"`
	Check   string `json:"check"`
	Rule    string `json:"rule"`
	Message string `json:"message"` // of the first of them, when the baseline was written
	Count   int    `json:"count"`
}

// New are the findings that are not in the baseline; all without one.
func (r *Report) New() []Finding {
	if r.Baseline == "" {
		return r.Findings
	}
	found := []Finding{}
	for _, f := range r.Findings {
		if f.Baseline != Unchanged {
			found = append(found, f)
		}
	}
	return found
}

// Failing are the new findings that are not warnings.
func (r *Report) Failing() []Finding {
	return slices.DeleteFunc(slices.Clone(r.New()), func(f Finding) bool { return f.Warning })
}

// Known is the number of findings that are in the baseline.
func (r *Report) Known() int {
	known := 0
	for _, f := range r.Findings {
		if f.Baseline == Unchanged {
			known += max(1, f.More)
		}
	}
	return known
}

// A Failure is a check that could not run, or not completely. Its earlier findings are kept.
type Failure struct {
	Check string `json:"check"`
	Error string `json:"error"`
	// Stack is the stack of a panic.
	Stack string `json:"stack,omitempty"`
}

// Run runs the checks in parallel. The report lists findings by place. The only error is that of ctx.
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
	found := &collector{limit: cmp.Or(o.Limit, MaxFindings), kinds: map[kind]*bucket{}}
	var lock sync.Mutex
	advice := map[string][]string{}
	var group errgroup.Group
	group.SetLimit(max(2, parallel)) // each check reads files in parallel itself; its memory is freed before the next check begins
	for _, check := range checks {
		report.Checks = append(report.Checks, check.Name)
		in := &Input{Tree: tree, Site: o.Site, Fix: o.Fix, report: func(f Finding) { found.add(check.complete(f)) }, advise: func(text string) {
			lock.Lock()
			defer lock.Unlock()
			advice[check.Name] = append(advice[check.Name], text)
		}}
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
	_ = group.Wait() // the functions return no errors
	report.Findings = tree.withoutDoubles(found.findings())
	for _, name := range report.Checks {
		if slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Check == name }) {
			report.Advice = append(report.Advice, advice[name]...)
		}
	}
	slices.SortFunc(report.Failures, func(a, b Failure) int { return strings.Compare(a.Check, b.Check) })
	report.Took = time.Since(began)
	return report, context.Cause(ctx)
}

// complete fills in the fields that a check leaves out.
func (c Check) complete(f Finding) Finding {
	f.Check = c.Name
	for _, rule := range c.Rules {
		if rule.ID == f.Rule && f.Do == "" {
			f.Do = rule.Do
		}
	}
	return f
}

// try runs a check. A panic becomes a failure.
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

// Each calls do for every item, on all cores. Checks use it to read many files. A panic of one item becomes an error with the item's name,
// and the other items continue. The errors are joined.
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
	_ = group.Wait() // the functions return no errors
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
