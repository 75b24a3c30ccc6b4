// Package forge has the clients of the sites that host repositories: GitHub, through
// go-github, and GitLab's notes.
//
// Goals: every list is read through all of its pages; writes go one at a time and no
// faster than the site asks for; an error says which permission is missing, whether it
// may pass and when; the token goes to the site's own API and nowhere else.
//
// Not goals: trying again, which is for who knows what a second try would do; what is
// told on the site, which is package deliver's.
package forge

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// What errors of this package match by errors.Is. A site that hides what a token may not
// see says that it is not there: such an error is both ErrDenied and ErrNotFound.
var (
	ErrDenied    = errors.New("permission missing from the token")
	ErrNotFound  = errors.New("not found")
	ErrMoved     = errors.New("branch moved in the meantime")
	ErrExists    = errors.New("already exists")
	ErrProtected = errors.New("protected branch")
	ErrNoFile    = errors.New("not a plain file")
	ErrTooLarge  = errors.New("too large")
)

// Error is one for people: what went wrong, and what to do about it.
type Error struct {
	What, Advice string
	Err          error // the cause, or nil

	kinds []error // of the errors above
}

func (e *Error) Error() string {
	s := e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Hint returns what to do about it.
func (e *Error) Hint() string { return e.Advice }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is tells whether the error is of the kind of target.
func (e *Error) Is(target error) bool { return slices.Contains(e.kinds, target) }

// TransientError is an error that may be gone at the next try.
type TransientError struct {
	Err   error
	After time.Duration // what the server asks to wait, 0 where it does not say
}

func (t *TransientError) Error() string { return t.Err.Error() }

// Unwrap gives the error itself.
func (t *TransientError) Unwrap() error { return t.Err }

// RetryAfter is how long a server asks to wait: Retry-After in seconds or as a date,
// or the time at which a rate limit is lifted. 0 where it does not say.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if s := h.Get("Retry-After"); s != "" {
		if n, err := strconv.ParseUint(s, 10, 31); err == nil {
			return time.Duration(n) * time.Second
		}
		if at, err := http.ParseTime(s); err == nil {
			return max(at.Sub(now), 0)
		}
	}
	if h.Get("X-RateLimit-Remaining") == "0" {
		if at, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return max(time.Unix(at, 0).Sub(now), 0)
		}
	}
	return 0
}

// MayPass tells the HTTP statuses that the same request may not get again.
func MayPass(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 && status != http.StatusNotImplemented
}
