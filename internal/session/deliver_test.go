package session

import (
	"context"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
)

// during is a channel that does something while it sends.
type during func()

func (during) Name() channels.Name { return channels.Webhook }

func (do during) Send(context.Context, *report.Report) (report.Receipt, error) {
	do()
	return report.Receipt{State: report.ReceiptSent}, nil
}

// Deliver keeps what happened to a patch while its report was sent, and adds nothing else to
// the stored run.
func TestDeliverKeepsWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.Command("git", "init", "--quiet", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, err := Open(t.Context(), Input{Dir: dir, Environ: []string{"PATH=/usr/bin:/bin"}, Stderr: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	rep := &report.Report{
		Schema: report.Schema, ID: "aaaaaaa", Started: time.Now(), Verdict: report.Proposed,
		Environment: report.Environment{Mode: "development", Policy: "auto"},
		Patches:     []report.Patch{{ID: "aaaaaaa-1", Attempt: "a1", State: report.PatchVerified, Rank: 1}},
	}
	state := s.Repo.StateDir()
	if err := runs.Save(state, rep); err != nil {
		t.Fatal(err)
	}
	rep.Results = []report.Result{{Test: "TestA", Status: report.ResultPassed}}
	apply := during(func() {
		stored, err := runs.Load(state, rep.ID)
		if err == nil {
			stored.Patches[0].Applied = true
			err = runs.Save(state, stored)
		}
		if err != nil {
			t.Error(err)
		}
	})
	s.Deliver(t.Context(), rep, []deliver.Channel{apply})
	stored, err := runs.Load(state, rep.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !stored.Patches[0].Applied || stored.Results != nil || len(stored.Receipts) != 1 || len(rep.Receipts) != 1 {
		t.Errorf("stored %+v, receipts %+v", stored, rep.Receipts)
	}
}
