package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
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
			var again *forge.TransientError
			if !errors.As(err, &again) || n >= tries || ctx.Err() != nil {
				return receipt, ended(ctx, err)
			}
			// Never before the server wants, and not all clients at once.
			next := time.Duration(float64(pause) * (1 + random()) / 2)
			if again.After > 0 {
				next = again.After + time.Duration(float64(pause)*random()/2)
			}
			if left := time.Until(end); next > left {
				return receipt, &usererr.Error{What: fmt.Sprintf("not tried again: that would be in %s, and %s are left", next.Round(time.Second), left.Round(time.Second)), Err: err}
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
