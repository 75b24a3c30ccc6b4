// Package learn remembers what became of every attempt to repair a failure, and
// turns it into a posterior for each strategy in each context.
//
// Goals: nothing that was recorded is lost or counted twice, however many
// processes record at once and whenever one of them dies; what a store adds up is
// commutative, so that two stores can be merged in any order; a database that is
// broken, full, read-only or from a newer regreen is a clear error.
//
// Non-goals: choosing a strategy (the caller samples the posteriors and adds its
// own priors), and fingerprinting failures or patches (the caller gives strings).
//
// Read learn.go for the words, posterior.go for the arithmetic, sqlite.go for the
// store on disk, redis.go for the one on a server, and shared.go for how both go
// together. A new store passes the contract in the package storetest.
package learn

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Context is the situation in which a strategy is tried; an arm is a strategy in
// a context.
type Context struct {
	Language string // for instance "go"
	Kind     string // the kind of failure: compile, panic, assertion ...
}

// Event says what became of a candidate.
type Event string

// The events, in the order in which a candidate can meet them.
const (
	Rejected   Event = "rejected"    // a failing test still fails
	Plausible  Event = "plausible"   // the failing tests pass
	Verified   Event = "verified"    // plausible, and the whole suite agrees, repeatedly
	Kept       Event = "kept"        // it was applied and stayed
	RolledBack Event = "rolled-back" // it was applied and taken back
)

// Outcome is one lesson: what an attempt of a strategy was worth in a context.
type Outcome struct {
	ID       string // idempotency key: a store counts an ID once
	Run      string
	Attempt  string
	Strategy string
	Context  Context
	Reward   float64   // 0 to 1
	Weight   float64   // how many pseudo-observations it counts for; 0 only records it
	Seconds  float64   // what the attempt cost
	Event    Event     //
	At       time.Time // when; the zero time means now
}

// Validate says whether a store can take the outcome.
func (o Outcome) Validate() error {
	switch {
	case o.ID == "":
		return fmt.Errorf("outcome of strategy %q has no ID", o.Strategy)
	case o.Strategy == "":
		return fmt.Errorf("outcome %s names no strategy", o.ID)
	case !(o.Reward >= 0 && o.Reward <= 1): // also NaN
		return fmt.Errorf("outcome %s: reward %v is not between 0 and 1", o.ID, o.Reward)
	case !(o.Weight >= 0) || math.IsInf(o.Weight, 1):
		return fmt.Errorf("outcome %s: weight %v is not a finite number of at least 0", o.ID, o.Weight)
	}
	return nil
}

// Run is one run of regreen.
type Run struct {
	ID      string
	Started time.Time
	Verdict string
	Seconds float64
	Command string // the test command
	Head    string // revision that was tested
	Base    string // revision it was compared with; may be empty
}

// Failure is a failing test of a run.
type Failure struct {
	Fingerprint string // equal for the same failure in another run
	Test        string
	Kind        string
	Message     string
}

// Attempt is a line of the run's ledger: one candidate and its verdict.
type Attempt struct {
	ID       string // unique in its run
	Failure  string // Failure.Fingerprint of what it was to repair
	Strategy string
	File     string
	Line     int
	Stage    string // the last stage it reached
	Verdict  string // pruned, ill_typed, rejected, plausible, verified or refused
	Seconds  float64
	Reason   string
	Patch    string // fingerprint of the patch and of the contents it changes
}

// Batch is what a run leaves behind. A batch without a Run (an empty Run.ID) has
// outcomes only: what became of a patch long after its run.
type Batch struct {
	Run      Run
	Failures []Failure
	Attempts []Attempt
	Outcomes []Outcome
}

// Validate says whether a store can take the batch.
func (b Batch) Validate() error {
	if b.Run.ID == "" && len(b.Failures)+len(b.Attempts) > 0 {
		return fmt.Errorf("batch has %d failures and %d attempts but no run", len(b.Failures), len(b.Attempts))
	}
	for _, o := range b.Outcomes {
		if err := o.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Query selects outcomes. A zero field selects all.
type Query struct {
	Run      string
	Strategy string
	Since    time.Time // At or after
	Limit    int       // the newest so many
}

// Store keeps outcomes and adds them up.
type Store interface {
	// Posteriors gives what is known of every strategy in a context, without
	// priors. A strategy never tried anywhere is not in the map.
	Posteriors(ctx context.Context, c Context) (map[string]Posterior, error)
	// Record stores all of a batch or nothing of it. Recording again what is
	// stored already, known by its ID, changes nothing.
	Record(ctx context.Context, b Batch) error
	// Outcomes gives the selected outcomes, oldest first.
	Outcomes(ctx context.Context, q Query) ([]Outcome, error)
	// Close gives back what the store holds. A closed store gives errors.
	Close() error
}

// Memory recalls candidates that failed before, so that they are not tried again.
type Memory interface {
	// Rejected gives, by Attempt.Patch, the verdict of every candidate whose latest
	// attempt at the failure ended as ill_typed, rejected or refused.
	Rejected(ctx context.Context, failure string) (map[string]string, error)
}
