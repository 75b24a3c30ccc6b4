package repair

import (
	"time"

	"github.com/regreen-ci/regreen/internal/validate"
)

// stages are the stages of the report's stats.seconds.
var stages = []string{"detect", "test", "localize", "propose", "build", "validate", "confirm", "report"}

// clock splits the wall time of a run by stage.
type clock struct{ spent map[string]float64 }

func newClock() *clock { return &clock{spent: make(map[string]float64)} }

// start starts a stage and returns a function that ends it.
func (c *clock) start(stage string) (stop func()) {
	begin := time.Now()
	return func() { c.spent[stage] += time.Since(begin).Seconds() }
}

// add counts seconds that were measured elsewhere.
func (c *clock) add(stage string, seconds float64) { c.spent[stage] += seconds }

// addSpent counts the time spent on testing candidates.
func (c *clock) addSpent(spent validate.Spent) {
	c.add("propose", spent.TypeCheck)
	c.add("build", spent.Build)
	c.add("validate", spent.Run)
}

// seconds returns the seconds of every stage, 0 for those that did not run.
func (c *clock) seconds() map[string]float64 {
	out := make(map[string]float64, len(stages))
	for _, s := range stages {
		out[s] = c.spent[s]
	}
	return out
}
