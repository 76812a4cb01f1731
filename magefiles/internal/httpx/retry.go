package httpx

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Retry bounds the attempts at a request that may succeed without any action: the server answers 408, 429, 500, 502, 503 or 504, or the connection
// breaks. A denial, a wrong name and a refused certificate are never retried. Each of our requests can be repeated.
type Retry struct {
	Attempts int           // in total; 0 is 4, 1 is no retry
	First    time.Duration // before the second attempt, doubled with each more; 0 is 500 ms
	Max      time.Duration // the longest pause, even if a server asks for a longer one (Retry-After); 0 is 30 s

	final []error // kinds of failures without a retry
}

// Except returns r without retries after failures of some kinds.
func (r Retry) Except(kinds ...error) Retry {
	r.final = kinds
	return r
}

// Times is the number of attempts in total.
func (r Retry) Times() int { return cmp.Or(max(r.Attempts, 0), 4) }

func (r Retry) longest() time.Duration { return cmp.Or(max(r.Max, 0), 30*time.Second) }

// Pause is the wait after a number of failed attempts, at least one.
func (r Retry) Pause(failures int) time.Duration {
	return Backoff(cmp.Or(max(r.First, 0), 500*time.Millisecond), failures-1, r.longest())
}

// again reports whether to make another attempt after n failed ones.
func (r Retry) again(f Failure, n int) bool {
	is := func(kind error) bool { return errors.Is(f.Kind, kind) }
	return f.Temporary && n < r.Times() && f.Wait <= r.longest() && !slices.ContainsFunc(r.final, is)
}

// Backoff doubles a pause a number of times, up to most.
func Backoff(first time.Duration, doublings int, most time.Duration) time.Duration {
	for ; doublings > 0 && first < most; doublings-- {
		first *= 2
	}
	return min(first, most)
}

// RetryAfter is how long an answer asks to wait, in either form of the header (RFC 9110, section 10.2.3); 0 if it does not ask.
func RetryAfter(resp *http.Response, now time.Time) time.Duration {
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
