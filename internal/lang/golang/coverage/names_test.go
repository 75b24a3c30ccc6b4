package coverage

import (
	"math"
	"testing"
)

func TestAffinity(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		test, recv, name string
		want             float64
	}{
		{"TestParseRange", "", "ParseRange", 1},
		{"TestParseRange", "", "parseRange", 1},
		{"TestParseRange", "Range", "Parse", 1},
		{"Test_parse_range", "", "parseRange", 1},
		{"TestHTTPClientDo", "HTTPClient", "Do", 1},
		{"TestRange/parse_errors", "", "parseRangeErrors", 1},
		{"TestParseRange", "", "parseInt", 0.5},
		{"TestParseRange", "", "String", 0},
		{"Test", "", "Run", 0},
	} {
		id := testID("p", tc.test)
		if got := affinity(id, tc.recv, tc.name); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("affinity(%s, %q, %s) = %v, want %v", tc.test, tc.recv, tc.name, got, tc.want)
		}
	}
}
