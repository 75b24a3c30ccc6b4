// Package plural writes numbers together with their nouns: "1 test", "1,204 patches".
// It knows the English that regreen's messages need, and no other language.
package plural

import (
	"strconv"
	"strings"
)

// Count returns n and the noun in the form that goes with it: "1 test", "0 patches".
func Count(n int, noun string) string {
	if n != 1 {
		noun = plural(noun)
	}
	return Thousands(n) + " " + noun
}

// Verb returns the form that goes with n: Verb(n, "passes", "pass").
func Verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Thousands returns n with a comma after each three digits: "1,204".
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(noun string) string {
	switch last := len(noun) - 1; {
	case strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "sh"), strings.HasSuffix(noun, "s"):
		return noun + "es"
	case strings.HasSuffix(noun, "y") && last > 0 && !strings.ContainsRune("aeiou", rune(noun[last-1])):
		return noun[:last] + "ies"
	}
	return noun + "s"
}
