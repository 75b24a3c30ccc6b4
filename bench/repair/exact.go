package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/lang/golang/harmless"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
)

// exact reports whether diff, applied to the tree in dir, restores the published
// module: the file with the bug equals original, or what that was at the commit
// before, and no other file changes. Layout and comments do not count. A diff that
// does not apply is not exact.
func exact(dir string, b seeded.Bug, original []byte, diff string) bool {
	files, err := patch.Parse([]byte(diff))
	if err != nil {
		return false
	}
	repaired := false
	for _, f := range files {
		if f.New || f.Delete || f.Rename || f.Copy || f.Binary || !filepath.IsLocal(filepath.FromSlash(f.Name())) {
			return false
		}
		before, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Name())))
		if err != nil {
			return false
		}
		after, _, err := patch.Apply(before, f, patch.Options{})
		if err != nil {
			return false
		}
		switch {
		case f.Name() == b.File:
			unseeded, err := b.Unseeded(original)
			repaired = harmless.SameCode(after, original) || err == nil && harmless.SameCode(after, unseeded)
			if !repaired {
				return false
			}
		case !strings.HasSuffix(f.Name(), ".go"):
			return false
		case !harmless.SameCode(after, before):
			return false
		}
	}
	return repaired
}

// count returns how many patches are plausible, and how many of those are verified.
func count(patches []report.Patch) (plausible, verified int) {
	for _, p := range patches {
		switch p.State {
		case report.PatchVerified:
			verified++
			plausible++
		case report.PatchPlausible:
			plausible++
		}
	}
	return plausible, verified
}

// exactPatch returns the best-ranked plausible patch that satisfies match, and its rank,
// from 1, among the plausible patches of its cluster. Refused patches are not
// ranked, because they are not shown to users. The rank is 0 if there is no such patch.
func exactPatch(patches []report.Patch, match func(report.Patch) bool) (best report.Patch, rank int) {
	for _, p := range patches {
		if (p.State != report.PatchPlausible && p.State != report.PatchVerified) || !match(p) {
			continue
		}
		r := 1
		for _, other := range patches {
			if (other.State == report.PatchPlausible || other.State == report.PatchVerified) && other.Cluster == p.Cluster && other.Rank < p.Rank {
				r++
			}
		}
		if rank == 0 || r < rank {
			best, rank = p, r
		}
	}
	return best, rank
}
