package learn

import (
	"math"
	"math/rand/v2"
	"time"
)

// Posterior is the belief about the reward of a strategy, a Beta distribution.
// A store returns only evidence; add a prior before using it.
type Posterior struct {
	Alpha, Beta float64 // pseudo-counts of success and failure
}

// With adds a prior's pseudo-counts.
func (p Posterior) With(prior Posterior) Posterior {
	return Posterior{Alpha: p.Alpha + prior.Alpha, Beta: p.Beta + prior.Beta}
}

// Count is how many pseudo-observations the belief rests on.
func (p Posterior) Count() float64 { return p.Alpha + p.Beta }

// Mean is the expected reward; 1/2 when nothing is known.
func (p Posterior) Mean() float64 {
	if p.Count() <= 0 {
		return 0.5
	}
	return p.Alpha / p.Count()
}

// Sample draws a reward for Thompson sampling. There is no Beta distribution if
// Alpha or Beta is 0: the draw is then certain, or uniform if both are.
func (p Posterior) Sample(rng *rand.Rand) float64 {
	switch {
	case p.Alpha <= 0 && p.Beta <= 0:
		return rng.Float64()
	case p.Alpha <= 0:
		return 0
	case p.Beta <= 0:
		return 1
	}
	// In logarithms, because a Gamma draw of a tiny shape underflows to zero.
	x, y := logGamma(rng, p.Alpha), logGamma(rng, p.Beta)
	return 1 / (1 + math.Exp(y-x))
}

// logGamma draws the logarithm of a Gamma(shape, 1) variate, shape > 0.
// Marsaglia and Tsang, "A simple method for generating gamma variables", ACM
// Transactions on Mathematical Software 26(3), 2000; shapes under 1 by their
// boost from shape+1.
func logGamma(rng *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return logGamma(rng, shape+1) + math.Log(1-rng.Float64())/shape
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rng.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		u := 1 - rng.Float64() // never 0
		if math.Log(u) < x*x/2+d-d*v+d*math.Log(v) {
			return math.Log(d * v)
		}
	}
}

// DefaultHalfLife is the age at which an outcome counts half.
const DefaultHalfLife = 90 * 24 * time.Hour

// Borrowed is the weight of an outcome of the same strategy in another context.
const Borrowed = 0.1

// Increment is the evidence of one day for one arm. Stores add increments up.
type Increment struct {
	Strategy string
	Context  Context
	Day      int64 // days since 1970-01-01 UTC
	Posterior
}

// Increment returns what the outcome adds to its arm.
func (o Outcome) Increment() Increment {
	return Increment{
		Strategy: o.Strategy,
		Context:  o.Context,
		Day:      Day(o.At),
		Posterior: Posterior{
			Alpha: o.Weight * o.Reward,
			Beta:  o.Weight * (1 - o.Reward),
		},
	}
}

// Day returns the number of the UTC day of a time.
func Day(t time.Time) int64 {
	return int64(math.Floor(float64(t.Unix()) / (24 * 60 * 60)))
}

// Horizon returns the first day that still counts. After ten half-lives, a thousandth
// of an outcome is left, and a store may forget its increment.
func Horizon(now time.Time, halfLife time.Duration) int64 {
	return Day(now.Add(-10 * halfLife))
}

// Fold adds increments up to the posteriors of a context as of now. Their order does
// not matter. An increment halves with every half-life between its day and today, and
// counts nothing before the Horizon; a day in the future counts as today. An increment
// of another context is multiplied by Borrowed: a context without data of its own
// starts from what the strategy is worth elsewhere, and soon outgrows that.
func Fold(increments []Increment, c Context, now time.Time, halfLife time.Duration) map[string]Posterior {
	today, horizon, halfLifeDays := Day(now), Horizon(now, halfLife), halfLife.Hours()/24
	posteriors := map[string]Posterior{}
	for _, inc := range increments {
		if inc.Day < horizon {
			continue
		}
		age := float64(max(0, today-inc.Day))
		weight := math.Exp2(-age / halfLifeDays)
		if inc.Context != c {
			weight *= Borrowed
		}
		posteriors[inc.Strategy] = posteriors[inc.Strategy].With(Posterior{Alpha: weight * inc.Alpha, Beta: weight * inc.Beta})
	}
	return posteriors
}
