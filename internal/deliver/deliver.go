// Package deliver sends a report to where users look: a terminal, files, a pull request,
// a mailbox, a chat. Package report renders it; a channel only transports the result and
// makes it fit the limits of its platform.
//
// Goals: a failing channel stops no other channel and changes no verdict. Each channel
// leaves a receipt that says where the report is, what was left out and why, and what to do
// about it. Sending twice posts once. No receipt contains a secret of a channel's
// configuration.
//
// Non-goal: hiding the secrets of a report. It is redacted before it gets here.
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

// Channel is a destination for reports.
type Channel interface {
	// Name returns the name that configuration and receipts use.
	Name() channels.Name
	// Send delivers r without changing it. The receipt says where the report is now and
	// how it was degraded; the state skipped means that nothing was sent on purpose. An
	// error means that sending failed. Send returns soon after ctx ends.
	Send(ctx context.Context, r *report.Report) (report.Receipt, error)
}

const (
	concurrent = 4               // channels that send at the same time
	patience   = 2 * time.Second // for channels that continue after the context ended
)

// All sends r to every channel and returns their receipts in the same order. It returns
// soon after ctx ends, whatever the channels do.
func All(ctx context.Context, r *report.Report, channels []Channel) []report.Receipt {
	type result struct {
		i       int
		receipt report.Receipt
	}
	results := make(chan result, len(channels)) // a late channel can still send
	slots := make(chan struct{}, concurrent)
	go func() {
		for i, c := range channels {
			select {
			case slots <- struct{}{}:
				go func() {
					defer func() { <-slots }()
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

// send returns the receipt of one channel, even if the channel panics.
func send(ctx context.Context, c Channel, r *report.Report) (receipt report.Receipt) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			receipt = failed(c, fmt.Errorf("internal error: %v", p))
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

// skip returns the receipt of a report that was not sent on purpose.
func skip(reason, hint string) report.Receipt {
	return report.Receipt{State: report.ReceiptSkipped, Reason: usererr.OneLine(&usererr.Error{What: reason, Advice: hint})}
}

// Rendering is one form of a report.
type Rendering struct {
	Name  string // of the format: html, junit ...
	File  string // its file name in an artifact, such as report.html
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

// redacted removes the secrets of a channel's configuration from its receipts and errors.
func redacted(c Channel, secrets ...string) Channel {
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
