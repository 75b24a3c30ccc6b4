// Command report measures writing reports in each format. It also measures converting test
// results, compared with other tools.
//
// Each measurement runs in its own process and writes to a file. Peak memory includes
// what the process needs to build the report.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/report"
)

// The bar for every format, with mostTests tests.
const (
	mostTests  = 50_000
	mostTime   = 2 * time.Second
	mostMemory = 300 << 20
)

const (
	gotestsum   = "gotest.tools/gotestsum@v1.13.0"
	junitToCTRF = "junit-to-ctrf@0.0.14"
)

// goTestJSON is a format that only this benchmark writes.
const goTestJSON = "go-test-json"

func main() {
	regreen := flag.String("regreen", "bin/regreen", "the regreen `binary` to measure")
	rounds := flag.Int("rounds", 3, "how often to measure; the median counts")
	others := flag.Bool("others", true, "also download and measure gotestsum and junit-to-ctrf")
	one := flag.String("one", "", "measure one `FORMAT:TESTS:FILE` in this process and print the result as JSON")
	flag.Parse()
	err := errors.New("-rounds must be at least 1")
	switch {
	case *one != "":
		err = writeOne(*one)
	case *rounds > 0:
		err = bench(os.Stdout, *regreen, *rounds, *others)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-report:", err)
		os.Exit(1)
	}
}

// measured holds the figures of one process.
type measured struct {
	Took   time.Duration
	CPU    time.Duration // of the process, if measured
	Size   int64
	Memory int64 // peak; 0 if the system does not report it
}

func bench(out io.Writer, regreen string, rounds int, others bool) error {
	dir, err := os.MkdirTemp("", "regreen-bench-report-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	missed := 0
	fmt.Fprintf(out, "writing a report, medians of %d\n%-12s %8s %10s %10s %8s\n", rounds, "format", "tests", "time", "size", "memory")
	for _, f := range report.Formats() {
		for _, tests := range []int{10, 1000, mostTests} {
			file := filepath.Join(dir, "report"+f.Ext)
			m, err := median(rounds, func() (measured, error) { return writing(f.Name, tests, file) })
			if err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
			verdict := ""
			if tests == mostTests {
				verdict = "met"
				if m.Took >= mostTime || m.Memory >= mostMemory {
					verdict = "MISSED"
					missed++
				}
			}
			fmt.Fprintf(out, "%-12s %8d %10v %10s %8s  %s\n", f.Name, tests, m.Took.Round(10*time.Microsecond), bytes(m.Size), bytes(m.Memory), verdict)
		}
	}
	fmt.Fprintf(out, "the bar: %d tests in less than %v and %s; %d missed\n", mostTests, mostTime, bytes(mostMemory), missed)
	if !others {
		return nil
	}
	return compare(out, dir, regreen, rounds)
}

// writing measures writing a report in a separate process.
func writing(format string, tests int, file string) (measured, error) {
	self, err := os.Executable()
	if err != nil {
		return measured{}, err
	}
	cmd := exec.Command(self, "-one", fmt.Sprintf("%s:%d:%s", format, tests, file))
	cmd.Stderr = os.Stderr
	b, err := cmd.Output()
	if err != nil {
		return measured{}, err
	}
	var m measured
	if err := json.Unmarshal(b, &m); err != nil {
		return measured{}, err
	}
	m.Memory = peak(cmd.ProcessState)
	return m, nil
}

// writeOne writes the report in that process, and prints the figures.
func writeOne(what string) error {
	parts := strings.SplitN(what, ":", 3)
	if len(parts) != 3 {
		return fmt.Errorf("-one %q is not FORMAT:TESTS:FILE", what)
	}
	format, ok := report.FormatNamed(parts[0])
	if parts[0] == goTestJSON {
		format, ok = report.Format{Write: writeEvents}, true
	}
	tests, err := strconv.Atoi(parts[1])
	if !ok || err != nil {
		return fmt.Errorf("-one %q is not FORMAT:TESTS:FILE", what)
	}
	r := sampleReport(tests)
	f, err := os.Create(parts[2])
	if err != nil {
		return err
	}
	start := time.Now()
	if err := errors.Join(format.Write(f, r, report.Options{}), f.Close()); err != nil {
		return err
	}
	m := measured{Took: time.Since(start)}
	info, err := os.Stat(parts[2])
	if err != nil {
		return err
	}
	m.Size = info.Size()
	return json.NewEncoder(os.Stdout).Encode(m)
}

// compare measures regreen and other tools at converting a file of test results to another
// format.
func compare(out io.Writer, dir, regreen string, rounds int) error {
	regreen, err := filepath.Abs(regreen)
	if err != nil {
		return err
	}
	events, junit := filepath.Join(dir, "events.jsonl"), filepath.Join(dir, "junit.xml")
	// Write them in separate processes: the peak memory that the system reports for a process
	// is at least its parent's.
	for format, file := range map[string]string{goTestJSON: events, "junit": junit} {
		if _, err := writing(format, mostTests, file); err != nil {
			return err
		}
	}
	sum := filepath.Join(dir, "gotestsum")
	install := exec.Command("go", "install", gotestsum)
	install.Env = append(os.Environ(), "GOBIN="+dir)
	npm := exec.Command("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, junitToCTRF)
	for _, cmd := range []*exec.Cmd{install, npm} {
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
		}
	}
	work := []struct {
		name, file string
		args       []string
	}{
		{"go test -json to JUnit: regreen", "ours.xml", []string{regreen, "--repo", dir, "report", "--from", events, "--format", "junit", "--out", "ours.xml"}},
		{"go test -json to JUnit: gotestsum", "theirs.xml", []string{sum, "--format", "none", "--hide-summary", "all", "--junitfile", "theirs.xml", "--raw-command", "cat", events}},
		{"JUnit to CTRF: regreen", "ours.json", []string{regreen, "--repo", dir, "report", "--from", junit, "--format", "ctrf", "--out", "ours.json"}},
		{"JUnit to CTRF: junit-to-ctrf", "theirs.json", []string{filepath.Join(dir, "node_modules", ".bin", "junit-to-ctrf"), junit, "-o", "theirs.json"}},
	}
	fmt.Fprintf(out, "\nreading and writing %d tests, whole processes, medians of %d\n%-34s %10s %10s %10s %8s\n", mostTests, rounds, "", "time", "CPU", "size", "memory")
	for _, w := range work {
		m, err := median(rounds, func() (measured, error) { return process(dir, w.file, w.args) })
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Fprintf(out, "%-34s %10v %10v %10s %8s\n", w.name, m.Took.Round(time.Millisecond), m.CPU.Round(time.Millisecond), bytes(m.Size), bytes(m.Memory))
	}
	return nil
}

// process measures a program that writes a file. An exit status other than 0 is not an
// error, because it may mean that tests failed.
func process(dir, file string, args []string) (measured, error) {
	file = filepath.Join(dir, file)
	_ = os.Remove(file)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	start := time.Now()
	text, err := cmd.CombinedOutput()
	took := time.Since(start)
	info, statErr := os.Stat(file)
	if statErr != nil {
		return measured{}, errors.Join(statErr, err, errors.New(string(text[:min(len(text), 2000)])))
	}
	state := cmd.ProcessState
	return measured{Took: took, CPU: state.UserTime() + state.SystemTime(), Size: info.Size(), Memory: peak(state)}, nil
}

func median(rounds int, measure func() (measured, error)) (measured, error) {
	var all []measured
	for range rounds {
		m, err := measure()
		if err != nil {
			return measured{}, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b measured) int { return int(a.Took - b.Took) })
	m := all[len(all)/2]
	for _, other := range all {
		m.Memory = max(m.Memory, other.Memory)
	}
	return m, nil
}

// bytes formats a size.
func bytes(n int64) string {
	switch {
	case n == 0:
		return "-"
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
