package usererr

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestErrorLeavesOutTheHint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err           error
		text, oneLine string
	}{
		{&Error{What: "no such branch"}, "no such branch", "no such branch"},
		{&Error{What: "no such branch", Advice: "git branch -a"}, "no such branch", "no such branch (hint: git branch -a)"},
		{&Error{Where: "a.yml:3", What: "unknown key", Err: fs.ErrInvalid}, "a.yml:3: unknown key: invalid argument", "a.yml:3: unknown key: invalid argument"},
		{&UsageError{Where: "--jobs", Err: fs.ErrInvalid, Advice: "write a number"}, "--jobs: invalid argument", "--jobs: invalid argument (hint: write a number)"},
	} {
		if got := tt.err.Error(); got != tt.text {
			t.Errorf("got %q, want %q", got, tt.text)
		}
		if got := OneLine(tt.err); got != tt.oneLine {
			t.Errorf("got %q, want %q", got, tt.oneLine)
		}
		if wraps, want := errors.Is(tt.err, fs.ErrInvalid), errors.Unwrap(tt.err) != nil; wraps != want {
			t.Errorf("%v: wraps its cause: got %t, want %t", tt.err, wraps, want)
		}
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	one, two := &Error{What: "one", Advice: "do one"}, &UsageError{What: "two", Advice: "do two"}
	silent := &Error{What: "silent", Err: one}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"no error", nil, ""},
		{"no hint", fs.ErrInvalid, ""},
		{"its own", one, "do one"},
		{"of a wrapped error", fmt.Errorf("read: %w", one), "do one"},
		{"below an error without one", silent, "do one"},
		{"the outermost", &UsageError{Where: "--from", Err: one, Advice: "do this first"}, "do this first"},
		{"of joined errors, each", errors.Join(one, fs.ErrInvalid, two), "do one\ndo two"},
		{"of joined errors, once", errors.Join(one, silent), "do one"},
		{"of two causes", fmt.Errorf("%w (%w)", fs.ErrInvalid, two), "do two"},
	} {
		if got := Hint(tt.err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got, want := OneLine(errors.Join(one, two)), "one\ntwo (hint: do one; do two)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnchanged(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("write: %w", Unchanged(fs.ErrInvalid))
	if !IsUnchanged(err) || !errors.Is(err, fs.ErrInvalid) || err.Error() != "write: invalid argument" {
		t.Errorf("the mark is lost, or the text shows it: %v", err)
	}
	if Unchanged(nil) != nil || IsUnchanged(nil) || IsUnchanged(fs.ErrInvalid) {
		t.Error("IsUnchanged is true for an error without the mark")
	}
}
