package patch_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/patch"
)

// drift is a file, a patch made for it, and the file as it has become since.
type drift struct {
	name string
	now  []byte
	file patch.File
	// unended tells that the last newline may be missing somewhere. About that
	// Apply is more lenient.
	unended bool
}

// drifts makes cases in which hunks fit exactly, with an offset, with fuzz, in
// several places, or not at all.
func drifts(seed uint64, n, minContext int, edited bool) []drift {
	rnd := rand.New(rand.NewPCG(seed, 1))
	alphabets := []string{"ab", "abcdefgh", "abcdefghijklmnopqrstuvwxyz0123456789"}
	var cases []drift
	for i := 0; len(cases) < n; i++ {
		letters := alphabets[rnd.IntN(len(alphabets))]
		edit := func(lines []string, times int, mark string) []string {
			lines = append([]string(nil), lines...)
			for range times {
				at := rnd.IntN(len(lines) + 1)
				end := min(len(lines), at+rnd.IntN(3))
				var put []string
				for range rnd.IntN(3) {
					put = append(put, mark+string(letters[rnd.IntN(len(letters))]))
				}
				lines = append(lines[:at:at], append(put, lines[end:]...)...)
			}
			return lines
		}
		var lines []string
		for range 1 + rnd.IntN(30) {
			lines = append(lines, string(letters[rnd.IntN(len(letters))]))
		}
		unended := rnd.IntN(4) == 0
		text := func(lines []string) []byte {
			if len(lines) == 0 {
				return nil
			}
			s := strings.Join(lines, "\n")
			if unended && rnd.IntN(2) == 0 {
				return []byte(s)
			}
			return []byte(s + "\n")
		}
		name := fmt.Sprintf("f%d", i)
		old, new := text(lines), text(edit(lines, 1+rnd.IntN(4), ""))
		f := patch.DiffContext(name, name, old, new, minContext+rnd.IntN(4-minContext))
		now := old
		if edited {
			now = text(edit(lines, rnd.IntN(4), ""))
		}
		if len(f.Hunks) > 0 && len(now) > 0 && len(new) > 0 {
			cases = append(cases, drift{name, now, f, unended})
		}
	}
	return cases
}

// program finds a program that the comparison needs.
func program(t *testing.T, name string) string {
	t.Helper()
	file, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v\nhint: apt-get install %s", err, name)
	}
	return file
}

// layOut writes the cases' files into a folder and their patches into one text.
func layOut(t *testing.T, cases []drift) (dir string, diff []byte) {
	t.Helper()
	dir = t.TempDir()
	var files []patch.File
	for _, c := range cases {
		if err := os.WriteFile(filepath.Join(dir, c.name), c.now, 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, c.file)
	}
	return dir, patch.Format(files)
}

func TestPlacesHunksAsGNUPatch(t *testing.T) {
	t.Parallel()
	for fuzz := range 4 {
		t.Run(fmt.Sprint(fuzz), func(t *testing.T) {
			t.Parallel()
			cases := drifts(uint64(fuzz), 200, 0, true)
			dir, diff := layOut(t, cases)
			cmd := exec.Command(program(t, "patch"), "-p1", "-f", "-s", fmt.Sprintf("-F%d", fuzz), "--no-backup-if-mismatch", "-d", dir)
			cmd.Env = append(os.Environ(), "LC_ALL=C")
			cmd.Stdin = bytes.NewReader(diff)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
				t.Fatalf("patch: %v\n%s", err, out)
			}
			fits := 0
			for _, c := range cases {
				got, placed, err := patch.Apply(c.now, c.file, patch.Options{Fuzz: fuzz})
				_, rejected := os.Stat(filepath.Join(dir, c.name+".rej"))
				if rejected == nil && err == nil && c.unended {
					continue
				}
				if (rejected == nil) != (err != nil) {
					t.Fatalf("GNU patch rejects: %v; Apply: %v\n%s\n%s", rejected == nil, err, c.now, patch.Format([]patch.File{c.file}))
				}
				if err != nil {
					continue
				}
				fits++
				want, err := os.ReadFile(filepath.Join(dir, c.name))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("got %q, want %q, placed %+v\n%s\n%s", got, want, placed, c.now, patch.Format([]patch.File{c.file}))
				}
			}
			if fits < len(cases)/10 || fits > len(cases)*9/10 {
				t.Errorf("%d of %d fit: the cases tell too little", fits, len(cases))
			}
		})
	}
}

func TestGitApplyReadsFormat(t *testing.T) {
	t.Parallel()
	// Without context git 2.39 loses the newline before a deleted last line.
	cases := drifts(7, 300, 1, false)
	dir, diff := layOut(t, cases)
	cmd := exec.Command(program(t, "git"), "apply", "-")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	cmd.Stdin = bytes.NewReader(diff)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git apply: %v\n%s", err, out)
	}
	for _, c := range cases {
		got, _, err := patch.Apply(c.now, c.file, patch.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(dir, c.name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got %q, want %q\n%s", got, want, patch.Format([]patch.File{c.file}))
		}
	}
}

// output runs a program that says by status 1 that there are differences.
func output(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program(t, args[0]), args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}
