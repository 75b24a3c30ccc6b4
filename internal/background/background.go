// Package background is where a run that goes on beside a person's work leaves what it
// is doing and what came of it: one for each worktree, of which a newer one takes the
// place of an older.
//
// The job is a file; that its process is alive is a lock that the process holds, so that
// a crash leaves no ghost. A job learns that it was superseded by looking at the file:
// nobody has to know or kill its process.
//
// Not goals: starting processes, and running tests; the commands do.
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

// Job is one run beside.
type Job struct {
	Event   githook.Name `json:"event"`            // hook that began it
	Args    []string     `json:"args,omitempty"`   // of the hook
	Tree    string       `json:"tree"`             // that it tests
	Index   string       `json:"index,omitempty"`  // file with the index of that tree; or
	Commit  string       `json:"commit,omitempty"` // commit of that tree
	Base    string       `json:"base,omitempty"`   // commit to compare with
	Started time.Time    `json:"started"`

	Ended   time.Time `json:"ended,omitzero"`
	Run     string    `json:"run,omitempty"`     // id of the run, when it came to an end
	Verdict string    `json:"verdict,omitempty"` // of the run
	Passes  bool      `json:"passes,omitempty"`  // nothing new fails
	Shown   bool      `json:"shown,omitempty"`   // somebody was told
}

// same tells whether two values are of one job.
func (j Job) same(other Job) bool { return j.Tree == other.Tree && j.Started.Equal(other.Started) }

// Done tells whether the job came to an end.
func (j Job) Done() bool { return !j.Ended.IsZero() }

// Desk is where the jobs of one worktree are.
type Desk struct{ dir string }

// Open gives the desk of a worktree, below a state folder.
func Open(state, worktree string) *Desk {
	sum := sha256.Sum256([]byte(worktree))
	return &Desk{filepath.Join(state, "background", hex.EncodeToString(sum[:6]))}
}

func (d *Desk) file() string { return filepath.Join(d.dir, "job.json") }

func (d *Desk) lock() string { return filepath.Join(d.dir, "lock") }

// Log is the file for what the job's process writes.
func (d *Desk) Log() string { return filepath.Join(d.dir, "log") }

// IndexFile is where a job that begins now may keep its index.
func (d *Desk) IndexFile() (string, error) {
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(d.dir, "index-")
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(f.Close(), os.Remove(f.Name()))
}

// Job is the latest job; false when there never was one.
func (d *Desk) Job() (Job, bool) {
	var j Job
	b, err := os.ReadFile(d.file())
	if err != nil || json.Unmarshal(b, &j) != nil {
		return Job{}, false
	}
	return j, true
}

// Begin puts a job in the place of the one before, which then ends by itself.
func (d *Desk) Begin(j Job) error {
	old, ok := d.Job()
	if err := d.write(j); err != nil {
		return err
	}
	if ok && old.Index != "" && old.Index != j.Index && !d.Running() {
		_ = os.Remove(old.Index) // its process crashed
	}
	return nil
}

func (d *Desk) write(j Job) error {
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(d.dir, "job-")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), d.file())
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Running tells whether the process of a job is alive.
func (d *Desk) Running() bool { return lockfile.Held(d.lock()) }

// look is how often a job and those that wait for it look at the file.
const look = 100 * time.Millisecond

// errSuperseded is the cause of the end of a job's context.
var errSuperseded = errors.New("replaced by a newer job")

// Run does a job's work as its process: when the one before has ended, until it is
// done, superseded, or the context ends. What do returns is kept as what came of it.
func (d *Desk) Run(ctx context.Context, j Job, do func(context.Context) (run, verdict string, passes bool, err error)) error {
	release, err := lockfile.Hold(ctx, d.lock())
	if err != nil {
		return fmt.Errorf("the job before does not end: %w", err)
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
			if now, ok := d.Job(); !ok || !now.same(mine) {
				cancel(errSuperseded)
			}
			select {
			case <-ctx.Done():
			case <-time.After(look):
			}
		}
	}()
	j.Run, j.Verdict, j.Passes, err = do(ctx)
	if err != nil {
		j.Verdict = "failed"
	}
	now, ok := d.Job()
	if errors.Is(context.Cause(ctx), errSuperseded) || !ok || !now.same(j) {
		return errSuperseded
	}
	j.Ended = time.Now().UTC()
	return errors.Join(err, d.write(j))
}

// Wait waits for the job of a tree and gives what came of it. It is not ok when there
// is no such job, or when it ended without an outcome.
func (d *Desk) Wait(ctx context.Context, tree string) (j Job, ok bool) {
	began := time.Now()
	for ctx.Err() == nil {
		j, ok = d.Job()
		if !ok || j.Tree != tree {
			return Job{}, false
		}
		if j.Done() {
			return j, true
		}
		// A process that was started a moment ago may not hold its lock yet.
		if starting := 2 * time.Second; !d.Running() && time.Since(began) > starting && time.Since(j.Started) > starting {
			return Job{}, false
		}
		select {
		case <-ctx.Done():
		case <-time.After(look):
		}
	}
	return Job{}, false
}

// News gives the outcome of a job that nobody was told yet, and takes it as told.
func (d *Desk) News() (Job, bool) {
	j, ok := d.Job()
	if !ok || !j.Done() || j.Shown {
		return Job{}, false
	}
	shown := j
	shown.Shown = true
	if d.write(shown) != nil {
		return j, true // told twice is better than not at all
	}
	return j, true
}
