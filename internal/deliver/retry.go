package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/regreen-ci/regreen/internal/backoff"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// RetryPolicy says how a channel retries. The zero value is what commands use.
type RetryPolicy struct {
	Tries int           // at most; 0 means 5
	First time.Duration // wait before the second try; doubles with each further one; 0 means one second
	Total time.Duration // for all tries and waits; 0 means two minutes
	// Sleep waits, and Random returns a number from 0 to 1 that spreads the waits of many
	// clients. Tests replace them.
	Sleep  func(context.Context, time.Duration) error
	Random func() float64
}

// retry sends again after transient errors. It is for channels that notice, on their own or
// by a key that they send along, that an earlier try arrived.
func retry(c Channel, p RetryPolicy) Channel {
	tries := cmp.Or(p.Tries, 5)
	total := cmp.Or(p.Total, 2*time.Minute)
	sleep, random := p.Sleep, p.Random
	if sleep == nil {
		sleep = backoff.Sleep
	}
	if random == nil {
		random = rand.Float64
	}
	return channel{c.Name(), func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		end := time.Now().Add(total)
		ctx, cancel := context.WithDeadlineCause(ctx, end, fmt.Errorf("timed out after %s", total))
		defer cancel()
		pause := cmp.Or(p.First, time.Second)
		for n := 1; ; n++ {
			receipt, err := c.Send(ctx, r)
			receipt.Tries = n
			var again *forge.TransientError
			if !errors.As(err, &again) || n >= tries || ctx.Err() != nil {
				return receipt, ended(ctx, err)
			}
			// Never earlier than the server asks for, and not all clients at the same time.
			next := time.Duration(float64(pause) * (1 + random()) / 2)
			if again.After > 0 {
				next = again.After + time.Duration(float64(pause)*random()/2)
			}
			if left := time.Until(end); next > left {
				return receipt, &usererr.Error{What: fmt.Sprintf("no retry: the next try would be in %s, but only %s are left", next.Round(time.Second), left.Round(time.Second)), Err: err}
			}
			if err := sleep(ctx, next); err != nil {
				return receipt, ended(ctx, err)
			}
			pause *= 2
		}
	}}
}

// ended returns the cause of the end of ctx if that ended a try, and err otherwise.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
