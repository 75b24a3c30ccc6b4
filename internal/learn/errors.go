package learn

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The causes of a store's errors, for errors.Is.
var (
	ErrCorrupt = errors.New("damaged database, or not a database")
	ErrNewer   = errors.New("database written by a newer regreen")
	ErrDisk    = errors.New("disk full or failing")
	ErrBusy    = errors.New("database locked by another process")
	ErrDenied  = errors.New("database not writable")

	ErrUnreachable = errors.New("server unreachable")
	ErrLogin       = errors.New("login or command refused by the server")
)

var errClosed = errors.New("store already closed")

// Error is a failure of a store: what it was doing, where, why, and what the user
// can do about it.
type Error struct {
	Op     string // open, reach, write to, read, close
	Path   string // of the file, or the server's address
	Advice string // may be empty
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("cannot %s the learning store %s: %v", e.Op, e.Path, e.Err)
}

// Hint returns what the user can do about the error.
func (e *Error) Hint() string { return e.Advice }

func (e *Error) Unwrap() error { return e.Err }

// explain adds the cause, the place and a hint to an error; nil stays nil.
func (s *SQLite) explain(op string, err error) error {
	if err == nil {
		return nil
	}
	var already *Error
	if errors.As(err, &already) {
		return err
	}
	cause := classify(err)
	if cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	return &Error{Op: op, Path: s.path, Advice: hint(cause), Err: err}
}

// classify returns the sentinel that matches an error of the driver or the file
// system, or nil.
func classify(err error) error {
	var failed *sqlite.Error
	switch {
	case errors.Is(err, ErrNewer):
		return ErrNewer
	case errors.Is(err, syscall.ENOSPC):
		return ErrDisk
	case errors.As(err, new(*fs.PathError)): // making the directory
		return ErrDenied
	case !errors.As(err, &failed):
		return nil
	}
	switch failed.Code() & 0xff { // the primary result code
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrCorrupt
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return ErrDisk
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrBusy
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return ErrDenied
	}
	return nil
}

func hint(cause error) string {
	switch cause {
	case ErrCorrupt:
		return "move the file away, with its -wal and -shm files; learning then starts from nothing"
	case ErrNewer:
		return "update regreen, or point --store at another file"
	case ErrDisk:
		return "free some space; nothing stored so far is lost"
	case ErrBusy:
		return "wait for the other regreen to end, or point --store at another file"
	case ErrDenied:
		return "make the file and its directory writable, or point --store at another file"
	}
	return ""
}

func isBusy(err error) bool { return err != nil && errors.Is(classify(err), ErrBusy) }
