package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// Stream writes one rendering to w, at once, so that nothing else comes between.
func Stream(name channels.Name, w io.Writer, form Rendering) Channel {
	return channel{name, func(_ context.Context, r *report.Report) (report.Receipt, error) {
		var text bytes.Buffer
		if err := form.Write(&text, r); err != nil {
			return report.Receipt{}, err
		}
		if _, err := w.Write(text.Bytes()); err != nil {
			return report.Receipt{}, &usererr.Error{What: "cannot write", Advice: "is whatever reads it still there?", Err: reason(err)}
		}
		return report.Receipt{}, nil
	}}
}

// lockedWriter is what several channels share.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// summarySize is what GitHub takes of a step's summary, in bytes. Past it the whole
// summary is dropped.
const summarySize = 1 << 20

// Summary appends the report to the step summary at path, which other programs of
// the step may have written to. opt is how it is rendered, but for its size.
func Summary(path string, opt report.MarkdownOptions) Channel {
	return channel{channels.Summary, func(_ context.Context, r *report.Report) (report.Receipt, error) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
		if err != nil {
			return report.Receipt{}, &usererr.Error{What: "cannot open the step summary", Advice: "GITHUB_STEP_SUMMARY names its file", Err: reason(err)}
		}
		defer func() { _ = f.Close() }()
		there, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return report.Receipt{}, err
		}
		const between = "\n" // Markdown of others may not end its last line
		left := int(max(summarySize-there, 0)) - len(between)
		if left < leastMarkdown {
			return skip(fmt.Sprintf("the step summary has %d bytes already, and GitHub drops one of more than %d", there, summarySize), "move a step that writes much of it into a job of its own"), nil
		}
		text, degraded := markdown(r, left, opt)
		if _, err := io.WriteString(f, between+text); err != nil {
			return report.Receipt{}, err
		}
		return report.Receipt{Where: path, Degraded: degraded}, f.Close()
	}}
}

// leastMarkdown is what Markdown needs to say anything.
const leastMarkdown = 4 << 10

// markdown is the report in at most size bytes, and what that cost.
func markdown(r *report.Report, size int, opt report.MarkdownOptions) (text string, degraded []string) {
	opt.MaxBytes = 64 << 20
	text = report.Markdown(r, opt)
	if whole := len(text); whole > size {
		opt.MaxBytes = size
		text = report.Markdown(r, opt)
		degraded = append(degraded, fmt.Sprintf("shortened from %d to %d bytes: the place takes %d; its end tells what was left out", whole, len(text), size))
	}
	return text, degraded
}

// reason is the bare cause of a file's error, where its path is told anyway.
func reason(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	if e := (*os.LinkError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
