package background

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

func begin(t *testing.T, d *Slot, tree string) Job {
	t.Helper()
	j := Job{Tree: tree, Started: time.Now().UTC()}
	if err := d.Begin(j); err != nil {
		t.Fatal(err)
	}
	return j
}

func TestRun(t *testing.T) {
	t.Parallel()
	d := Open(t.TempDir(), "/somewhere")
	if _, ok := d.Job(); ok || d.Running() {
		t.Fatal("a new slot has a job")
	}
	if _, ok := d.News(); ok {
		t.Fatal("a new slot has news")
	}
	index, err := d.IndexFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(index, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j := Job{Tree: "t1", Index: index, Started: time.Now().UTC()}
	if err := d.Begin(j); err != nil {
		t.Fatal(err)
	}
	err = d.Run(t.Context(), j, func(context.Context) (Outcome, error) {
		if !d.Running() {
			t.Error("not running during the job")
		}
		return Outcome{Run: "r1", Verdict: "red", Passes: false}, nil
	})
	if err != nil || d.Running() {
		t.Fatalf("%v, running %t", err, d.Running())
	}
	if got, ok := d.Wait(t.Context(), "t1"); !ok || got.Run != "r1" || got.Verdict != "red" || got.Passes {
		t.Errorf("got %+v, %t", got, ok)
	}
	if _, ok := d.Wait(t.Context(), "t2"); ok {
		t.Error("Wait found a job for a tree that is not tested")
	}
	if _, err := os.Stat(index); !errors.Is(err, os.ErrNotExist) {
		t.Error("the index was left behind")
	}
	if got, ok := d.News(); !ok || got.Run != "r1" {
		t.Errorf("News: got %+v, %t", got, ok)
	}
	if _, ok := d.News(); ok {
		t.Error("News returned the same job twice")
	}
}

// A newer job ends the older one, which leaves no outcome.
func TestSuperseded(t *testing.T) {
	t.Parallel()
	d := Open(t.TempDir(), "/somewhere")
	first := begin(t, d, "t1")
	running := make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- d.Run(t.Context(), first, func(ctx context.Context) (Outcome, error) {
			close(running)
			<-ctx.Done()
			return Outcome{Run: "r1", Verdict: "green", Passes: true}, ctx.Err()
		})
	}()
	<-running
	second := begin(t, d, "t2")
	err := d.Run(t.Context(), second, func(context.Context) (Outcome, error) { return Outcome{Run: "r2", Verdict: "green", Passes: true}, nil })
	if err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, errSuperseded) {
		t.Errorf("the first job ended with %v", err)
	}
	if j, ok := d.Job(); !ok || j.Run != "r2" || !j.Passes {
		t.Errorf("%+v", j)
	}
}

// Wait does not wait for a job whose process died.
func TestWaitForDeadProcess(t *testing.T) {
	t.Parallel()
	d := Open(t.TempDir(), "/somewhere")
	if err := d.Begin(Job{Tree: "t1", Started: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if j, ok := d.Wait(ctx, "t1"); ok || ctx.Err() != nil {
		t.Errorf("got %+v, %t", j, ok)
	}
}
