// Package httpx is shared by the clients of servers: attempts, time-outs, bounds, credentials that stay secret, and the explanation of a failed
// request. It knows no particular server.
package httpx

import (
	"context"
	"fmt"
	"time"
)

// Caller makes the requests of one client.
type Caller struct {
	Retry   Retry
	Log     func(string)    // receives one line for each attempt that is repeated; nil is silent
	Secrets func() []string // masked in every text; nil: there are none
}

// Do makes attempts until one succeeds, or another one would not help. It returns the last error, or why ctx ended during a wait.
func (c Caller) Do(ctx context.Context, what string, attempt func(context.Context) error) error {
	for n := 1; ; n++ {
		err := attempt(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		f := c.Explain(err)
		if !c.Retry.again(f, n) {
			return err
		}
		pause := max(f.Wait, c.Retry.Pause(n))
		if c.Log != nil {
			c.Log(fmt.Sprintf("%s: attempt %d of %d failed (%s), retry in %s", what, n, c.Retry.Times(), f.Cause, pause))
		}
		if err := Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// Clean cleans text of a server for an error: one line without control characters, secrets, credentials and queries in URLs, and not too long.
func (c Caller) Clean(text string) string { return Clean(text, c.secrets()...) }

func (c Caller) secrets() []string {
	if c.Secrets == nil {
		return nil
	}
	return c.Secrets()
}

// Sleep waits, or returns why ctx ended.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
