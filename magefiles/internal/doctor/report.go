package doctor

import (
	"context"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote"
)

// report reports an error as a finding outside of files. The correction is the error's hint, if it has one.
func report(in *validate.Input, about, rule string, err error) {
	text := strings.TrimPrefix(err.Error(), about+": ") // most errors name their subject
	in.Report(validate.Finding{About: about, Rule: rule, Message: remote.Joined(text), Do: remote.HintOf(err)})
}

// patience is the time limit of a check of doctor; unless a host hangs, a check takes seconds.
const patience = 30 * time.Second

// bounded limits the time of a check, so that one host that hangs stops neither the other checks nor the run.
func bounded(limit time.Duration, run func(context.Context, *validate.Input) error) func(context.Context, *validate.Input) error {
	if limit <= 0 {
		limit = patience
	}
	return func(ctx context.Context, in *validate.Input) error {
		within, cancel := context.WithTimeoutCause(ctx, limit, &remote.SilentError{After: limit})
		defer cancel()
		if err := run(within, in); err != nil {
			return err
		}
		return context.Cause(ctx) // the slow operation has reported its error
	}
}
