package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/session"
)

const (
	redFile   = "package m\n\n// Double returns 2*number.\nfunc Double(number int) int { return 2 * numbr }\n"
	greenFile = "package m\n\n// Double returns 2*number.\nfunc Double(number int) int { return 2 * number }\n"
	// The sleep makes the phases that run tests long enough to be hit.
	slowTest = `package m

import (
	"testing"
	"time"
)

func TestDouble(t *testing.T) {
	time.Sleep(100 * time.Millisecond)
	if got := Double(21); got != 42 {
		t.Errorf("Double(21) = %d, want 42", got)
	}
}
`
)

// TestInterruptedAnywhere interrupts `regreen fix --apply always` at moments spread over its
// run. Either it has finished and the whole patch is applied, or tree and index are unchanged,
// byte for byte. No process and no temporary file is left, and the next run works.
func TestInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "regreen")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	goenv := goEnv(t)
	const lanes, moments = 2, 8
	for lane := range lanes {
		t.Run(fmt.Sprint("lane", lane), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, program, goenv)
			began := time.Now()
			if status, out := b.fix(t, 0, 0); status != 0 || b.double(t) != greenFile {
				t.Fatalf("undisturbed: status %d\n%s", status, out)
			}
			whole := time.Since(began)
			interrupted := 0
			for i := range moments {
				b.redden(t)
				before := b.fingerprint(t)
				sig := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[i%2]
				share := (float64(i) + rand.Float64()) / moments
				status, out := b.fix(t, sig, time.Duration(share*float64(whole)))
				after := b.fingerprint(t)
				same := bytes.Equal(before, after)
				switch {
				case status == session.ExitInterrupted && same:
					interrupted++
					if !strings.Contains(out, "regreen: interrupted") {
						t.Errorf("%v at %.2f: not reported\n%s", sig, share, out)
					}
				case status == 0 && b.double(t) == greenFile:
					b.redden(t) // everything else must be as before
					if !bytes.Equal(before, b.fingerprint(t)) {
						t.Errorf("%v at %.2f: more than the patch was written", sig, share)
					}
				case status == killed && (same || b.double(t) == greenFile): // at the very start or end
				default:
					t.Errorf("%v at %.2f of the run: status %d, unchanged %v\n%s\n%s", sig, share, status, same, b.double(t), out)
				}
				b.nothingLeft(t, fmt.Sprintf("%v at %.2f", sig, share))
			}
			if t.Logf("%d of %d runs were interrupted before their end", interrupted, moments); interrupted < moments/3 {
				t.Error("too few to be meaningful")
			}
			b.redden(t)
			if status, out := b.fix(t, 0, 0); status != 0 || b.double(t) != greenFile {
				t.Errorf("afterwards: status %d\n%s", status, out)
			}
		})
	}
}

// bench is a small red repository with its own environment.
type bench struct {
	program, dir, temp string
	env                []string
}

func newBench(t *testing.T, program string, goenv []string) *bench {
	t.Helper()
	root := t.TempDir()
	home := filepath.Join(root, "home")
	b := &bench{program: program, dir: filepath.Join(root, "m"), temp: filepath.Join(home, "tmp")}
	b.env = append(append(append(os.Environ(), "REGREEN_RUN="), goenv...), isolatedEnv(home)...)
	for _, dir := range []string{b.dir, b.temp} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n", "double.go": redFile, "double_test.go": slowTest} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "begin"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env = b.dir, b.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return b
}

const killed = -1

// fix runs regreen and, unless sig is 0, sends it the signal after a while.
func (b *bench) fix(t *testing.T, sig syscall.Signal, after time.Duration) (status int, output string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), b.program, "fix", "--apply", "always")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = b.dir, b.env, &out, &out
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if sig != 0 {
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(sig) })
		defer timer.Stop()
	}
	_ = cmd.Wait() // the caller checks the status
	return cmd.ProcessState.ExitCode(), out.String()
}

func (b *bench) redden(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "double.go"), []byte(redFile), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) double(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "double.go"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (b *bench) fingerprint(t *testing.T) []byte {
	t.Helper()
	sum, err := fingerprint(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// nothingLeft checks that no processes, temporary files, locks or journals of the run are left,
// except the export that hooks keep for the next run.
func (b *bench) nothingLeft(t *testing.T, when string) {
	t.Helper()
	// A killed process takes a moment to end.
	var left []string
	for deadline := time.Now().Add(time.Second); ; time.Sleep(20 * time.Millisecond) {
		if left = processesOf("TMPDIR=" + b.temp); len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	for _, p := range left {
		t.Errorf("%s: process still running: %s", when, p)
	}
	kept := filepath.Join(b.temp, fmt.Sprintf("regreen-%d", os.Geteuid()))
	_ = filepath.WalkDir(b.temp, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == b.temp || name == kept:
			return nil
		case filepath.Dir(name) == kept && keptExport.MatchString(d.Name()):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		t.Errorf("%s: %s is left", when, name)
		return nil
	})
	for _, name := range []string{".git/index.lock", ".git/regreen/write"} {
		if _, err := os.Lstat(filepath.Join(b.dir, name)); err == nil {
			t.Errorf("%s: %s is left", when, name)
		}
	}
}

// keptExport matches the names of an export and its files.
var keptExport = regexp.MustCompile(`^[0-9a-f]{16}(\.lock|\.kept)?$`)

// processesOf returns the command lines of processes that have an entry in their environment.
func processesOf(entry string) []string {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var out []string
	for _, dir := range dirs {
		if pid, _ := strconv.Atoi(filepath.Base(dir)); pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+entry+"\x00")) {
			continue
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		out = append(out, strings.ReplaceAll(string(command), "\x00", " "))
	}
	return out
}
