package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Retry bounds how often a transient fault is met with another attempt: the registry answers 408, 429 or 5xx, or the connection
// breaks after it stood. A denial, a wrong name or a registry that is down is never tried again.
type Retry struct {
	Attempts int           // in all; 0 means 4, 1 means no retry
	First    time.Duration // before the second attempt, doubled with each more; 0 means 0.5 s
	Max      time.Duration // the longest wait, also for a registry that names one itself (Retry-After); 0 means 30 s
}

func (r Retry) withDefaults() Retry {
	if r.Attempts <= 0 {
		r.Attempts = 4
	}
	if r.First <= 0 {
		r.First = 500 * time.Millisecond
	}
	if r.Max <= 0 {
		r.Max = 30 * time.Second
	}
	return r
}

// retry runs one idempotent operation until it succeeds, fails for good, or the attempts are used up. It returns the last error.
func (c *Client) retry(ctx context.Context, what string, op func(context.Context) error) error {
	wait := c.opts.Retry.First
	for attempt := 1; ; attempt++ {
		note := &pause{}
		err := op(context.WithValue(ctx, pauseKey{}, note))
		if err == nil || ctx.Err() != nil || !transient(err) || attempt >= c.opts.Retry.Attempts {
			return err
		}
		asked := note.get()
		if asked > c.opts.Retry.Max {
			return &patienceError{asked: asked, err: err}
		}
		delay := max(asked, min(wait, c.opts.Retry.Max))
		c.opts.Log(fmt.Sprintf("%s: attempt %d of %d failed (%s), again in %s", what, attempt, c.opts.Retry.Attempts, shortCause(err), delay))
		if err := sleep(ctx, delay); err != nil {
			return err
		}
		wait *= 2
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// patienceError is a fault for which the registry asks for a longer pause than we grant.
type patienceError struct {
	asked time.Duration
	err   error
}

// Error implements error.
func (e *patienceError) Error() string {
	return fmt.Sprintf("it asks to wait %s: %v", e.asked, e.err)
}

// Unwrap gives the fault.
func (e *patienceError) Unwrap() error { return e.err }

// transient reports whether another attempt may succeed without anybody doing anything.
func transient(err error) bool {
	var te *transport.Error
	if errors.As(err, &te) {
		switch te.StatusCode {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return false // it is down: say so at once
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}
