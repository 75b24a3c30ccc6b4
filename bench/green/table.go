package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// row compares regreen with go test.
type row struct {
	what        string
	goTest, own time.Duration // medians
	least       [2]time.Duration
	counts      bool // towards the bar
}

func (r row) met() bool { return !r.counts || r.own <= bar(r.goTest) }

func (t *table) rows() []row {
	hook := make(series, len(t.on))
	for i := range t.on {
		hook[i] = t.on[i] - t.off[i]
	}
	least := func(a, b series) [2]time.Duration { return [2]time.Duration{a.min(), b.min()} }
	return []row{
		{"regreen test --no-cache", t.goTest.median(), t.noCache.median(), least(t.goTest, t.noCache), true},
		{"regreen test", t.goTest.median(), t.remembered.median(), least(t.goTest, t.remembered), true},
		{"commit, hook on - off", t.leafTest.median(), hook.median(), least(t.leafTest, hook), true},
	}
}

// met reports whether all figures meet the bar.
func (t *table) met() bool {
	for _, r := range t.rows() {
		if !r.met() {
			return false
		}
	}
	return true
}

func (t *table) print(out io.Writer) {
	fmt.Fprintf(out, "%s@%s: %s\n%d tests, packages that a change of %s can break: %d", t.module.Path, t.module.Version, t.module.What, t.tests, t.module.Leaf, t.broken)
	if t.already > 0 {
		fmt.Fprintf(out, "; regreen test ran nothing in %d of %d runs, because the tree had passed", t.already, len(t.remembered))
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "seconds, median of %d (least)\tgo test\tregreen\tbar\t\t\n", len(t.goTest))
	for _, r := range t.rows() {
		verdict := "met"
		if !r.met() {
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "%s\t%.2f (%.2f)\t%.2f (%.2f)\t%.2f\t%s\t\n", r.what, r.goTest.Seconds(), r.least[0].Seconds(), r.own.Seconds(), r.least[1].Seconds(), bar(r.goTest).Seconds(), verdict)
	}
	_ = w.Flush()
	fmt.Fprintln(out)
}
