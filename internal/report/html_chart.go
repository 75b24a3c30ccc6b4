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

// The charts are drawn in percent of their width, so they fit a phone without shrinking. A
// table next to each has the numbers.

// bar is a part of a whole, in percent with at most two decimals.
type bar struct{ From, Width float64 }

// newBar returns the part of whole that starts at from, clipped to the whole.
func newBar(from, size, whole float64) bar {
	percent := func(part float64) float64 {
		if !(part > 0) || !(whole > 0) { // or NaN
			return 0
		}
		return math.Round(min(part/whole, 1)*10_000) / 100
	}
	b := bar{From: percent(from)}
	b.Width = math.Round((max(percent(from+size), b.From)-b.From)*100) / 100
	return b
}

// htmlStage is a stage of the run, with its part of the total time.
type htmlStage struct {
	Name    string
	Seconds float64
	bar
}

// share returns the share of the total time, in whole percent.
func (s htmlStage) share() string { return fmt.Sprintf("%.0f %%", s.Width) }

// htmlStages returns the stages in the order of the pipeline.
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

// htmlPosterior says how often a strategy is right, with an 80 % interval.
type htmlPosterior struct {
	Strategy        string
	Mean, Low, High float64
	Distribution    string
}

// interval returns the 80 % interval as a bar.
func (p htmlPosterior) interval() bar { return newBar(p.Low, p.High-p.Low, 1) }

// at returns the place of the mean on the scale.
func (p htmlPosterior) at() bar { return newBar(p.Mean, 0, 1) }

// text describes the posterior: "62 % (48 to 75 %)".
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

// belief returns the mean of a Beta distribution, and the interval that leaves 10 % on
// either side. For invalid parameters the interval is 0 to 1.
func belief(alpha, beta float64) (mean, low, high float64) {
	const least, most = 1e-3, 1e9 // beyond these, the 80 % interval is the whole range or a point
	if !(alpha >= 0) || !(beta >= 0) || alpha+beta == 0 {
		return 0.5, 0, 1
	}
	alpha, beta = min(max(alpha, least), most), min(max(beta, least), most)
	return alpha / (alpha + beta), mathext.InvRegIncBeta(alpha, beta, 0.1), mathext.InvRegIncBeta(alpha, beta, 0.9)
}

// htmlTrend shows the outcome of runs over time.
type htmlTrend struct {
	Periods     []htmlPeriod
	About       string // summary in words
	First, Last string // start of the first and the last period shown
	Earlier     int    // number of periods not shown
}

// htmlPeriod is a column of the trend: all runs, with the repaired ones in front.
type htmlPeriod struct {
	Day            string // its start
	Across         bar
	Runs, Repaired column
}

// column is a vertical bar at the bottom of a chart, in percent of its height.
type column struct {
	Top, Height float64
	Count       int
}

func day(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

func newHTMLTrend(l *Learning) *htmlTrend {
	const most = 60 // columns that fit on a phone
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
