// Command weight measures the size and the start-up time of binaries. It runs them in turn
// with the argument version. A binary that does not know it exits immediately.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

func main() {
	runs := flag.Int("runs", 100, "how often each binary is started")
	flag.Parse()
	if err := measure(flag.Args(), max(*runs, 1)); err != nil {
		fmt.Fprintln(os.Stderr, "weight:", err)
		os.Exit(1)
	}
}

func measure(binaries []string, runs int) error {
	took, cpu := make([][]time.Duration, len(binaries)), make([][]time.Duration, len(binaries))
	for run := range runs + 1 {
		for i, binary := range binaries {
			elapsed, used, err := start(binary)
			if err != nil {
				return err
			}
			if run > 0 { // the first run reads the binary from disk
				took[i], cpu[i] = append(took[i], elapsed), append(cpu[i], used)
			}
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "%d starts\tMB\tmedian ms\tmean ms\tmean CPU ms\tunused methods\n", runs)
	for i, binary := range binaries {
		content, err := os.ReadFile(binary)
		if err != nil {
			return err
		}
		slices.Sort(took[i])
		fmt.Fprintf(out, "%s\t%.2f\t%.1f\t%.1f\t%.1f\t%s\n", filepath.Base(binary), float64(len(content))/1e6,
			ms(took[i][runs/2]), ms(mean(took[i])), ms(mean(cpu[i])), unused(content))
	}
	return out.Flush()
}

// start runs a binary until it exits, and returns the wall time and the CPU time.
func start(binary string) (elapsed, used time.Duration, err error) {
	cmd := exec.Command(binary, "version")
	began := time.Now()
	err = cmd.Run()
	elapsed = time.Since(began)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return 0, 0, err
	}
	return elapsed, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// unused reports whether the linker removed exported methods that nothing calls. It keeps
// all of them in a program that looks up methods by name, like text/template.
func unused(binary []byte) string {
	if bytes.Contains(binary, []byte("\x00reflect.Value.MethodByName\x00")) {
		return "kept"
	}
	return "removed"
}

func mean(all []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(len(all))
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
