package propose

import (
	"encoding/binary"
	"slices"
)

// ddmin finds a small set of the numbers 0 to n-1 for which test holds: the minimizing delta
// debugging of Zeller and Hildebrandt (Simplifying and Isolating Failure-Inducing Input,
// 2002). The numbers are sorted by how likely they are to be the answer. The most common
// answer is a single number, so ddmin first tries the first few on their own.
//
// If minimal is true, the set is 1-minimal: test does not hold without any one of its
// numbers. If test returns an error, for instance at a deadline, ddmin returns it with the
// best set so far, or nil. It tests no set twice.
func ddmin(n, singles int, test func(set []int) (bool, error)) (set []int, minimal bool, err error) {
	known := make(map[string]bool)
	holds := func(set []int) bool {
		if err != nil || len(set) == 0 {
			return false
		}
		key := make([]byte, 0, 2*len(set))
		for _, i := range set {
			key = binary.AppendUvarint(key, uint64(i))
		}
		if ok, seen := known[string(key)]; seen {
			return ok
		}
		ok, failed := test(slices.Clone(set))
		if failed != nil {
			err = failed
			return false
		}
		known[string(key)] = ok
		return ok
	}
	for i := range min(n, singles) {
		if holds([]int{i}) {
			return []int{i}, true, nil
		}
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	if !holds(all) {
		return nil, false, err
	}
	set = all
	for parts := 2; len(set) >= 2; {
		next, finer := reduce(set, parts, holds)
		if err != nil {
			return set, false, err
		}
		if next == nil {
			if parts >= len(set) {
				return set, true, nil
			}
			parts = min(2*parts, len(set))
			continue
		}
		set, parts = next, max(finer, 2)
	}
	return set, true, nil
}

// reduce returns one of the parts, or the set without one of them, for which test holds, and
// into how many parts to split that next. It returns nil if none exists.
func reduce(set []int, parts int, holds func([]int) bool) (smaller []int, next int) {
	at := func(k int) int { return k * len(set) / parts }
	for k := range parts {
		if part := set[at(k):at(k+1)]; len(part) < len(set) && holds(part) {
			return part, 2
		}
	}
	if parts == 2 {
		return nil, 0 // each half is the other's complement
	}
	for k := range parts {
		rest := slices.Concat(set[:at(k)], set[at(k+1):])
		if len(rest) < len(set) && holds(rest) {
			return rest, parts - 1
		}
	}
	return nil, 0
}
