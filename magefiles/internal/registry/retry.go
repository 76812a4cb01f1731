package registry

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// Retry bounds the attempts at a faulty registry. A registry that is down or silent is never asked again.
type Retry = httpx.Retry

func (c *Client) caller(acc *account) httpx.Caller {
	return httpx.Caller{Retry: c.opts.Retry.Except(httpx.ErrDown, httpx.ErrSlow), Log: c.opts.Log, Secrets: acc.secrets}
}

// retry runs one operation that can be repeated until it succeeds, fails permanently, or the attempts are used up. It returns the last error.
func (c *Client) retry(ctx context.Context, acc *account, what string, op func(context.Context) error) error {
	return c.caller(acc).Do(ctx, what, func(ctx context.Context) error {
		note := &pause{}
		err := op(context.WithValue(ctx, pauseKey{}, note))
		var te *transport.Error
		if errors.As(err, &te) {
			return errors.Join(&httpx.StatusError{Status: te.StatusCode, Said: diagnosis(te), Wait: note.get()}, err)
		}
		return err
	})
}

// ask is retry with the timeout of an answer.
func (c *Client) ask(ctx context.Context, acc *account, what string, op func(context.Context) error) error {
	return c.retry(ctx, acc, what, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
		defer cancel()
		return op(ctx)
	})
}

// pause is how long the registry asked to wait during one attempt. It travels in the context, because the errors of package
// remote do not keep a response's header.
type pause struct {
	mu   sync.Mutex
	wait time.Duration
}

type pauseKey struct{}

// noted stores how long an answer asks to wait.
func noteWait(ctx context.Context, resp *http.Response) {
	p, ok := ctx.Value(pauseKey{}).(*pause)
	if ok && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.wait = max(p.wait, httpx.RetryAfter(resp, time.Now()))
	}
}

func (p *pause) get() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wait
}
