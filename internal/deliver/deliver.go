// Package deliver carries a report to where people look: a terminal, files, a pull
// request, a mail box, a chat. What is told was made before, by package report;
// a channel only transports it, and fits it to what its platform takes.
//
// Goals: a channel that fails stops no other and changes no verdict; each leaves a
// receipt with what became of the report, what of it was lost and why, and what to
// do about it; sending again does not say it twice; no secret of a channel's
// configuration is in a receipt.
//
// Not a goal: hiding the secrets of a report. What comes here was redacted.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// Channel is a place that reports go to.
type Channel interface {
	// Name is what configuration and receipts call it.
	Name() channels.Name
	// Send delivers r, and does not change it. The receipt tells where it is now and
	// what is less than it could be; with the state skipped nothing was sent, on
	// purpose, for its reason. An error says that it failed. Send returns soon after
	// ctx ends.
	Send(ctx context.Context, r *report.Report) (report.Receipt, error)
}

const (
	together = 4               // channels that send at the same time
	patience = 2 * time.Second // with a channel that goes on when it should end
)

// All sends r to every channel and gives a receipt of each, in their order. It ends
// soon after ctx does, whatever the channels do.
func All(ctx context.Context, r *report.Report, channels []Channel) []report.Receipt {
	type result struct {
		i       int
		receipt report.Receipt
	}
	results := make(chan result, len(channels)) // has room for one that nobody waits for any more
	places := make(chan struct{}, together)
	go func() {
		for i, c := range channels {
			select {
			case places <- struct{}{}:
				go func() {
					defer func() { <-places }()
					results <- result{i, send(ctx, c, r)}
				}()
			case <-ctx.Done():
				results <- result{i, failed(c, context.Cause(ctx))}
			}
		}
	}()
	receipts := make([]report.Receipt, len(channels))
	for i, c := range channels {
		receipts[i] = failed(c, errors.New("did not end in time"))
	}
	end := ctx.Done()
	var giveUp <-chan time.Time
	for waiting := len(channels); waiting > 0; {
		select {
		case got := <-results:
			receipts[got.i] = got.receipt
			waiting--
		case <-end:
			end, giveUp = nil, time.After(patience)
		case <-giveUp:
			return receipts
		}
	}
	return receipts
}

// send gives the receipt of one channel, also when it panics.
func send(ctx context.Context, c Channel, r *report.Report) (receipt report.Receipt) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			receipt = failed(c, fmt.Errorf("a fault in regreen: %v", p))
		}
		receipt.Seconds = time.Since(start).Seconds()
	}()
	receipt, err := c.Send(ctx, r)
	if err != nil {
		tries := receipt.Tries
		receipt = failed(c, err)
		receipt.Tries = tries
		return receipt
	}
	receipt.Channel = string(c.Name())
	if receipt.State == "" {
		receipt.State = report.ReceiptSent
	}
	return receipt
}

func failed(c Channel, err error) report.Receipt {
	return report.Receipt{Channel: string(c.Name()), State: report.ReceiptFailed, Reason: report.Brief(usererr.OneLine(err))}
}

// skip returns the receipt of what was not sent on purpose.
func skip(reason, hint string) report.Receipt {
	return report.Receipt{State: report.ReceiptSkipped, Reason: usererr.OneLine(&usererr.Error{What: reason, Advice: hint})}
}

// Rendering is one form of a report.
type Rendering struct {
	Name  string // of the format: html, junit ...
	File  string // what it is called in a folder: report.html
	Write func(w io.Writer, r *report.Report) error
}

// channel is a Channel made of a function.
type channel struct {
	name channels.Name
	send func(context.Context, *report.Report) (report.Receipt, error)
}

func (c channel) Name() channels.Name { return c.name }

func (c channel) Send(ctx context.Context, r *report.Report) (report.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return report.Receipt{}, err
	}
	return c.send(ctx, r)
}

// sealed keeps the secrets of a channel's configuration out of all that it tells.
func sealed(c Channel, secrets ...string) Channel {
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, "***")
		}
	}
	hide := strings.NewReplacer(pairs...).Replace
	return channel{c.Name(), func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		defer func() {
			if p := recover(); p != nil {
				panic(hide(fmt.Sprint(p)))
			}
		}()
		receipt, err := c.Send(ctx, r)
		receipt.Where, receipt.Reason = hide(receipt.Where), hide(receipt.Reason)
		for i, text := range receipt.Degraded {
			receipt.Degraded[i] = hide(text)
		}
		if err != nil {
			what, hint := err.Error(), usererr.Hint(err)
			if hide(what+hint) != what+hint {
				err = &usererr.Error{What: hide(what), Advice: hide(hint)}
			}
		}
		return receipt, err
	}}
}
