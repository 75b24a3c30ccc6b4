package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/regreen-ci/regreen/internal/report"
)

// Policy says how a channel tries again. The zero value is what commands use.
type Policy struct {
	Tries int           // at most; 0 stands for 5
	First time.Duration // wait before the second try, which doubles from then on; 0 stands for one second
	Total time.Duration // for all tries and waits; 0 stands for two minutes
	// Sleep waits, and Random is a number from 0 to 1 that spreads the waits of many
	// clients. Nil stands for the clock and for chance.
	Sleep  func(context.Context, time.Duration) error
	Random func() float64
}

// transient is an error that may be gone at the next try.
type transient struct {
	err   error
	after time.Duration // what the server asks to wait, 0 where it does not say
}

func (t *transient) Error() string { return t.err.Error() }
func (t *transient) Unwrap() error { return t.err }

// retry sends again after transient errors. It is for channels that find out by
// themselves, or by a key that they send along, that an earlier try arrived.
func retry(c Channel, p Policy) Channel {
	tries := cmp.Or(p.Tries, 5)
	total := cmp.Or(p.Total, 2*time.Minute)
	sleep, random := p.Sleep, p.Random
	if sleep == nil {
		sleep = wait
	}
	if random == nil {
		random = rand.Float64
	}
	return channel{c.Name(), func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		end := time.Now().Add(total)
		ctx, cancel := context.WithDeadlineCause(ctx, end, fmt.Errorf("took longer than %s", total))
		defer cancel()
		pause := cmp.Or(p.First, time.Second)
		for n := 1; ; n++ {
			receipt, err := c.Send(ctx, r)
			receipt.Tries = n
			var again *transient
			if !errors.As(err, &again) || n >= tries || ctx.Err() != nil {
				return receipt, ended(ctx, err)
			}
			// Never before the server wants, and not all clients at once.
			next := time.Duration(float64(pause) * (1 + random()) / 2)
			if again.after > 0 {
				next = again.after + time.Duration(float64(pause)*random()/2)
			}
			if left := time.Until(end); next > left {
				return receipt, &fault{what: fmt.Sprintf("not tried again: that would be in %s, and %s are left", next.Round(time.Second), left.Round(time.Second)), err: err}
			}
			if err := sleep(ctx, next); err != nil {
				return receipt, ended(ctx, err)
			}
			pause *= 2
		}
	}}
}

// ended tells why ctx did, where that is what ended a try.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retryAfter is how long a server asks to wait: Retry-After in seconds or as a date,
// or the time at which a rate limit is lifted. 0 where it does not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if s := h.Get("Retry-After"); s != "" {
		if n, err := strconv.ParseUint(s, 10, 31); err == nil {
			return time.Duration(n) * time.Second
		}
		if at, err := http.ParseTime(s); err == nil {
			return max(at.Sub(now), 0)
		}
	}
	if h.Get("X-RateLimit-Remaining") == "0" {
		if at, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return max(time.Unix(at, 0).Sub(now), 0)
		}
	}
	return 0
}

// mayPass tells the HTTP statuses that the same request may not get again.
func mayPass(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 && status != http.StatusNotImplemented
}
