package learn_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/learn"
)

func TestMean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p    learn.Posterior
		want float64
	}{
		{learn.Posterior{}, 0.5},
		{learn.Posterior{Alpha: 3, Beta: 1}, 0.75},
		{learn.Posterior{Beta: 2}, 0},
		{learn.Posterior{Alpha: 1}.With(learn.Posterior{Alpha: 1, Beta: 2}), 0.5},
	} {
		if got := c.p.Mean(); got != c.want {
			t.Errorf("the mean of %v is %v, want %v", c.p, got, c.want)
		}
	}
}

// TestSampleMoments checks that the first three moments of the draws are within five
// standard errors of those of the Beta distribution, E[X^k] = prod (a+i)/(a+b+i).
func TestSampleMoments(t *testing.T) {
	t.Parallel()
	const draws = 40_000
	for _, p := range []learn.Posterior{
		{Alpha: 1, Beta: 1},
		{Alpha: 0.5, Beta: 0.5},
		{Alpha: 0.05, Beta: 0.3},
		{Alpha: 2, Beta: 5},
		{Alpha: 30, Beta: 0.7},
		{Alpha: 1000, Beta: 3000},
	} {
		moment := func(k int) float64 {
			m := 1.0
			for i := range k {
				m *= (p.Alpha + float64(i)) / (p.Alpha + p.Beta + float64(i))
			}
			return m
		}
		rng := rand.New(rand.NewPCG(1, 2))
		var sums [4]float64
		for range draws {
			x := p.Sample(rng)
			for k := 1; k <= 3; k++ {
				sums[k] += math.Pow(x, float64(k))
			}
		}
		for k := 1; k <= 3; k++ {
			got, want := sums[k]/draws, moment(k)
			stderr := math.Sqrt((moment(2*k) - want*want) / draws)
			if math.Abs(got-want) > 5*stderr {
				t.Errorf("Beta(%v, %v): moment %d is %v, want %v ± %v", p.Alpha, p.Beta, k, got, want, 5*stderr)
			}
		}
	}
}

// TestSampleDistribution compares the draws with a simple distribution function, x^a of
// Beta(a, 1), by the Kolmogorov-Smirnov test.
func TestSampleDistribution(t *testing.T) {
	t.Parallel()
	const draws = 20_000
	for _, alpha := range []float64{0.2, 0.9, 1, 1.5, 8} {
		rng := rand.New(rand.NewPCG(3, 4))
		sample := make([]float64, draws)
		for i := range sample {
			sample[i] = learn.Posterior{Alpha: alpha, Beta: 1}.Sample(rng)
		}
		slices.Sort(sample)
		distance := 0.0
		for i, x := range sample {
			f := math.Pow(x, alpha)
			distance = max(distance, math.Abs(f-float64(i)/draws), math.Abs(f-float64(i+1)/draws))
		}
		if limit := 1.95 / math.Sqrt(draws); distance > limit { // 1 in 1,000 by chance
			t.Errorf("Beta(%v, 1): got distance %v, want under %v", alpha, distance, limit)
		}
	}
}

func TestSampleIsAReward(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 1e-3), rapid.Float64Range(0, 1e6), rapid.Float64Range(0, 1e300))
		p := learn.Posterior{Alpha: count.Draw(t, "alpha"), Beta: count.Draw(t, "beta")}
		x := p.Sample(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		if !(x >= 0 && x <= 1) {
			t.Fatalf("%v: sample %v is not between 0 and 1", p, x)
		}
	})
}

var day = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func TestFold(t *testing.T) {
	t.Parallel()
	here, elsewhere := learn.Context{Language: "go", Kind: "panic"}, learn.Context{Language: "go", Kind: "race"}
	const halfLife = 10 * 24 * time.Hour
	for name, c := range map[string]struct {
		context learn.Context
		age     int64
		want    float64
	}{
		"today":                        {here, 0, 8},
		"after a half-life":            {here, 10, 4},
		"after three":                  {here, 30, 1},
		"from the future":              {here, -10, 8},
		"at the horizon":               {here, 100, 8.0 / 1024},
		"beyond the horizon":           {here, 101, 0},
		"elsewhere":                    {elsewhere, 0, 0.8},
		"elsewhere, after a half-life": {elsewhere, 10, 0.4},
	} {
		increment := learn.Increment{Strategy: "s", Context: c.context, Day: learn.Day(day) - c.age, Posterior: learn.Posterior{Alpha: 8}}
		got := learn.Fold([]learn.Increment{increment}, here, day, halfLife)["s"].Alpha
		if math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: 8 counts as %v, want %v", name, got, c.want)
		}
	}
}

// TestFoldCommutes checks that the order and the grouping of the increments do not
// change the result.
func TestFoldCommutes(t *testing.T) {
	t.Parallel()
	contexts := []learn.Context{{Language: "go", Kind: "panic"}, {Language: "go", Kind: "race"}, {Language: "python", Kind: "panic"}}
	increment := rapid.Custom(func(t *rapid.T) learn.Increment {
		return learn.Increment{
			Strategy:  rapid.SampledFrom([]string{"a", "b"}).Draw(t, "strategy"),
			Context:   rapid.SampledFrom(contexts).Draw(t, "context"),
			Day:       learn.Day(day) - rapid.Int64Range(-5, 2000).Draw(t, "age"),
			Posterior: learn.Posterior{Alpha: rapid.Float64Range(0, 9).Draw(t, "alpha"), Beta: rapid.Float64Range(0, 9).Draw(t, "beta")},
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		increments := rapid.SliceOf(increment).Draw(t, "increments")
		want := learn.Fold(increments, contexts[0], day, learn.DefaultHalfLife)

		var halves []learn.Increment
		for _, inc := range increments {
			inc.Alpha, inc.Beta = inc.Alpha/2, inc.Beta/2
			halves = append(halves, inc, inc)
		}
		shuffled := rapid.Permutation(halves).Draw(t, "shuffled")
		got := learn.Fold(shuffled, contexts[0], day, learn.DefaultHalfLife)
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for strategy, p := range want {
			if q := got[strategy]; math.Abs(p.Alpha-q.Alpha) > 1e-9 || math.Abs(p.Beta-q.Beta) > 1e-9 {
				t.Fatalf("%s: got %v, want %v", strategy, q, p)
			}
		}
	})
}

func TestDay(t *testing.T) {
	t.Parallel()
	for at, want := range map[time.Time]int64{
		time.Unix(0, 0):          0,
		time.Unix(86399, 0):      0,
		time.Unix(86400, 0):      1,
		time.Unix(-1, 0):         -1,
		time.Unix(-86400, 0):     -1,
		day:                      20526,
		day.Add(12 * time.Hour):  20527,
		day.Add(-13 * time.Hour): 20525,
	} {
		if got := learn.Day(at); got != want {
			t.Errorf("the day of %v is %d, want %d", at.UTC(), got, want)
		}
	}
}
