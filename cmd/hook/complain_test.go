package main

import (
	"strings"
	"testing"
)

// TestComplain checks that a name in an error cannot look like a message of its own.
func TestComplain(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	a := &app{stderr: &out}
	a.complain("cannot read x\nregreen: all is well\x1b[2J\n", "rename it\ntry again")
	want := "regreen: cannot read x\n  regreen: all is well␛[2J\nhint: rename it\nhint: try again\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
