// Package witness remembers which trees passed their tests, so that they are not tested
// again: at an amend, at a push, in another worktree. It also remembers which tests fail in the
// others (see Failures), and commits without such a proof (see Ledger).
//
// A witness is a small file, named by a hash of everything that the outcome depends on: the
// tree, the command, the toolchain, the configuration and the environment. There is no index
// to corrupt and no lock to wait for, because concurrent writers write the same.
//
// Goals: a lookup opens one file; a witness that cannot be read is ignored; the number and the
// age of witnesses are bounded.
//
// Non-goal: deciding what the outcome depends on. The caller fills the Key.
package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// Key is everything that the outcome of a run depends on.
type Key struct {
	Tree      string   // git's hash of the tree
	Command   string   // the test command; "" for the detected one
	Toolchain []string // the programs of the toolchain, by path, size and time
	Environ   []string // NAME=value of the relevant variables
}

// ID returns the name of the key's witness. Two keys have the same ID only if they are equal,
// apart from the order of Environ.
func (k Key) ID() string {
	h := sha256.New()
	field := func(name string, values ...string) {
		fmt.Fprintf(h, "%s %d\n", name, len(values))
		for _, v := range values {
			fmt.Fprintf(h, "%d ", len(v))
			_, _ = io.WriteString(h, v)
		}
	}
	environ := slices.Sorted(slices.Values(k.Environ))
	field("tree", k.Tree)
	field("command", k.Command)
	field("toolchain", k.Toolchain...)
	field("environ", environ...)
	return hex.EncodeToString(h.Sum(nil)[:20])
}

// Scope is the part of the suite that a witness proves.
type Scope string

// The scopes.
const (
	Suite   Scope = "suite"   // all tests passed, some of them at the base if the change does not affect them
	Reached Scope = "reached" // the affected tests passed, and the others are unknown
	// Outside is like the others, but the tests depend on files outside of the repository. It shows
	// that a commit was tested, and not that its tree passes now.
	Outside Scope = "outside"
)

// Witness is the proof that a tree passed.
type Witness struct {
	Tree    string    `json:"tree"`
	Scope   Scope     `json:"scope"`
	Verdict string    `json:"verdict"` // green, or another verdict that lets a commit pass
	Run     string    `json:"run"`     // ID of the run that proved it
	When    time.Time `json:"when"`
	Tests   int       `json:"tests"` // passed
	Seconds float64   `json:"seconds"`
	Outside string    `json:"outside,omitempty"` // one of these files, for Scope Outside
}

// Stands reports whether the witness proves that the tree still passes. With failures that the base
// had, a tree passed only on top of that base.
func (w Witness) Stands() bool { return w.Scope != Outside && w.Verdict == "green" }

// Store keeps witnesses in a directory.
type Store struct {
	files folder
}

// Open returns the store in a state directory. Record creates its files.
func Open(state string) *Store {
	const (
		maxWitnesses = 2000
		maxAge       = 90 * 24 * time.Hour
		maxFile      = 4 << 10
	)
	return &Store{folder{dir: filepath.Join(state, "witness"), most: maxWitnesses, maxAge: maxAge, maxFile: maxFile}}
}

// Find returns the witness of a key. It returns false if it is missing, if it cannot be read,
// or if it is about another tree.
func (s *Store) Find(k Key) (Witness, bool) {
	var w Witness
	err := s.files.read(k, &w)
	return w, err == nil && w.Tree == k.Tree && k.Tree != ""
}

// Record stores a witness atomically, and removes the oldest ones if there are too many. A
// witness of scope Suite is never replaced by one of scope Reached.
func (s *Store) Record(k Key, w Witness) error {
	if k.Tree == "" {
		return errors.New("a witness needs a tree")
	}
	w.Tree = k.Tree
	if old, ok := s.Find(k); ok && old.Scope == Suite && w.Scope != Suite {
		return nil
	}
	return s.files.write(k, w)
}
