package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
)

// bars are the required ratios to the naive loop, by number of candidates.
var bars = map[int]float64{100: 30, 500: 100}

// The required median and lowest ratio with all candidates.
const (
	medianBar = 200
	worstBar  = 100
)

// times holds the results of a run that measures speed.
type times struct {
	Go       string   `json:"go"`
	CPUs     int      `json:"cpus"`
	Jobs     int      `json:"jobs"`
	Seed     uint64   `json:"seed"`
	Most     int      `json:"most"`
	Subjects []result `json:"subjects"`
	Median   float64  `json:"median_ratio_at_all"`
	Worst    float64  `json:"worst_ratio_at_all"`
}

// time measures the subjects and prints each one as soon as it is done.
func (b *bench) time(ctx context.Context, subjects func(func(*subject) error) error, w io.Writer) error {
	t := times{Go: runtime.Version(), CPUs: runtime.NumCPU(), Jobs: b.jobs, Seed: b.seed, Most: b.most}
	fmt.Fprintf(w, "%s, %d CPUs, %d workers, seed %d, at most %d candidates\n", t.Go, t.CPUs, t.Jobs, t.Seed, t.Most)
	err := subjects(func(s *subject) error {
		r, err := b.measure(ctx, s)
		if err == nil {
			t.Subjects = append(t.Subjects, r)
			r.print(w)
		}
		return err
	})
	if err != nil {
		return err
	}
	t.Median, t.Worst = atAll(t.Subjects)
	fmt.Fprintf(w, "\nratio with all candidates: median %.0f, bar %d: %s; worst %.0f, bar %d: %s\n",
		t.Median, medianBar, met(t.Median, medianBar), t.Worst, worstBar, met(t.Worst, worstBar))
	fmt.Fprintln(w, "judged: candidates with a verdict. Those skipped because they need their own build or because time ran out\ndo not count, nor do they in cand/s.")
	fmt.Fprintln(w, "CPU: the ratio of CPU time per candidate, which depends less on other load.")
	fmt.Fprintln(w, "check, build, run, rest: shares of the seconds. own, child, MB: peak of resident memory, sampled every 0.1 s, of the\nbenchmark's process, of its largest descendant, of all together. plausible, verified: seconds to the first one.")
	return writeJSON(b.out, t)
}

// print writes the rows of one subject.
func (r result) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s, %d failing tests, %d candidates proposed, naive loop %.2f candidates/s, %.2f s of CPU each\n", r.ID, r.Package, len(r.Tests), r.Proposed, r.Naive, r.NaiveCPU)
	fmt.Fprintf(w, "%6s %6s %7s %7s %6s %6s %-11s %5s %5s %5s %5s %5s %5s %5s %9s %8s  %s\n", "n", "judged", "seconds", "cand/s", "ratio", "CPU", "bar",
		"check", "build", "run", "rest", "own", "child", "MB", "plausible", "verified", "verdicts")
	for _, st := range r.Steps {
		bar := ""
		if want, ok := bars[st.N]; ok {
			bar = fmt.Sprintf("%.0f %s", want, met(st.Ratio, want))
		}
		share := func(seconds float64) string { return fmt.Sprintf("%.0f%%", 100*seconds/st.Seconds) }
		fmt.Fprintf(w, "%6d %6d %7.1f %7.1f %6.0f %6.0f %-11s %5s %5s %5s %5s %5.0f %5.0f %5.0f %9s %8s  %s\n", st.N, st.Judged, st.Seconds, st.PerSecond, st.Ratio, st.CPURatio, bar,
			share(st.TypeCheck), share(st.Build), share(st.Run), share(st.Rest), st.Memory.Own, st.Memory.Child, st.Memory.All,
			orDash(st.Plausible), orDash(st.Verified), fmt.Sprint(st.Verdicts)[len("map"):])
	}
}

func orDash(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", seconds)
}

func met(got, bar float64) string {
	if got < bar {
		return "MISSED"
	}
	return "met"
}

// atAll returns the median and the lowest of the ratios with all candidates.
func atAll(subjects []result) (median, worst float64) {
	var ratios []float64
	for _, r := range subjects {
		ratios = append(ratios, r.Steps[len(r.Steps)-1].Ratio)
	}
	slices.Sort(ratios)
	n := len(ratios)
	return (ratios[(n-1)/2] + ratios[n/2]) / 2, ratios[0]
}
