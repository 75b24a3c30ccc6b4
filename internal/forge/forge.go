// Package forge has the clients for the sites that host repositories: GitHub, through
// go-github, and GitLab's notes.
//
// Goals: lists are read to their last page. Writes go one at a time, no faster than the site
// asks for. An error says which permission is missing, or whether and when a retry may help.
// The token goes to the site's own API and nowhere else.
//
// Non-goals: retries, which are up to callers, who know what a second try would do; and the
// text that is posted, which comes from package deliver.
package forge

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Errors of this package match these with errors.Is. A site may hide what a token must not see
// by answering "not found"; such an error is both ErrDenied and ErrNotFound.
var (
	ErrDenied    = errors.New("permission missing from the token")
	ErrNotFound  = errors.New("not found")
	ErrMoved     = errors.New("branch moved in the meantime")
	ErrExists    = errors.New("already exists")
	ErrProtected = errors.New("protected branch")
	ErrNoFile    = errors.New("not a plain file")
	ErrTooLarge  = errors.New("too large")
)

// Error says what went wrong and what to do about it.
type Error struct {
	What, Advice string
	Err          error // the cause, or nil

	kinds []error // those of the errors above that it matches
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

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether the error is of the kind of target.
func (e *Error) Is(target error) bool { return slices.Contains(e.kinds, target) }

// TransientError is an error that a retry may not meet again.
type TransientError struct {
	Err   error
	After time.Duration // how long the server asks to wait; 0 if it does not say
}

func (t *TransientError) Error() string { return t.Err.Error() }

// Unwrap returns the error itself.
func (t *TransientError) Unwrap() error { return t.Err }

// RetryAfter returns how long a server asks to wait: Retry-After in seconds or as a date, or
// the time at which a rate limit is lifted. It is 0 if the server does not say.
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

// IsTransient reports whether the same request may get another HTTP status next time.
func IsTransient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 && status != http.StatusNotImplemented
}
