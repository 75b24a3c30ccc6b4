package deliver_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/report"
)

// fake is a channel made of a function.
type fake struct {
	name channels.Name
	send func(context.Context, *report.Report) (report.Receipt, error)
}

func (f fake) Name() channels.Name { return f.name }
func (f fake) Send(ctx context.Context, r *report.Report) (report.Receipt, error) {
	return f.send(ctx, r)
}

func sleeping(name channels.Name, d time.Duration) fake {
	return fake{name, func(context.Context, *report.Report) (report.Receipt, error) {
		time.Sleep(d)
		return report.Receipt{Where: string(name)}, nil
	}}
}

// A channel that fails, panics or is slow stops no other channel, and the receipts are in the
// order of the channels.
func TestAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := deliver.All(t.Context(), proposed(), []deliver.Channel{
			sleeping("slow", 3*time.Second),
			fake{"failing", func(context.Context, *report.Report) (report.Receipt, error) {
				return report.Receipt{Tries: 2}, errors.New("no\nroute\x1b[2J")
			}},
			fake{"panicking", func(context.Context, *report.Report) (report.Receipt, error) { panic("nil map") }},
			fake{"skipping", func(context.Context, *report.Report) (report.Receipt, error) {
				return report.Receipt{State: report.ReceiptSkipped, Reason: "nothing to say"}, nil
			}},
			sleeping("quick", 0),
		})
		want := []report.Receipt{
			{Channel: "slow", State: report.ReceiptSent, Where: "slow", Seconds: 3},
			{Channel: "failing", State: report.ReceiptFailed, Reason: "no route", Tries: 2},
			{Channel: "panicking", State: report.ReceiptFailed, Reason: "internal error: nil map"},
			{Channel: "skipping", State: report.ReceiptSkipped, Reason: "nothing to say"},
			{Channel: "quick", State: report.ReceiptSent, Where: "quick"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Channels send concurrently, but only a few of many.
func TestAllIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var many []deliver.Channel
		for range 10 {
			many = append(many, sleeping("some", time.Second))
		}
		start := time.Now()
		deliver.All(t.Context(), proposed(), many)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("10 channels of a second took %s, want 3 s", took)
		}
	})
}

// All returns soon after the context ends, even if a channel ignores that.
func TestAllEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("the job is out of time"))
		defer cancel()
		start := time.Now()
		got := deliver.All(ctx, proposed(), []deliver.Channel{
			sleeping("deaf", time.Minute), sleeping("deaf", time.Minute), sleeping("deaf", time.Minute), sleeping("deaf", time.Minute),
			sleeping("waiting for a slot", 0),
		})
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("All took %s", took)
		}
		if got[0].State != report.ReceiptFailed || got[0].Reason != "did not end in time" {
			t.Errorf("got receipt %+v", got[0])
		}
		if got[4].State != report.ReceiptFailed || got[4].Reason != "the job is out of time" {
			t.Errorf("got receipt %+v", got[4])
		}
		time.Sleep(time.Minute) // the channels that were left behind end without harm
	})
}

func TestAllWithoutChannels(t *testing.T) {
	t.Parallel()
	if got := deliver.All(t.Context(), proposed(), nil); len(got) != 0 {
		t.Errorf("got receipts %v", got)
	}
}

// A reason is short even if a server answers with a whole page.
func TestReasonsAreBounded(t *testing.T) {
	t.Parallel()
	got := deliver.All(t.Context(), proposed(), []deliver.Channel{fake{"x", func(context.Context, *report.Report) (report.Receipt, error) {
		return report.Receipt{}, errors.New(strings.Repeat("long ", 5000))
	}}})
	if n := len(got[0].Reason); n > 1000 {
		t.Errorf("the reason has %d bytes", n)
	}
}
