package adaptlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"

	"github.com/regreen-ci/regreen/internal/adaptlog"
)

// helper is the variable that makes the test binary the other process in tests that need one.
const helper = "ADAPTLOG_TEST_HELPER"

func TestMain(m *testing.M) {
	if job, dir, ok := strings.Cut(os.Getenv(helper), ":"); ok {
		if err := jobs[job](dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func process(job, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helper+"="+job+":"+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

const (
	recordsEach = 400
	smallFile   = 8 << 10
)

func manyRecords(dir string) error {
	file, err := adaptlog.NewFile(dir, adaptlog.FileOptions{MaxBytes: smallFile, MaxFiles: 200})
	if err != nil {
		return err
	}
	log := slog.New(file)
	for n := range recordsEach {
		log.Info("m", "id", fmt.Sprint(os.Getpid(), " ", n), "pad", strings.Repeat("x", n%300))
	}
	return file.Close()
}

func newFile(t *testing.T, dir string, opts adaptlog.FileOptions) *adaptlog.File {
	t.Helper()
	file, err := adaptlog.NewFile(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// read returns the lines of all files in a directory, and the size of the largest.
func read(t *testing.T, dir string) (lines []string, files int, largest int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "regreen.jsonl*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, ".lock") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files, largest = files+1, max(largest, len(data))
		for line := range strings.Lines(string(data)) {
			lines = append(lines, line)
		}
	}
	return lines, files, largest
}

// TestManyProcesses has processes and goroutines write to one small rotation with room for all
// records, and checks that each record is written once, on its own line.
func TestManyProcesses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "log")
	const processes, goroutines = 5, 3
	var group sync.WaitGroup
	for range processes {
		group.Go(func() {
			if err := process("many records", dir).Run(); err != nil {
				t.Errorf("a process failed: %v", err)
			}
		})
	}
	file := newFile(t, dir, adaptlog.FileOptions{MaxBytes: smallFile, MaxFiles: 200})
	for g := range goroutines {
		group.Go(func() {
			log := slog.New(file)
			for n := range recordsEach {
				log.Info("m", "id", fmt.Sprint("g", g, " ", n))
			}
		})
	}
	group.Wait()

	lines, files, largest := read(t, dir)
	seen := map[string]int{}
	for _, line := range lines {
		var record struct{ ID string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("a line is not a record: %v: %q", err, line)
		}
		seen[record.ID]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("record %s is in the files %d times", id, n)
		}
	}
	if want := (processes + goroutines) * recordsEach; len(seen) != want {
		t.Errorf("got %d records, want %d", len(seen), want)
	}
	// How much a file grows while one process rotates depends on the scheduler. A quarter of
	// everything means that rotation has practically stopped.
	if total := len(strings.Join(lines, "")); files < 10 || largest > total/4 {
		t.Errorf("%d files, the largest with %d of %d bytes", files, largest, total)
	}
}

func TestRotationIsBounded(t *testing.T) {
	t.Parallel()
	for _, maxFiles := range []int{1, 2, 3} {
		dir := t.TempDir()
		log := slog.New(newFile(t, dir, adaptlog.FileOptions{MaxBytes: 1000, MaxFiles: maxFiles}))
		for n := range 100 {
			log.Info("m", "n", n)
		}
		lines, files, largest := read(t, dir)
		if files != maxFiles || largest > 1000 {
			t.Errorf("%d files of up to %d bytes, want %d of up to 1000", files, largest, maxFiles)
		}
		if want := `"n":99}`; !strings.Contains(strings.Join(lines, ""), want) {
			t.Errorf("the newest record is gone")
		}
	}
}

func TestRecordLargerThanFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := slog.New(newFile(t, dir, adaptlog.FileOptions{MaxBytes: 200}))
	for _, size := range []int{10, 5000, 10} {
		log.Info("m", "pad", strings.Repeat("x", size))
	}
	if lines, files, _ := read(t, dir); len(lines) != 3 || files != 3 {
		t.Errorf("%d records in %d files, want 3 in 3", len(lines), files)
	}
}

func TestNewFileTouchesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "log")
	file := newFile(t, dir, adaptlog.FileOptions{})
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s exists: %v", dir, err)
	}
	slog.New(file).Info("after Close")
	if lines, _, _ := read(t, dir); len(lines) != 1 {
		t.Errorf("a record after Close was not written")
	}
	for name, bad := range map[string]adaptlog.FileOptions{
		"bytes": {MaxBytes: -1}, "files": {MaxFiles: -1}, "name": {Name: "../x"}, "dir": {Name: "."},
	} {
		if _, err := adaptlog.NewFile(dir, bad); err == nil {
			t.Errorf("accepted a bad %s", name)
		}
	}
}

// TestRemovedFile checks that a removed log is created again.
func TestRemovedFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "log")
	log := slog.New(newFile(t, dir, adaptlog.FileOptions{}))
	for range 2 {
		log.Info("m")
		if lines, _, _ := read(t, dir); len(lines) != 1 {
			t.Errorf("got %d records, want 1", len(lines))
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoDirectoryForLog(t *testing.T) {
	t.Parallel()
	place := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(place, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var other bytes.Buffer
	h := adaptlog.New(adaptlog.Options{}, newFile(t, filepath.Join(place, "log"), adaptlog.FileOptions{}), slog.NewTextHandler(&other, nil))
	slog.New(h).Info("still logged")
	if !strings.Contains(other.String(), "still logged") {
		t.Errorf("the other sink got %q", other.String())
	}
	if err := os.Remove(place); err != nil {
		t.Fatal(err)
	}
	slog.New(h).Info("the directory can be created now")
	if lines, _, _ := read(t, filepath.Join(place, "log")); len(lines) != 1 {
		t.Errorf("got %d records, want 1", len(lines))
	}
}

func TestFileIsHandler(t *testing.T) {
	t.Parallel()
	var dir string
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		dir = t.TempDir()
		return adaptlog.New(adaptlog.Options{}, newFile(t, dir, adaptlog.FileOptions{}))
	}, func(t *testing.T) map[string]any {
		lines, _, _ := read(t, dir)
		var record map[string]any
		if err := json.Unmarshal([]byte(strings.Join(lines, "")), &record); err != nil {
			t.Fatal(err)
		}
		return record
	})
}
