package gotest

import (
	"io"
	"time"
)

// watch is a writer that calls a function when nothing has been written for too long.
type watch struct {
	io.Writer
	after time.Duration
	timer *time.Timer // nil if there is no limit
}

// slack is how long after its timeout a test program may take to end and to print its
// traceback.
const slack = 15 * time.Second

// newWatch returns a watch that allows as much silence as a test binary with this timeout
// needs; 0 means unlimited silence.
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
