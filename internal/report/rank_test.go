package report

import (
	"slices"
	"testing"
)

func TestAgree(t *testing.T) {
	t.Parallel()
	patch := func(cluster int, file string, start, end int) Patch {
		return Patch{Cluster: cluster, Files: []Span{{File: file, Start: start, End: end}}}
	}
	patches := []Patch{
		patch(1, "a.go", 3, 5), patch(1, "a.go", 5, 9), patch(1, "a.go", 9, 9), patch(1, "b.go", 3, 5), patch(2, "a.go", 3, 5),
	}
	Agree(patches, 1)
	var got []int
	for _, p := range patches {
		got = append(got, p.SameLines)
	}
	if want := []int{1, 2, 1, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
