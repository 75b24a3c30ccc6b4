// Package learn remembers the outcome of every attempt to repair a failure, and
// turns the outcomes into a posterior for each strategy in each context.
//
// Goals: no record is lost or counted twice, however many processes record at the
// same time and whenever one of them dies; what a store adds up is commutative, so
// that two stores can be merged in any order; a database that is damaged, full,
// read-only or from a newer regreen is a clear error.
//
// Non-goals: choosing a strategy (the caller samples the posteriors and adds its
// own priors), and fingerprinting failures or patches (the caller passes strings).
//
// Read learn.go for the terms, posterior.go for the arithmetic, sqlite.go for the
// store on disk, redis.go for the store on a server, and shared.go for the two
// combined. A new store must pass the contract in package storetest.
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

// Event is what happened to a candidate.
type Event string

// The events, in the order in which a candidate can meet them.
const (
	Rejected   Event = "rejected"    // a failing test still fails
	Plausible  Event = "plausible"   // the failing tests pass
	Verified   Event = "verified"    // plausible, and the whole suite agrees, repeatedly
	Kept       Event = "kept"        // applied and not undone
	RolledBack Event = "rolled-back" // applied and undone
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
	Event    Event     // what happened to the candidate
	At       time.Time // the zero time means now
}

// Validate returns why a store refuses the outcome, or nil.
func (o Outcome) Validate() error {
	switch {
	case o.ID == "":
		return fmt.Errorf("outcome of strategy %q has no ID", o.Strategy)
	case o.Strategy == "":
		return fmt.Errorf("outcome %s has no strategy", o.ID)
	case !(o.Reward >= 0 && o.Reward <= 1): // also NaN
		return fmt.Errorf("outcome %s: reward %v is not between 0 and 1", o.ID, o.Reward)
	case !(o.Weight >= 0) || math.IsInf(o.Weight, 1):
		return fmt.Errorf("outcome %s: weight %v is not a finite number >= 0", o.ID, o.Weight)
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
	Head    string // the tested revision
	Base    string // the revision that Head was compared with; may be empty
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
	Failure  string // Failure.Fingerprint of the failure to repair
	Strategy string
	File     string
	Line     int
	Stage    string // the last stage it reached
	Verdict  string // pruned, ill_typed, rejected, plausible, verified or refused
	Seconds  float64
	Reason   string
	Patch    string // key of the patch: the same for the same edits of the same tree
}

// Batch holds the records of one run. A batch without a Run (an empty Run.ID) has only
// outcomes: what happened to a patch long after its run.
type Batch struct {
	Run      Run
	Failures []Failure
	Attempts []Attempt
	Outcomes []Outcome
}

// Validate returns why a store refuses the batch, or nil.
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
	Limit    int       // the newest Limit outcomes; 0 for all
}

// Store keeps outcomes and sums them up.
type Store interface {
	// Posteriors returns what is known about every strategy in a context, without
	// priors. A strategy that was never tried is not in the map.
	Posteriors(ctx context.Context, c Context) (map[string]Posterior, error)
	// Record stores the whole batch or nothing. Recording an ID that is already
	// stored changes nothing.
	Record(ctx context.Context, b Batch) error
	// Outcomes returns the selected outcomes, oldest first.
	Outcomes(ctx context.Context, q Query) ([]Outcome, error)
	// Close releases the store. Afterwards the other methods return errors.
	Close() error
}

// Memory recalls candidates that failed before, so that they are not tried again.
type Memory interface {
	// Rejected returns, by Attempt.Patch, the verdict of every candidate whose latest
	// attempt at the failure ended as ill_typed, rejected or refused.
	Rejected(ctx context.Context, failure string) (map[string]string, error)
}
