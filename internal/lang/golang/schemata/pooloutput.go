package schemata

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// What the processes of a pool write, and what that means.

// poolOutput is what the processes of a pool have written.
type poolOutput struct {
	early    []int    // functions that were called before it began
	reached  []int    // probes that were reached before the failures, in order
	base     []string // results of the code as it stands, before and after
	verdicts map[int]poolVerdict
	late     time.Duration // that was taken by what ran out of steps
	alike    int           // how many chose the same values as what was run
	givenUp  bool          // after the last verdict, for time or memory
	overflow bool          // of the stack ended the process
}

// poolVerdict is what a pool says of one mutant.
type poolVerdict struct {
	word   string   // pass, fail, same, unset, steps, deep, timeout or memory
	failed []string // tests, with all they are subtests of
	pass   bool
	inert  bool // as the code stands before the pool began, as far as that got
}

func (pv poolVerdict) reason() string {
	switch pv.word {
	case "steps", "timeout":
		return "ran into the timeout"
	case "deep":
		return "recurses without end"
	case "memory":
		return "took too much memory"
	default:
		return "the failing tests still fail"
	}
}

// broken says the same of the package's other tests.
func (pv poolVerdict) broken() string {
	switch {
	case pv.word == "fail" && len(pv.failed) > 0:
		return "breaks " + slices.MaxFunc(pv.failed, func(a, b string) int { return cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")) })
	case pv.word == "deep":
		return "the other tests of the package recurse without end"
	case pv.word == "memory":
		return "the other tests of the package take too much memory"
	default:
		return "the other tests of the package run into the timeout"
	}
}

// parsePoolOutput reads what regreenPool in pool/pool.go writes. A line that was not
// finished does not count.
func parsePoolOutput(text []byte) poolOutput {
	out := poolOutput{verdicts: make(map[int]poolVerdict)}
	inert := make(map[int]bool)
	for line := range strings.Lines(string(text)) {
		what, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !strings.HasSuffix(line, "\n") {
			break
		}
		switch what {
		case "early":
			if n, err := strconv.Atoi(rest); err == nil {
				out.early = append(out.early, n)
			}
		case "reach":
			for field := range strings.FieldsSeq(rest) {
				if n, err := strconv.Atoi(field); err == nil {
					out.reached = append(out.reached, n)
				}
			}
		case "inert":
			if n, err := strconv.Atoi(rest); err == nil {
				inert[n] = true
			}
		case "alike":
			out.alike++
		case "late":
			if late, err := time.ParseDuration(rest); err == nil {
				out.late = late
			}
		case "base":
			out.base = append(out.base, rest)
		case "done":
			id, verdict, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(id)
			if err != nil {
				break
			}
			word, failed, _ := strings.Cut(verdict, " ")
			pv := poolVerdict{word: word, failed: strings.Fields(failed), pass: word == "pass", inert: inert[n]}
			out.givenUp = word == "timeout" || word == "memory"
			out.verdicts[n] = pv
		}
	}
	return out
}

// passedOf are the tests of a target that a pool ran and that are not among those
// that failed.
func passedOf(target validate.Target, failed []string) []testrun.TestID {
	var out []testrun.TestID
	for _, id := range target.Tests() {
		if poolable(id.Test) && !slices.Contains(failed, id.Test) {
			out = append(out, id)
		}
	}
	return out
}

// sameReason is why a mutant is rejected that was compared with the code as it stands.
const sameReason = "changes nothing of what the failing tests come to before they fail"
