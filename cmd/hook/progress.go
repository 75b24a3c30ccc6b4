package main

import (
	"fmt"
	"time"

	"github.com/regreen-ci/regreen/internal/report"
)

// progress shows what a run is doing: on a terminal in one line that it redraws, elsewhere in
// a line per stage.
type progress struct {
	a     *app
	start time.Time
	last  time.Time
	stage string
	drawn bool
}

func newProgress(a *app) *progress { return &progress{a: a, start: time.Now()} }

// redraw is the shortest time between two changes of the line on a terminal.
const redraw = 80 * time.Millisecond

func (p *progress) show(stage, detail string, done, total int) {
	changed := stage != p.stage
	p.stage = stage
	if !p.a.terminal {
		if changed {
			fmt.Fprintf(p.a.stderr, "regreen: %s: %s\n", stage, report.OneLine(detail, 200))
		}
		return
	}
	if !changed && time.Since(p.last) < redraw {
		return
	}
	p.last = time.Now()
	line := fmt.Sprintf("%3.0fs %s", time.Since(p.start).Seconds(), stage)
	if total > 0 {
		line += fmt.Sprintf(" %d/%d", done, total)
	}
	line = report.OneLine(line+" "+detail, p.a.width-1)
	fmt.Fprint(p.a.stderr, "\r\x1b[2K"+line)
	p.drawn = true
}

// clear erases the line.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.a.stderr, "\r\x1b[2K")
		p.drawn = false
	}
}
