package deliver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/report"
)

// flaky fails with the errors one after the other, then works.
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
	down := &transient{errors.New("down"), 0}
	asks := func(d time.Duration) error { return &transient{errors.New("busy"), d} }
	seconds := func(s ...float64) (all []time.Duration) {
		for _, v := range s {
			all = append(all, time.Duration(v*float64(time.Second)))
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		errs   []error
		policy Policy
		at     []time.Duration // of the tries
		err    string
	}{
		{"works at once", nil, Policy{}, seconds(0), ""},
		{"waits longer each time", []error{down, down, down}, Policy{}, seconds(0, .75, 2.25, 5.25), ""},
		{"waits as long as it is asked to, and a little", []error{asks(7 * time.Second)}, Policy{}, seconds(0, 7.25), ""},
		{"what will not pass is not tried again", []error{errors.New("no")}, Policy{}, seconds(0), "no"},
		{"gives up after some tries", []error{down, down, down, down, down, down}, Policy{Tries: 3}, seconds(0, .75, 2.25), "down"},
		{"does not wait for what is too far", []error{asks(time.Hour)}, Policy{}, seconds(0), "not tried again: that would be in 1h0m0s, and 2m0s are left: busy"},
		{"gives up when the time is over", []error{down, down, down, down}, Policy{Total: 3 * time.Second}, seconds(0, .75, 2.25), "not tried again: that would be in 3s, and 1s are left: down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tt.policy.Random = half
				c, at := flaky(tt.errs...)
				got, err := retry(c, tt.policy).Send(t.Context(), nil)
				if text := errorText(err); text != tt.err {
					t.Errorf("error %q, want %q", text, tt.err)
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
		c, at := flaky(&transient{errors.New("busy"), 0})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := retry(c, Policy{First: 10 * time.Second}).Send(ctx, nil)
		if took := time.Since(start); err == nil || len(*at) != 1 || took != time.Second {
			t.Errorf("%v after %d tries and %s", err, len(*at), took)
		}
		hanging := channel{"x", func(ctx context.Context, _ *report.Report) (report.Receipt, error) {
			<-ctx.Done()
			return report.Receipt{}, ctx.Err()
		}}
		_, err = retry(hanging, Policy{Total: time.Second}).Send(t.Context(), nil)
		if err == nil || err.Error() != "took longer than 1s" {
			t.Errorf("error %v", err)
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
		down := &transient{errors.New("down"), asked}
		c, _ := flaky(down, down, down)
		_, err := retry(c, Policy{Random: func() float64 { return r }, Sleep: func(_ context.Context, d time.Duration) error {
			if d < asked || asked == 0 && d < limit/2 || d > asked+limit {
				t.Fatalf("waits %s, asked for %s, of at most %s", d, asked, limit)
			}
			limit *= 2
			return nil
		}}).Send(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		header map[string]string
		want   time.Duration
	}{
		{nil, 0},
		{map[string]string{"Retry-After": "30"}, 30 * time.Second},
		{map[string]string{"Retry-After": "Mon, 02 Mar 2026 09:01:30 GMT"}, 90 * time.Second},
		{map[string]string{"Retry-After": "Mon, 02 Mar 2026 08:00:00 GMT"}, 0},
		{map[string]string{"Retry-After": "-5"}, 0},
		{map[string]string{"Retry-After": "soon"}, 0},
		{map[string]string{"Retry-After": "99999999999999999999"}, 0},
		{map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1772442060"}, time.Minute},
		{map[string]string{"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "1772442060"}, 0},
		{map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "never"}, 0},
	} {
		h := http.Header{}
		for k, v := range tt.header {
			h.Set(k, v)
		}
		if got := retryAfter(h, now); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.header, got, tt.want)
		}
	}
}

// Nothing of a channel's secrets is told, whatever says it.
func TestSealed(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	c := sealed(channel{"x", func(context.Context, *report.Report) (report.Receipt, error) {
		return report.Receipt{Where: "to " + secret, Reason: secret, Degraded: []string{secret}}, &transient{errors.New("with " + secret), 0}
	}}, "", secret)
	got, err := c.Send(t.Context(), nil)
	if all := got.Where + got.Reason + got.Degraded[0] + err.Error(); strings.Contains(all, secret) || !strings.Contains(all, "to ***") {
		t.Errorf("%+v, %v", got, err)
	}
	got = send(t.Context(), sealed(channel{"x", func(context.Context, *report.Report) (report.Receipt, error) { panic("at " + secret) }}, secret), nil)
	if got.Reason != "a fault in regreen: at ***" {
		t.Errorf("%+v", got)
	}
}
