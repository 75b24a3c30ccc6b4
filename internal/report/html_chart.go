package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mathext"
)

// The charts are drawn in per cent of their width, so that they fit a phone without
// shrinking. Each has its numbers in a table beside it.

// bar is a part of a whole, in per cent with at most two decimals.
type bar struct{ From, Width float64 }

// newBar is the part of whole that begins at from; nothing of it lies outside.
func newBar(from, size, whole float64) bar {
	percent := func(part float64) float64 {
		if !(part > 0) || !(whole > 0) { // NaN too
			return 0
		}
		return math.Round(min(part/whole, 1)*10_000) / 100
	}
	b := bar{From: percent(from)}
	b.Width = math.Round((max(percent(from+size), b.From)-b.From)*100) / 100
	return b
}

// htmlStage is a stage of the run, and its place in the whole of the run's time.
type htmlStage struct {
	Name    string
	Seconds float64
	bar
}

// share is the part of the run's time, in whole per cent.
func (s htmlStage) share() string { return fmt.Sprintf("%.0f %%", s.Width) }

// htmlStages puts the stages one behind another in the order of the pipeline.
func htmlStages(spent map[string]float64) []htmlStage {
	total := 0.0
	names := slices.Clone(runStages)
	for _, name := range slices.Sorted(maps.Keys(spent)) {
		total += spent[name]
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var stages []htmlStage
	at := 0.0
	for _, name := range names {
		if s := spent[name]; s > 0 {
			stages = append(stages, htmlStage{oneLine(name), s, newBar(at, s, total)})
			at += s
		}
	}
	return stages
}

// htmlPosterior is what is believed of a strategy: how often it is right, and between
// which bounds with 80 % probability.
type htmlPosterior struct {
	Strategy        string
	Mean, Low, High float64
	Distribution    string
}

// interval is the 80 % interval as a bar.
func (p htmlPosterior) interval() bar { return newBar(p.Low, p.High-p.Low, 1) }

// at is where the mean is on the scale.
func (p htmlPosterior) at() bar { return newBar(p.Mean, 0, 1) }

// text is the posterior in words: "62 % (48 to 75 %)".
func (p htmlPosterior) text() string {
	return fmt.Sprintf("%.0f %% (%.0f to %.0f %%)", 100*p.Mean, 100*p.Low, 100*p.High)
}

func htmlPosteriors(l *Learning) []htmlPosterior {
	if l == nil {
		return nil
	}
	var all []htmlPosterior
	for _, s := range l.Strategies {
		p := htmlPosterior{Strategy: oneLine(s.Strategy), Distribution: fmt.Sprintf("Beta(%.1f, %.1f)", s.Alpha, s.Beta)}
		p.Mean, p.Low, p.High = belief(s.Alpha, s.Beta)
		all = append(all, p)
	}
	return all
}

// belief is the mean of a Beta distribution, and the interval that leaves 10 % on
// either side. Where there is no such distribution, nothing is known: 0 to 1.
func belief(alpha, beta float64) (mean, low, high float64) {
	const least, most = 1e-3, 1e9 // beyond, an interval of 80 % is as wide as all, or a point
	if !(alpha >= 0) || !(beta >= 0) || alpha+beta == 0 {
		return 0.5, 0, 1
	}
	alpha, beta = min(max(alpha, least), most), min(max(beta, least), most)
	return alpha / (alpha + beta), mathext.InvRegIncBeta(alpha, beta, 0.1), mathext.InvRegIncBeta(alpha, beta, 0.9)
}

// htmlTrend is what runs came to over time.
type htmlTrend struct {
	Periods     []htmlPeriod
	About       string // the whole in words
	First, Last string // when the first and the last shown began
	Earlier     int    // periods that are not shown
}

// htmlPeriod is a column of the trend: the runs, and those repaired in front of them.
type htmlPeriod struct {
	Day            string // when it began
	Across         bar
	Runs, Repaired column
}

// column is a bar that stands on the ground of a chart, in per cent of its height.
type column struct {
	Top, Height float64
	Count       int
}

func day(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

func newHTMLTrend(l *Learning) *htmlTrend {
	const most = 60 // columns that a phone has room for
	if l == nil || len(l.Trend) == 0 {
		return nil
	}
	t := &htmlTrend{About: cmp.Or(l.success(), "no searches"), Earlier: max(len(l.Trend)-most, 0)}
	shown := l.Trend[t.Earlier:]
	highest := 0
	for _, p := range shown {
		highest = max(highest, p.Runs)
	}
	for i, p := range shown {
		upright := func(n int) column {
			b := newBar(0, float64(n), float64(highest))
			return column{Top: math.Round((100-b.Width)*100) / 100, Height: b.Width, Count: n}
		}
		t.Periods = append(t.Periods, htmlPeriod{
			Day: day(p.Start), Across: newBar(float64(i)+0.1, 0.8, float64(len(shown))),
			Runs: upright(p.Runs), Repaired: upright(p.Repaired),
		})
	}
	t.First, t.Last = t.Periods[0].Day, t.Periods[len(t.Periods)-1].Day
	return t
}
