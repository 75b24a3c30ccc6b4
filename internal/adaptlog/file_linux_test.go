package adaptlog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/regreen-ci/regreen/internal/adaptlog"
)

// TestFullDisk logs to a device that is always full.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink("/dev/full", filepath.Join(dir, "regreen.jsonl")); err != nil {
		t.Fatal(err)
	}
	other := newLines()
	h := adaptlog.New(adaptlog.Options{}, newFile(t, dir, adaptlog.FileOptions{}), other)
	log := slog.New(h)
	log.Debug("d")
	log.Error("e")
	wantLines(t, other.records(), []string{"d", "e"})
	if err := h.Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the error is %v, want %v", err, syscall.ENOSPC)
	}
}

// TestStuckRotation checks that, while another process holds the lock of the rotation, records are
// still written, no file is renamed, and the wait is short.
func TestStuckRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := slog.New(newFile(t, dir, adaptlog.FileOptions{MaxBytes: 1000}))
	lock, err := os.Create(filepath.Join(dir, "regreen.jsonl.lock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	for n := range 40 {
		log.Info("m", "n", n)
	}
	if waited := time.Since(started); waited > 5*time.Second {
		t.Errorf("40 records waited for %v", waited)
	}
	if lines, files, _ := read(t, dir); len(lines) != 40 || files != 1 {
		t.Errorf("%d records in %d files, want 40 in 1", len(lines), files)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	log.Info("m")
	if lines, files, _ := read(t, dir); len(lines) != 41 || files != 2 {
		t.Errorf("after the lock is free: %d records in %d files, want 41 in 2", len(lines), files)
	}
}

// TestTornRecord checks that the records after a partly written one have their own lines.
func TestTornRecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := process("torn record", dir).Run(); err != nil {
		t.Fatal(err)
	}
	lines, _, _ := read(t, dir)
	var valid, broken []string
	for _, line := range lines {
		if json.Valid([]byte(line)) {
			valid = append(valid, line)
		} else {
			broken = append(broken, line)
		}
	}
	if len(broken) != 1 || len(valid) < 2 || !strings.Contains(valid[len(valid)-1], "with space again") {
		t.Errorf("whole:\n%s\nbroken:\n%s", strings.Join(valid, ""), strings.Join(broken, ""))
	}
}

// jobs are the jobs of other processes.
var jobs = map[string]func(dir string) error{"many records": manyRecords, "torn record": tornRecord}

// tornRecord hits the limit of a file's size in the middle of a record.
func tornRecord(dir string) error {
	signal.Ignore(unix.SIGXFSZ)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	small := unix.Rlimit{Cur: 1000, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &small); err != nil {
		return err
	}
	file, err := adaptlog.NewFile(dir, adaptlog.FileOptions{})
	if err != nil {
		return err
	}
	log := slog.New(file)
	for n := range 50 {
		log.Info("m", "n", n)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	log.Info("with space again")
	if err := file.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
