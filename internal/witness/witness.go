// Package witness remembers which trees passed their tests, so that what was proven
// once is not proven again: at an amend, at a push, in another worktree. It also
// remembers the commits that nothing proves (see Ledger).
//
// A witness is a small file named by a hash of all that the outcome depends on: the
// tree, the command, the toolchain, the configuration and the environment. There is no
// index to be corrupted and no lock to wait for; writers that race write the same.
//
// Goals: a lookup costs one stat; a witness that cannot be read counts as none; what
// grows is bounded.
//
// Not a goal: deciding what matters to a run; whoever runs it fills the Key.
package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Key is all that the outcome of a run depends on.
type Key struct {
	Tree      string   // git's hash of the tree
	Command   string   // the test command; "" for the one that is found
	Toolchain []string // what runs it, by path, size and time
	Environ   []string // NAME=value of the variables that matter
}

// ID is the name of the key's witness. Equal keys, and no others, have equal ids.
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

// Scope says how much of the suite a witness stands for.
type Scope string

// The scopes.
const (
	Suite   Scope = "suite"   // all tests passed, or what they passed at the base and the change cannot reach
	Reached Scope = "reached" // only what the change can reach was run, and nothing is known of the rest
)

// Witness is the proof that a tree passed.
type Witness struct {
	Tree    string    `json:"tree"`
	Scope   Scope     `json:"scope"`
	Verdict string    `json:"verdict"` // green, or what else lets a commit pass
	Run     string    `json:"run"`     // id of the run that proved it
	When    time.Time `json:"when"`
	Tests   int       `json:"tests"` // passed
	Seconds float64   `json:"seconds"`
}

// Store keeps witnesses in a folder.
type Store struct {
	dir string
}

// The bounds of a store.
const (
	maxWitnesses = 2000
	maxAge       = 90 * 24 * time.Hour
	maxFile      = 4 << 10
)

// Open gives the store in a state folder; nothing is made before something is
// recorded.
func Open(state string) *Store { return &Store{filepath.Join(state, "witness")} }

func (s *Store) file(k Key) string { return filepath.Join(s.dir, k.ID()+".json") }

// Find gives the witness of a key. One that does not speak of the key's tree, or that
// cannot be read, is none.
func (s *Store) Find(k Key) (Witness, bool) {
	w, err := read(s.file(k))
	return w, err == nil && w.Tree == k.Tree && k.Tree != ""
}

func read(name string) (Witness, error) {
	var w Witness
	f, err := os.Open(name)
	if err != nil {
		return w, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return w, err
	}
	return w, json.Unmarshal(b, &w)
}

// Record stores a witness, whole or not at all, and forgets the oldest when there are
// too many. A witness of the whole suite is not replaced by one of less.
func (s *Store) Record(k Key, w Witness) error {
	if k.Tree == "" {
		return errors.New("a witness needs a tree")
	}
	w.Tree = k.Tree
	if old, ok := s.Find(k); ok && old.Scope == Suite && w.Scope != Suite {
		return nil
	}
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(s.dir, "new-")
	if err != nil {
		return err
	}
	_, err = temporary.Write(append(b, '\n'))
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), s.file(k))
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return err
	}
	s.prune(maxWitnesses)
	return nil
}

// files lists the witnesses' files, newest first.
func (s *Store) files() []fs.FileInfo {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil
	}
	var out []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && strings.HasSuffix(e.Name(), ".json") {
			out = append(out, info)
		}
	}
	slices.SortStableFunc(out, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	return out
}

// prune forgets what is too old or too much. It looks only when the folder may hold
// too much, which its entries tell without a look at each.
func (s *Store) prune(most int) {
	entries, err := os.ReadDir(s.dir)
	if err != nil || len(entries) <= most {
		return
	}
	files := s.files()
	for i, f := range files {
		if i >= most*3/4 || time.Since(f.ModTime()) > maxAge {
			_ = os.Remove(filepath.Join(s.dir, f.Name()))
		}
	}
}
