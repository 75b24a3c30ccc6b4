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

// Stream writes one rendering to w in a single write, so that nothing gets in between.
func Stream(name channels.Name, w io.Writer, form Rendering) Channel {
	return channel{name, func(_ context.Context, r *report.Report) (report.Receipt, error) {
		var text bytes.Buffer
		if err := form.Write(&text, r); err != nil {
			return report.Receipt{}, err
		}
		if _, err := w.Write(text.Bytes()); err != nil {
			return report.Receipt{}, &usererr.Error{What: "cannot write", Advice: "check that the program that reads it is still running", Err: reason(err)}
		}
		return report.Receipt{}, nil
	}}
}

// lockedWriter is a writer that several channels share.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// summarySize is the most that GitHub accepts as a step's summary, in bytes. It drops a
// larger one altogether.
const summarySize = 1 << 20

// Summary appends the report to the step summary at path, which other programs of the step
// may have written to. opt says how it is rendered, except for the size.
func Summary(path string, opt report.MarkdownOptions) Channel {
	return channel{channels.Summary, func(_ context.Context, r *report.Report) (report.Receipt, error) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
		if err != nil {
			return report.Receipt{}, &usererr.Error{What: "cannot open the step summary", Advice: "GITHUB_STEP_SUMMARY names its file", Err: reason(err)}
		}
		defer func() { _ = f.Close() }()
		size, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return report.Receipt{}, err
		}
		const between = "\n" // another program's Markdown may lack a line end
		left := int(max(summarySize-size, 0)) - len(between)
		if left < leastMarkdown {
			return skip(fmt.Sprintf("the step summary already has %d bytes, and GitHub drops summaries over %d bytes", size, summarySize), "move the step that writes most of it into a job of its own"), nil
		}
		text, degraded := markdown(r, left, opt)
		if _, err := io.WriteString(f, between+text); err != nil {
			return report.Receipt{}, err
		}
		return report.Receipt{Where: path, Degraded: degraded}, f.Close()
	}}
}

// leastMarkdown is the least space, in bytes, in which Markdown says something useful.
const leastMarkdown = 4 << 10

// markdown returns the report in at most size bytes, and how it was degraded for that.
func markdown(r *report.Report, size int, opt report.MarkdownOptions) (text string, degraded []string) {
	opt.MaxBytes = 64 << 20
	text = report.Markdown(r, opt)
	if whole := len(text); whole > size {
		opt.MaxBytes = size
		text = report.Markdown(r, opt)
		degraded = append(degraded, fmt.Sprintf("shortened from %d to %d bytes, the limit is %d; the end of the report says what was left out", whole, len(text), size))
	}
	return text, degraded
}

// reason returns the bare cause of a file's error, for a message that names the path itself.
func reason(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	if e := (*os.LinkError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
