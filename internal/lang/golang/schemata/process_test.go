package schemata

import (
	"slices"
	"testing"
)

func TestFixedIn(t *testing.T) {
	t.Parallel()
	ids := target("p", "TestA", "TestB", "TestC/x").Tests()
	for _, tc := range []struct {
		output string
		want   []string
	}{
		{"--- FAIL: TestA (0.00s)\n    a_test.go:1: x\nFAIL\n", []string{"TestB", "TestC/x"}},
		{"--- FAIL: TestC (0.00s)\n    --- FAIL: TestC/x (0.00s)\nFAIL\n", []string{"TestA", "TestB"}},
		{"--- FAIL: TestA (0.00s)\npanic: x\n", nil},
		{"fatal error: all goroutines are asleep\n", nil},
		{"", nil},
	} {
		var got []string
		for _, id := range fixedIn([]byte(tc.output), ids) {
			got = append(got, id.Test)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%q: got %v, want %v", tc.output, got, tc.want)
		}
	}
	if got := fixedIn([]byte("--- FAIL: TestZ (0.00s)\n"), ids[:1]); got != nil {
		t.Errorf("of one test: %v", got)
	}
}
