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

// poolOutput is the output of a process of a pool.
type poolOutput struct {
	early      []int    // functions that were called before the pool began
	reached    []int    // probes that were reached before the failures, in order
	base       []string // results of the unchanged code, before and after the mutants
	verdicts   map[int]poolVerdict
	retried    time.Duration // time for retries of mutants that ran out of steps
	duplicates int           // mutants that chose the same values as one that ran
	givenUp    bool          // the process ended after the last verdict, because of time or memory
	overflow   bool          // a stack overflow ended the process
}

// poolVerdict is a pool's verdict on one mutant.
type poolVerdict struct {
	word   string   // pass, fail, same, unset, steps, deep, timeout or memory
	failed []string // tests, including their parents
	pass   bool
	inert  bool // chose the same values as the unchanged code before the pool began
}

// reason returns why the verdict rejects the mutant.
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

// broken returns why the verdict refuses the mutant: what it breaks in the package.
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

// parsePoolOutput parses the output of regreenPool in pool/run.go. An unfinished last line does
// not count.
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
		case "duplicate":
			out.duplicates++
		case "retried":
			if retried, err := time.ParseDuration(rest); err == nil {
				out.retried = retried
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

// passedOf returns the tests of a target that a pool ran and that did not fail.
func passedOf(target validate.Target, failed []string) []testrun.TestID {
	var out []testrun.TestID
	for _, id := range target.Tests() {
		if poolable(id.Test) && !slices.Contains(failed, id.Test) {
			out = append(out, id)
		}
	}
	return out
}

// sameReason is the reason to reject a mutant that chose the same values as the unchanged code.
const sameReason = "changes nothing that the failing tests reach before they fail"
