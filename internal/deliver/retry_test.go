package deliver

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// flaky returns a channel that fails with one error after the other and then works.
func flaky(errs ...error) (channel, *[]time.Duration) {
	start := time.Now()
	var at []time.Duration
	return channel{"flaky", func(context.Context, *report.Report) (report.Receipt, error) {
		at = append(at, time.Since(start))
		if len(errs) == 0 {
			return report.Receipt{}, nil
		}
		err := errs[0]
		errs = errs[1:]
		return report.Receipt{}, err
	}}, &at
}

func half() float64 { return 0.5 }

func TestRetry(t *testing.T) {
	t.Parallel()
	down := &forge.TransientError{Err: errors.New("down")}
	asks := func(d time.Duration) error { return &forge.TransientError{Err: errors.New("busy"), After: d} }
	seconds := func(s ...float64) (all []time.Duration) {
		for _, v := range s {
			all = append(all, time.Duration(v*float64(time.Second)))
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		errs   []error
		policy RetryPolicy
		at     []time.Duration // of the tries
		err    string
	}{
		{"works the first time", nil, RetryPolicy{}, seconds(0), ""},
		{"waits longer each time", []error{down, down, down}, RetryPolicy{}, seconds(0, .75, 2.25, 5.25), ""},
		{"waits a little longer than the server asks for", []error{asks(7 * time.Second)}, RetryPolicy{}, seconds(0, 7.25), ""},
		{"a permanent error", []error{errors.New("no")}, RetryPolicy{}, seconds(0), "no"},
		{"gives up after some tries", []error{down, down, down, down, down, down}, RetryPolicy{Tries: 3}, seconds(0, .75, 2.25), "down"},
		{"the server asks for too long a wait", []error{asks(time.Hour)}, RetryPolicy{}, seconds(0), "no retry: the next try would be in 1h0m0s, but only 2m0s are left: busy"},
		{"gives up when the time is up", []error{down, down, down, down}, RetryPolicy{Total: 3 * time.Second}, seconds(0, .75, 2.25), "no retry: the next try would be in 3s, but only 1s are left: down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tt.policy.Random = half
				c, at := flaky(tt.errs...)
				got, err := retry(c, tt.policy).Send(t.Context(), nil)
				if text := errorText(err); text != tt.err {
					t.Errorf("got error %q, want %q", text, tt.err)
				}
				if len(*at) != len(tt.at) || got.Tries != len(tt.at) {
					t.Fatalf("%d tries at %v, want %v", got.Tries, *at, tt.at)
				}
				for i := range tt.at {
					if (*at)[i] != tt.at[i] {
						t.Errorf("tries at %v, want %v", *at, tt.at)
						break
					}
				}
			})
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A wait ends with the context, and so does a try that takes too long.
func TestRetryEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, at := flaky(&forge.TransientError{Err: errors.New("busy")})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := retry(c, RetryPolicy{First: 10 * time.Second}).Send(ctx, nil)
		if took := time.Since(start); err == nil || len(*at) != 1 || took != time.Second {
			t.Errorf("%v after %d tries and %s", err, len(*at), took)
		}
		hanging := channel{"x", func(ctx context.Context, _ *report.Report) (report.Receipt, error) {
			<-ctx.Done()
			return report.Receipt{}, ctx.Err()
		}}
		_, err = retry(hanging, RetryPolicy{Total: time.Second}).Send(t.Context(), nil)
		if err == nil || err.Error() != "timed out after 1s" {
			t.Errorf("got error %v", err)
		}
	})
}

// Waits grow and spread, and none is longer than its doubling allows.
func TestRetrySpreads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.Float64Range(0, 1).Draw(t, "random")
		asked := time.Duration(rapid.IntRange(0, 20).Draw(t, "asked")) * time.Second
		limit := time.Second
		down := &forge.TransientError{Err: errors.New("down"), After: asked}
		c, _ := flaky(down, down, down)
		_, err := retry(c, RetryPolicy{Random: func() float64 { return r }, Sleep: func(_ context.Context, d time.Duration) error {
			if d < asked || asked == 0 && d < limit/2 || d > asked+limit {
				t.Fatalf("waits %s, the server asks for %s, the limit is %s", d, asked, limit)
			}
			limit *= 2
			return nil
		}}).Send(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
	})
}

// A channel's secrets get into no receipt and no error.
func TestRedacted(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	c := redacted(channel{"x", func(context.Context, *report.Report) (report.Receipt, error) {
		return report.Receipt{Where: "to " + secret, Reason: secret, Degraded: []string{secret}}, &forge.TransientError{Err: errors.New("with " + secret)}
	}}, "", secret)
	got, err := c.Send(t.Context(), nil)
	if all := got.Where + got.Reason + got.Degraded[0] + usererr.OneLine(err); strings.Contains(all, secret) || !strings.Contains(all, "to ***") {
		t.Errorf("got %+v, %v", got, err)
	}
	got = send(t.Context(), redacted(channel{"x", func(context.Context, *report.Report) (report.Receipt, error) { panic("at " + secret) }}, secret), nil)
	if got.Reason != "internal error: at ***" {
		t.Errorf("%+v", got)
	}
}
