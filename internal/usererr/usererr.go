// Package usererr holds the errors that users read: what is wrong, where, and what to do
// about it. Error never returns the hint, so that every place can show it in its own way: a
// terminal on a line of its own, a receipt in parentheses.
//
// It decides no exit status; session.Exit does.
package usererr

import (
	"errors"
	"slices"
	"strings"
)

// Error is an error that explains itself. Either What or Err is set; all other fields may be empty.
type Error struct {
	What   string // what is wrong
	Where  string // the file, line, directory or address
	Advice string // the next command or edit
	Err    error  // the cause
}

// Error returns "where: what: cause".
func (e *Error) Error() string {
	parts := []string{e.Where, e.What}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ": ")
}

// Hint returns the next command or edit.
func (e *Error) Hint() string { return e.Advice }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// UsageError is an Error in how regreen was called or configured.
type UsageError Error

// Error returns "where: what: cause".
func (e *UsageError) Error() string { return (*Error)(e).Error() }

// Hint returns the next command or edit.
func (e *UsageError) Hint() string { return e.Advice }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// Hint returns the advice of an error and of those it wraps. The outermost hint of a chain
// replaces those below it, since it knows what the user wanted; joined errors each keep
// their own, one a line.
func Hint(err error) string { return strings.Join(hints(err, nil), "\n") }

func hints(err error, found []string) []string {
	if h, ok := err.(interface{ Hint() string }); ok {
		if text := h.Hint(); text != "" {
			if slices.Contains(found, text) {
				return found
			}
			return append(found, text)
		}
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return hints(wrapper.Unwrap(), found)
	case interface{ Unwrap() []error }:
		for _, each := range wrapper.Unwrap() {
			found = hints(each, found)
		}
	}
	return found
}

// OneLine returns an error with its hint in parentheses, for a place with a single line.
func OneLine(err error) string {
	hint := Hint(err)
	if hint == "" {
		return err.Error()
	}
	return err.Error() + " (hint: " + strings.ReplaceAll(hint, "\n", "; ") + ")"
}

// Unchanged marks the error of an operation that ended before it changed any of the user's files.
func Unchanged(err error) error {
	if err == nil {
		return nil
	}
	return &unchanged{err}
}

// IsUnchanged reports whether an error is marked by Unchanged.
func IsUnchanged(err error) bool { return errors.As(err, new(*unchanged)) }

type unchanged struct{ error }

func (u *unchanged) Unwrap() error { return u.error }
