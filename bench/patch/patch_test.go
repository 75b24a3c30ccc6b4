package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/patch"
)

func TestCases(t *testing.T) {
	t.Parallel()
	hunks := map[string]int{"small": 1, "long": 20, "many": 200, "shifted": 10}
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var r result
			if err := c.count(&r); err != nil {
				t.Fatal(err)
			}
			if r.allocs == 0 || r.bytes == 0 {
				t.Errorf("nothing was counted: %+v", r)
			}
			parsed, err := patch.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			for _, f := range parsed {
				got += len(f.Hunks)
			}
			if got != hunks[c.name] {
				t.Errorf("got %d hunks, want %d", got, hunks[c.name])
			}
		})
	}
}

// TestShiftedIsFar checks that the shifted case is as hard as it should be.
func TestShiftedIsFar(t *testing.T) {
	t.Parallel()
	c := shifted()
	if size := len(c.files[0].old); size < 1_000_000 || size > 1_300_000 {
		t.Errorf("got %d bytes", size)
	}
	parsed, err := patch.Parse(c.text)
	if err != nil {
		t.Fatal(err)
	}
	_, placed, err := patch.Apply(c.files[0].old, parsed[0], patch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range placed {
		if want := 300 * (i + 1); p.Offset != want {
			t.Errorf("hunk %d: got offset %d, want %d", p.Hunk, p.Offset, want)
		}
	}
}

// TestChecksResults checks that wrong results are errors.
func TestChecksResults(t *testing.T) {
	t.Parallel()
	c := small()
	c.files[0].new = bytes.ToUpper(c.files[0].new)
	if err := c.count(&result{}); err == nil {
		t.Error("a wrong result in-process was accepted")
	}
	s := workDir{c, t.TempDir(), ""}
	if _, err := s.timed(func() error { return nil }); err == nil {
		t.Error("a wrong file was accepted")
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	if got := median([]time.Duration{9, 1, 5}); got != 5 {
		t.Errorf("got median %v", got)
	}
	if got := mean([]time.Duration{9, 1, 5}); got != 5 {
		t.Errorf("got mean %v", got)
	}
	r := result{inProcess: 2, git: 30, gnu: 20}
	if got := r.ratio(); got != 10 {
		t.Errorf("got ratio %v", got)
	}
}
