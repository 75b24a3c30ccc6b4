package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/patch"
)

// result holds what a case costs. Times are medians, except for the mean of in-process,
// which includes the pauses of the garbage collector.
type result struct {
	inProcess, mean, withFiles, git, gnu time.Duration
	allocs, bytes                        uint64
}

// ratio returns how many times longer than in-process the faster process takes.
func (r result) ratio() float64 { return float64(min(r.git, r.gnu)) / float64(r.inProcess) }

// workDir is a directory with a change's files, for the processes to work in.
type workDir struct {
	*change
	dir, diff string
}

func (c *change) measure(dir string, rounds int) (result, error) {
	s := workDir{c, filepath.Join(dir, c.name), filepath.Join(dir, c.name+".diff")}
	if err := os.WriteFile(s.diff, c.text, 0o644); err != nil {
		return result{}, err
	}
	var r result
	if err := c.count(&r); err != nil {
		return r, err
	}
	runs := []struct {
		median *time.Duration
		run    func() error
	}{
		{&r.withFiles, s.withFiles},
		{&r.git, s.command("git", "apply", s.diff)},
		{&r.gnu, s.command("patch", "-p1", "-s", "-i", s.diff)},
	}
	took := make([][]time.Duration, len(runs)+1)
	for range rounds {
		d, err := c.inProcess()
		if err != nil {
			return r, err
		}
		took[len(runs)] = append(took[len(runs)], d...)
		for i, p := range runs {
			d, err := s.timed(p.run)
			if err != nil {
				return r, err
			}
			took[i] = append(took[i], d)
		}
	}
	for i, p := range runs {
		*p.median = median(took[i])
	}
	r.inProcess, r.mean = median(took[len(runs)]), mean(took[len(runs)])
	return r, nil
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func mean(d []time.Duration) time.Duration {
	var sum time.Duration
	for _, one := range d {
		sum += one
	}
	return sum / time.Duration(len(d))
}

// inProcess applies the patch for a while and returns the time of each application.
func (c *change) inProcess() (took []time.Duration, err error) {
	const enough = 2 * time.Millisecond
	begin := time.Now()
	for start := begin; start.Sub(begin) < enough; {
		if _, err := c.apply(); err != nil {
			return nil, err
		}
		end := time.Now()
		took, start = append(took, end.Sub(start)), end
	}
	return took, nil
}

// count checks the results of apply and counts its allocations.
func (c *change) count(r *result) error {
	const times = 10
	results, err := c.apply()
	if err != nil {
		return err
	}
	for i, f := range c.files {
		if !bytes.Equal(results[i], f.new) {
			return fmt.Errorf("wrong result for %s in-process", f.name)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		if _, err := c.apply(); err != nil {
			return err
		}
	}
	runtime.ReadMemStats(&after)
	r.allocs, r.bytes = (after.Mallocs-before.Mallocs)/times, (after.TotalAlloc-before.TotalAlloc)/times
	return nil
}

// timed restores the old files, calls run and checks the new files. It returns the time
// that run took.
func (s workDir) timed(run func() error) (time.Duration, error) {
	if err := os.RemoveAll(s.dir); err != nil {
		return 0, err
	}
	for _, f := range s.files {
		name := filepath.Join(s.dir, f.name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return 0, err
		}
		if err := os.WriteFile(name, f.old, 0o644); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	err := run()
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	for _, f := range s.files {
		got, err := os.ReadFile(filepath.Join(s.dir, f.name))
		if err != nil {
			return 0, err
		}
		if !bytes.Equal(got, f.new) {
			return 0, fmt.Errorf("wrong result for %s", f.name)
		}
	}
	return took, nil
}

// withFiles reads the files, applies the patch and writes the files.
func (s workDir) withFiles() error {
	diff, err := os.ReadFile(s.diff)
	if err != nil {
		return err
	}
	parsed, err := patch.Parse(diff)
	if err != nil {
		return err
	}
	for _, p := range parsed {
		name := filepath.Join(s.dir, p.Name())
		old, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		new, _, err := patch.Apply(old, p, patch.Options{})
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, new, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// command returns a function that runs a program in the directory, without the user's git
// configuration.
func (s workDir) command(args ...string) func() error {
	env := append(os.Environ(), "LC_ALL=C", "GIT_CEILING_DIRECTORIES="+filepath.Dir(s.dir), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	return func() error {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = s.dir, env
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", args, err, out)
		}
		return nil
	}
}
