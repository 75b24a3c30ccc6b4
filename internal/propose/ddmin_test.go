package propose

import (
	"errors"
	"hash/fnv"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// contains reports whether set has all of want.
func contains(set, want []int) bool {
	return !slices.ContainsFunc(want, func(i int) bool { return !slices.Contains(set, i) })
}

func TestDdmin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		n       int
		singles int
		culprit []int
		tests   int // at most
	}{
		{"the most suspicious", 100, 16, []int{0}, 1},
		{"among the singles", 100, 16, []int{9}, 10},
		{"one of many", 128, 4, []int{77}, 25},
		{"two far apart", 8, 0, []int{1, 6}, 40},
		{"all", 5, 5, []int{0, 1, 2, 3, 4}, 40},
		{"one of one", 1, 1, []int{0}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tests := 0
			set, minimal, err := ddmin(c.n, c.singles, func(set []int) (bool, error) {
				tests++
				return contains(set, c.culprit), nil
			})
			if err != nil || !minimal || !slices.Equal(set, c.culprit) {
				t.Errorf("found %v, minimal %v, %v; want %v", set, minimal, err, c.culprit)
			}
			if tests > c.tests {
				t.Errorf("got %d tests, want at most %d", tests, c.tests)
			}
		})
	}
}

func TestDdminFindsNothing(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 7} {
		set, minimal, err := ddmin(n, 3, func([]int) (bool, error) { return false, nil })
		if set != nil || minimal || err != nil {
			t.Errorf("n=%d: got %v, %v, %v, want nothing", n, set, minimal, err)
		}
	}
}

// Whatever the test, it holds for the result, no number can be left out, no set is tested
// twice, and the same question has the same answer.
func TestDdminProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 24).Draw(t, "n")
		singles := rapid.IntRange(0, 24).Draw(t, "singles")
		seed := rapid.Uint64().Draw(t, "seed")
		monotone := rapid.Bool().Draw(t, "monotone")
		culprit := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 1, n, rapid.ID[int]).Draw(t, "culprit")
		holds := func(set []int) bool {
			if monotone {
				return contains(set, culprit)
			}
			h := fnv.New64a()
			for _, i := range set {
				h.Write([]byte{byte(i), byte(seed), byte(seed >> 8)})
			}
			return len(set) == n || len(set) > 0 && h.Sum64()%4 == 0
		}
		seen := make(map[string]bool)
		run := func() ([]int, bool) {
			clear(seen)
			set, minimal, err := ddmin(n, singles, func(set []int) (bool, error) {
				key := string(rune(len(set)))
				for _, i := range set {
					key += string(rune(i))
				}
				if seen[key] {
					t.Fatalf("%v was tested twice", set)
				}
				seen[key] = true
				if !slices.IsSorted(set) || len(set) == 0 {
					t.Fatalf("tested %v", set)
				}
				return holds(set), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return set, minimal
		}
		set, minimal := run()
		if !minimal || !holds(set) {
			t.Fatalf("%v: got minimal %v, holds %v", set, minimal, holds(set))
		}
		for i := range set {
			if rest := slices.Delete(slices.Clone(set), i, i+1); len(rest) > 0 && holds(rest) {
				t.Fatalf("%v holds without %d", set, set[i])
			}
		}
		if monotone {
			if !slices.Equal(set, slices.Sorted(slices.Values(culprit))) {
				t.Fatalf("found %v, want %v", set, culprit)
			}
		}
		if again, _ := run(); !slices.Equal(set, again) {
			t.Fatalf("found %v, then %v", set, again)
		}
	})
}

func TestDdminStops(t *testing.T) {
	t.Parallel()
	deadline := errors.New("deadline")
	culprit := []int{3, 21, 22}
	for limit := range 40 {
		tests := 0
		set, minimal, err := ddmin(32, 2, func(set []int) (bool, error) {
			if tests == limit {
				return false, deadline
			}
			tests++
			return contains(set, culprit), nil
		})
		if err == nil {
			if !minimal || !slices.Equal(set, culprit) || limit < 10 {
				t.Fatalf("after %d: %v, minimal %v", tests, set, minimal)
			}
			continue
		}
		if !errors.Is(err, deadline) || minimal {
			t.Fatalf("limit %d: minimal %v, %v", limit, minimal, err)
		}
		if set != nil && !contains(set, culprit) {
			t.Fatalf("limit %d: the best so far, %v, does not hold", limit, set)
		}
		if limit > 2 && set == nil {
			t.Fatalf("limit %d: nothing found although the whole set was tested", limit)
		}
	}
}
