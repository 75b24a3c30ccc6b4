package main

import (
	"fmt"
	"time"

	"github.com/regreen-ci/regreen/internal/report"
)

// progress shows what a run is doing: one line that is written over on a terminal,
// a plain line for each stage elsewhere.
type progress struct {
	a     *app
	start time.Time
	last  time.Time
	stage string
	drawn bool
}

func newProgress(a *app) *progress { return &progress{a: a, start: time.Now()} }

// redraw is how often the line on a terminal changes.
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

// clear takes the line away.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.a.stderr, "\r\x1b[2K")
		p.drawn = false
	}
}
