//go:build regreen_pool

package pool

import (
	"slices"
	"strings"
	"sync"
)

// regreenCompared holds the mutants that are compared with what runs: for each value site,
// those that have chosen the same values so far.
var regreenCompared regreenComparison

type regreenComparison struct {
	sync.Mutex
	open [][]int
	work []int // comparisons at each site so far
}

// regreenMostCompared bounds the comparisons at a site. After that, its mutants count as
// different.
const regreenMostCompared = 20_000

// start compares mutants of one site, or of all sites (-2), from now on. Without mutants it
// stops comparing.
func (c *regreenComparison) start(mutants []regreenEntry, site int) {
	c.Lock()
	defer c.Unlock()
	RegreenValueSite = -1
	for i := range c.open {
		c.open[i], c.work[i] = nil, 0
	}
	for _, e := range mutants {
		if e.site < 0 || site != -2 && e.site != site {
			continue
		}
		for len(c.open) <= e.site {
			c.open, c.work = append(c.open, nil), append(c.work, 0)
		}
		c.open[e.site] = append(c.open[e.site], e.id)
		RegreenValueSite = site
	}
}

// same returns the mutants that chose the same values.
func (c *regreenComparison) same() map[int]bool {
	c.Lock()
	defer c.Unlock()
	out := make(map[int]bool)
	for _, ids := range c.open {
		for _, n := range ids {
			out[n] = true
		}
	}
	return out
}

// regreenDropSame removes the mutants that chose the same values as what ran, and writes their
// verdict.
func regreenDropSame(mutants []regreenEntry, same map[int]bool, verdict string) []regreenEntry {
	return slices.DeleteFunc(mutants, func(e regreenEntry) bool {
		if same[e.id] {
			regreenWrite("duplicate %d", e.id)
			regreenWrite("done %d %s", e.id, verdict)
		}
		return same[e.id]
	})
}

// regreenKnownFailures reports whether a run up to the first failures had failures, all of which
// are known.
func regreenKnownFailures(first, all string) bool {
	failed, known := strings.Fields(first), strings.Fields(all)
	return len(failed) > 1 && !slices.ContainsFunc(failed[1:], func(name string) bool { return !slices.Contains(known[1:], name) })
}

// RegreenCompare drops the mutants of a site that now choose another value.
func RegreenCompare(site int, same func(mutant int) bool) {
	c := &regreenCompared
	c.Lock()
	defer c.Unlock()
	if site >= len(c.open) || len(c.open[site]) == 0 {
		return
	}
	c.work[site] += len(c.open[site])
	if c.work[site] > regreenMostCompared {
		c.open[site] = nil
	}
	c.open[site] = slices.DeleteFunc(c.open[site], func(n int) (differs bool) {
		defer func() {
			if recover() != nil {
				differs = true
			}
		}()
		return !same(n)
	})
	if len(c.open[site]) == 0 && RegreenValueSite == site {
		RegreenValueSite = -1
	}
}

// RegreenDiffer drops all mutants of a site, because what runs has no value there.
func RegreenDiffer(site int) {
	regreenCompared.Lock()
	defer regreenCompared.Unlock()
	if site < len(regreenCompared.open) {
		regreenCompared.open[site] = nil
	}
}
