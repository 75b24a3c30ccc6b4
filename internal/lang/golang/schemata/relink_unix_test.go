//go:build unix

package schemata

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
)

// BenchmarkWhole measures how many seconds a candidate with a build of its own takes on two
// workers, including the questions to the go command, and how much processor time, which
// depends less on other work on the machine.
func BenchmarkWhole(b *testing.B) {
	for _, bug := range []bug{semverBug, tomlBug} {
		s, target, cands := seeded(b, bug, 12)
		for _, n := range []int{4, 15} {
			for _, build := range []string{"overlay", "relink"} {
				b.Run(fmt.Sprintf("%s/%s-%d", filepath.Base(filepath.Dir(bug.module)), build, n), func(b *testing.B) {
					before := cpu()
					for b.Loop() {
						whole(b, s, target, fresh(cands[len(cands)-n:]), build == "relink")
					}
					b.ReportMetric(b.Elapsed().Seconds()/float64(b.N*n), "s/candidate")
					b.ReportMetric((cpu()-before).Seconds()/float64(b.N*n), "cpu-s/candidate")
				})
			}
		}
	}
}

// fresh returns the candidates with texts that are not in the go command's cache.
func fresh(cands []propose.Candidate) []propose.Candidate {
	out := slices.Clone(cands)
	for i := range out {
		out[i].Edits = slices.Clone(out[i].Edits)
		out[i].Edits[0].New += "/* " + rand.Text() + " */"
	}
	return out
}

// cpu returns the processor time of the processes that have ended.
func cpu() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
