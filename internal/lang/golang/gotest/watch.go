package gotest

import (
	"io"
	"time"
)

// watch calls a function when nothing has been written for too long.
type watch struct {
	io.Writer
	after time.Duration
	timer *time.Timer // nil when there is no limit
}

// slack is how much longer than its timeout a test program may take to end itself,
// and its traceback to arrive.
const slack = 15 * time.Second

// newWatch lets tests be silent for the longest that a test binary with this
// timeout can be; 0 means forever.
func newWatch(w io.Writer, timeout time.Duration, silent func()) *watch {
	if timeout == 0 {
		return &watch{Writer: w}
	}
	return &watch{Writer: w, after: timeout + slack, timer: time.AfterFunc(timeout+slack, silent)}
}

func (w *watch) Write(p []byte) (int, error) {
	if w.timer != nil {
		w.timer.Reset(w.after)
	}
	return w.Writer.Write(p)
}

func (w *watch) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}
