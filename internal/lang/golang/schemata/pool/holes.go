//go:build regreen_pool

package pool

import (
	"slices"
	"time"
)

// regreenPlan is a sequence of decisions of a hole. All are base, except for single flips, and
// all are inverted from each turn on.
var regreenPlan struct {
	base         bool
	flips, turns []int
	taken        int // number of decisions
}

// RegreenHole returns the next decision of the plan.
func RegreenHole() bool {
	regreen.Lock()
	defer regreen.Unlock()
	i := regreenPlan.taken
	regreenPlan.taken++
	decision := regreenPlan.base != slices.Contains(regreenPlan.flips, i)
	for _, turn := range regreenPlan.turns {
		if i >= turn {
			decision = !decision
		}
	}
	return decision
}

// The limits of the search for one hole.
const (
	regreenMostPlans = 400
	regreenLookBack  = 6
	regreenPlanTime  = 30 * time.Millisecond // without progress; a few plans always run
)

// regreenSearchPlan searches for decisions that make the tests pass. It starts with equal
// decisions and changes the last ones before the failure, as long as that lets the tests get
// further. It returns "pass", or "fail" if it finds no such decisions.
func (m *M) regreenSearchPlan(tests []InternalTest, mutant int, limit regreenLimit) string {
	began, plans, idle := time.Now(), 0, 0
	try := func(base bool, flips, turns []int) (taken int, pass bool) {
		plans, idle = plans+1, idle+1
		regreenPlan.base, regreenPlan.flips, regreenPlan.turns, regreenPlan.taken = base, flips, turns, 0
		_, verdict := m.regreenRunMutant(tests, mutant, limit, false)
		return regreenPlan.taken, verdict == "pass"
	}
	more := func() bool {
		return plans < regreenMostPlans && (idle < 6 || time.Since(began) < regreenPlanTime)
	}
	for _, base := range []bool{false, true} {
		var flips, turns []int
		taken, pass := try(base, nil, nil)
		if pass {
			return "pass"
		}
		for further := true; further && more(); {
			further = false
			for back := 1; back <= min(regreenLookBack, taken) && !further && more(); back++ {
				for _, turn := range []bool{false, true} {
					f, t := slices.Clone(flips), slices.Clone(turns)
					if turn {
						t = append(t, taken-back)
					} else {
						f = append(f, taken-back)
					}
					got, pass := try(base, f, t)
					if pass {
						return "pass"
					}
					if got > taken {
						flips, turns, taken, further = f, t, got, true
						began, idle = time.Now(), 0
						break
					}
				}
			}
		}
	}
	return "fail"
}
