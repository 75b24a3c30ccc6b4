package propose

import (
	"maps"
	"slices"
	"testing"

	"github.com/regreen-ci/regreen/internal/patch"
)

func TestLinesBefore(t *testing.T) {
	t.Parallel()
	old := "a\nb\n\tc\nd\ne\nf\n"
	now := "a\nB\n\tC\nd\nnew\ne\nF\n"
	got := linesBefore([]patch.File{patch.Diff("x.go", "x.go", []byte(old), []byte(now))})["x.go"]
	want := map[int][]string{2: {"b", "c"}, 3: {"b", "c"}, 5: nil, 7: {"f"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}
