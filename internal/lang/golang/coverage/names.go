package coverage

import (
	"strings"
	"unicode"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// affinity returns how similar the names of a test and a function are, from 0 to 1: the
// share of common words (Dice's coefficient). TestParseRange has affinity 1 to ParseRange,
// parseRange, and the method Parse of a Range.
func affinity(test testrun.TestID, recv, name string) float64 {
	top := test.Top()
	for _, prefix := range []string{"Test", "Example", "Fuzz"} {
		if rest, ok := strings.CutPrefix(top, prefix); ok {
			top = rest
			break
		}
	}
	_, sub, _ := strings.Cut(test.Test, "/")
	short, long := words(top), words(top+" "+sub)
	function, method := words(name), words(recv+" "+name)
	return max(dice(short, function), dice(short, method), dice(long, function), dice(long, method))
}

func dice(a, b []string) float64 {
	if len(a)+len(b) == 0 {
		return 0
	}
	left := make(map[string]int)
	for _, w := range a {
		left[w]++
	}
	common := 0
	for _, w := range b {
		if left[w] > 0 {
			left[w]--
			common++
		}
	}
	return 2 * float64(common) / float64(len(a)+len(b))
}

// words splits an identifier: parseHTTPRange2 is parse, http, range2.
func words(s string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	rs := []rune(s)
	for i, r := range rs {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r):
			afterLower := i > 0 && !unicode.IsUpper(rs[i-1])
			beforeLower := i+1 < len(rs) && unicode.IsLower(rs[i+1])
			if afterLower || beforeLower {
				flush()
			}
		}
		word = append(word, r)
	}
	flush()
	return out
}
