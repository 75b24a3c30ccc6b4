// Package background keeps the state and the outcome of test runs in the background. Each worktree
// has one job, which a newer one replaces.
//
// The job is a file. Its process holds a lock, so a crashed process never looks alive. A job
// finds out from the file that a newer one has replaced it; nobody needs to know or kill its
// process.
//
// Non-goals: starting processes and running tests. The commands do that.
package background

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/lockfile"
)

// Job is one run in the background.
type Job struct {
	Event   githook.Name `json:"event"`            // hook that started it
	Args    []string     `json:"args,omitempty"`   // of the hook
	Tree    string       `json:"tree"`             // tree to test
	Index   string       `json:"index,omitempty"`  // file with the index of the tree, or
	Commit  string       `json:"commit,omitempty"` // commit of the tree
	Base    string       `json:"base,omitempty"`   // commit to compare with
	Started time.Time    `json:"started"`

	Ended time.Time `json:"ended,omitzero"`
	Outcome
	Shown bool `json:"shown,omitempty"` // the outcome was shown
}

// Outcome is what a job found.
type Outcome struct {
	Run     string `json:"run,omitempty"`     // ID of the run, if it finished
	Verdict string `json:"verdict,omitempty"` // of the run
	Passes  bool   `json:"passes,omitempty"`  // nothing new fails
	Failed  int    `json:"failed,omitempty"`  // new failures
	Patches int    `json:"patches,omitempty"` // verified patches that it proposes
}

// same reports whether two values are the same job.
func (j Job) same(other Job) bool { return j.Tree == other.Tree && j.Started.Equal(other.Started) }

// Done reports whether the job has ended.
func (j Job) Done() bool { return !j.Ended.IsZero() }

// Slot holds the job of one worktree.
type Slot struct{ dir string }

// Open returns the slot of a worktree, in a state directory.
func Open(state, worktree string) *Slot {
	sum := sha256.Sum256([]byte(worktree))
	return &Slot{filepath.Join(state, "background", hex.EncodeToString(sum[:6]))}
}

func (s *Slot) file() string { return filepath.Join(s.dir, "job.json") }

func (s *Slot) lock() string { return filepath.Join(s.dir, "lock") }

// Log returns the file for the output of the job's process.
func (s *Slot) Log() string { return filepath.Join(s.dir, "log") }

// IndexFile returns a new name for the index of a job.
func (s *Slot) IndexFile() (string, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(s.dir, "index-")
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(f.Close(), os.Remove(f.Name()))
}

// Job returns the latest job, or false if no job was started.
func (s *Slot) Job() (Job, bool) {
	var j Job
	b, err := os.ReadFile(s.file())
	if err != nil || json.Unmarshal(b, &j) != nil {
		return Job{}, false
	}
	return j, true
}

// Begin replaces the previous job, which then ends on its own.
func (s *Slot) Begin(j Job) error {
	old, ok := s.Job()
	if err := s.write(j); err != nil {
		return err
	}
	if ok && old.Index != "" && old.Index != j.Index && !s.Running() {
		_ = os.Remove(old.Index) // its process crashed
	}
	return nil
}

func (s *Slot) write(j Job) error {
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, "job-")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.file())
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Running reports whether the process of a job is alive.
func (s *Slot) Running() bool { return lockfile.Held(s.lock()) }

// look is the interval at which a job, and whoever waits for it, reads the file.
const look = 100 * time.Millisecond

// errSuperseded is the cause with which a job's context ends.
var errSuperseded = errors.New("replaced by a newer job")

// Run does a job's work in its process. It waits for the previous job to end, then runs do until
// it returns, a newer job replaces this one, or ctx ends. It stores the outcome that do returns.
func (s *Slot) Run(ctx context.Context, j Job, do func(context.Context) (Outcome, error)) error {
	release, err := lockfile.Hold(ctx, s.lock())
	if err != nil {
		return fmt.Errorf("the previous job does not end: %w", err)
	}
	defer release()
	if j.Index != "" {
		defer func() { _ = os.Remove(j.Index) }()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	mine := j
	go func() {
		for ctx.Err() == nil {
			if now, ok := s.Job(); !ok || !now.same(mine) {
				cancel(errSuperseded)
			}
			select {
			case <-ctx.Done():
			case <-time.After(look):
			}
		}
	}()
	j.Outcome, err = do(ctx)
	if err != nil {
		j.Outcome = Outcome{Verdict: "failed"}
	}
	now, ok := s.Job()
	if errors.Is(context.Cause(ctx), errSuperseded) || !ok || !now.same(j) {
		return errSuperseded
	}
	j.Ended = time.Now().UTC()
	return errors.Join(err, s.write(j))
}

// Wait waits for the job of a tree and returns it with its outcome. It returns false if there is
// no such job, or if the job ended without an outcome.
func (s *Slot) Wait(ctx context.Context, tree string) (j Job, ok bool) {
	began := time.Now()
	for ctx.Err() == nil {
		j, ok = s.Job()
		if !ok || j.Tree != tree {
			return Job{}, false
		}
		if j.Done() {
			return j, true
		}
		// A process that has just started may not hold its lock yet.
		if starting := 2 * time.Second; !s.Running() && time.Since(began) > starting && time.Since(j.Started) > starting {
			return Job{}, false
		}
		select {
		case <-ctx.Done():
		case <-time.After(look):
		}
	}
	return Job{}, false
}

// News returns a job whose outcome was not shown yet, and marks it as shown.
func (s *Slot) News() (Job, bool) {
	j, ok := s.Job()
	if !ok || !j.Done() || j.Shown {
		return Job{}, false
	}
	shown := j
	shown.Shown = true
	if s.write(shown) != nil {
		return j, true // twice is better than never
	}
	return j, true
}
