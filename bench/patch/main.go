// Command patch measures applying patches in this process, compared with running git apply
// or GNU patch, which is what a program without its own applier does.
//
// All apply the same patches to the same content, and the results are checked. "in-process"
// is patch.Parse and patch.Apply in memory; "with files" also reads and writes the files.
// The processes work on files in /dev/shm if the system has it; restoring these files is
// not part of the measured time. All take turns, so that other load on the machine affects
// all of them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 41, "how often to measure")
	only := flag.String("only", "", "only these cases, by name, separated by commas")
	in := flag.String("dir", memory(), "the `directory` in which the processes work")
	profile := flag.String("profile", "", "only run the in-process part, and write a CPU profile of it to this `file`")
	flag.Parse()
	if err := bench(os.Stdout, *rounds, *only, *in, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "bench-patch:", err)
		os.Exit(1)
	}
}

func bench(out io.Writer, rounds int, only, in, profile string) error {
	field := slices.DeleteFunc(cases(), func(c *change) bool {
		return only != "" && !slices.Contains(strings.Split(only, ","), c.name)
	})
	if len(field) == 0 || rounds < 1 {
		return fmt.Errorf("nothing to measure with -only %q -rounds %d", only, rounds)
	}
	if profile != "" {
		return profileTo(profile, field)
	}
	for _, program := range []string{"git", "patch"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w\nhint: run make setup", err)
		}
	}
	dir, err := os.MkdirTemp(in, "regreen-bench-patch-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	fmt.Fprintf(out, "medians of %d rounds in %s\n", rounds, dir)
	fmt.Fprintf(out, "%-9s %10s %10s %10s %10s %10s %9s %6s %8s %9s  %s\n", "case", "in-process", "mean", "with files", "git apply", "GNU patch", "ratio", "bar", "allocs", "KB", "")
	missed := 0
	for _, c := range field {
		r, err := c.measure(dir, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		verdict := "met"
		if r.ratio() < c.bar {
			verdict = "MISSED"
			missed++
		}
		fmt.Fprintf(out, "%-9s %10v %10v %10v %10v %10v %8.1fx %5.0fx %8d %9.1f  %s\n", c.name,
			short(r.inProcess), short(r.mean), short(r.withFiles), short(r.git), short(r.gnu), r.ratio(), c.bar, r.allocs, float64(r.bytes)/1024, verdict)
	}
	fmt.Fprintln(out)
	for _, c := range field {
		fmt.Fprintf(out, "%-9s %s\n", c.name, c.about)
	}
	fmt.Fprintln(out, "allocs, KB: of applying the patch once, in-process. ratio: time of the faster process / in-process.\nwith files: plain os.ReadFile and os.WriteFile.")
	if missed > 0 {
		fmt.Fprintf(out, "%d of %d bars missed\n", missed, len(field))
	}
	return nil
}

// memory returns a directory in memory, or the directory for temporary files if the
// machine has no such directory.
func memory() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return os.TempDir()
}

func short(d time.Duration) time.Duration {
	switch {
	case d > time.Millisecond:
		return d.Round(10 * time.Microsecond)
	case d > 10*time.Microsecond:
		return d.Round(100 * time.Nanosecond)
	default:
		return d.Round(10 * time.Nanosecond)
	}
}

// profileTo profiles the in-process part for some seconds per case.
func profileTo(file string, field []*change) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	for _, c := range field {
		for start := time.Now(); time.Since(start) < 5*time.Second; {
			if _, err := c.apply(); err != nil {
				return err
			}
		}
	}
	return nil
}
