package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHookKilledAnywhere commits and kills the hook at moments spread over its run, with Ctrl-C
// (SIGINT to git and all its children) and with SIGTERM or SIGKILL to regreen. Afterwards the
// commit is complete, or tree, index and refs are unchanged. No process is left, and the next
// commit works.
func TestHookKilledAnywhere(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "regreen")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	goenv := goEnv(t)
	const lanes, moments = 2, 25
	for lane := range lanes {
		t.Run(fmt.Sprint("lane", lane), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, program, goenv)
			b.git(t, "commit", "-q", "--amend", "-m", "begin", "--no-verify")
			if out, err := b.command(program, "install", "--hooks", "pre-commit,post-commit").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var whole time.Duration // of the second commit; the first one fills the build cache
			for i := range 2 {
				b.stage(t, -1-i)
				began := time.Now()
				if out, err := b.command("git", "commit", "-q", "-m", "undisturbed").CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				whole = time.Since(began)
			}
			stopped := 0
			for i := range moments {
				b.stage(t, i+1)
				before := b.state(t)
				share := (float64(i) + rand.Float64()) / moments
				how := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL}[i%3]
				out := b.commitDisturbed(t, how, time.Duration(share*float64(whole)))
				when := fmt.Sprintf("%v at %.2f of the commit", how, share)
				switch after := b.state(t); {
				case after == before:
					stopped++
				case b.git(t, "status", "--porcelain") != "" || !strings.Contains(b.git(t, "log", "-1", "--format=%s"), "disturbed"):
					t.Errorf("%s: the commit is half done\nbefore\n%s\nafter\n%s\n%s", when, before, after, out)
				}
				b.noProcess(t, when)
			}
			if t.Logf("%d of %d commits were stopped", stopped, moments); stopped < moments/4 {
				t.Errorf("want at least %d stopped commits", moments/4)
			}
			b.stage(t, moments+1)
			if out, err := b.command("git", "commit", "-q", "-m", "afterwards").CombinedOutput(); err != nil {
				t.Errorf("afterwards: %v\n%s", err, out)
			}
			b.nothingLeft(t, "afterwards")
		})
	}
}

// TestInstallKilledAnywhere kills regreen install and regreen uninstall at moments spread over their
// runs. After each, the user's hook runs when git calls it, and regreen can be uninstalled.
func TestInstallKilledAnywhere(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "regreen")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b := newBench(t, program, goEnv(t))
	hooks := filepath.Join(b.dir, ".git", "hooks")
	const user = "#!/bin/sh\necho user >&2\n. \"$(dirname \"$0\")/helper.sh\"\n"
	for name, text := range map[string]string{"pre-push": user, "post-merge": user, "pre-commit": user, "helper.sh": "echo helper >&2\n"} {
		if err := os.WriteFile(filepath.Join(hooks, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.env = append(b.env, "REGREEN=0") // only the installation is under test
	did := func(args ...string) time.Duration {
		began := time.Now()
		if out, err := b.command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return time.Since(began)
	}
	whole := time.Hour
	for range 4 {
		whole = min(whole, did("install", "--yes"), did("uninstall"))
	}
	const moments = 40
	killed := 0
	for i := range moments {
		args := []string{"install", "--yes", "--hooks", "all"}
		if i%2 == 1 {
			args = []string{"uninstall"}
		}
		cmd := b.command(program, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(1.5*(float64(i)+rand.Float64())/moments*float64(whole)), func() { _ = cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		timer.Stop()
		for _, name := range []string{"pre-commit", "post-merge"} {
			out, err := b.command(filepath.Join(".git", "hooks", name)).CombinedOutput()
			if err != nil || string(out) != "user\nhelper\n" {
				t.Errorf("after %v was killed, %s: %v, %q", args, name, err, out)
			}
		}
		if i%10 == 9 {
			did("uninstall")
			if got, err := os.ReadFile(filepath.Join(hooks, "pre-commit")); err != nil || string(got) != user {
				t.Errorf("after uninstalling: got %q, %v", got, err)
			}
		}
	}
	did("uninstall")
	entries, err := filepath.Glob(filepath.Join(b.dir, ".git", "hooks*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range entries {
		if strings.Contains(file, "regreen") {
			t.Errorf("%s is left", file)
		}
	}
	if t.Logf("%d of %d were killed", killed, moments); killed < moments/4 {
		t.Errorf("want at least %d killed", moments/4)
	}
}

func (b *bench) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = b.dir, b.env
	return cmd
}

func (b *bench) git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := b.command("git", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// stage stages a green version that has not been tested yet.
func (b *bench) stage(t *testing.T, i int) {
	t.Helper()
	text := greenFile + "\n// Version " + strconv.Itoa(i) + " of lane.\nvar _ = " + strconv.Itoa(i) + "\n"
	if err := os.WriteFile(filepath.Join(b.dir, "double.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	b.git(t, "add", "double.go")
}

// state returns everything that a commit can change: files, index and refs.
func (b *bench) state(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "double.go"))
	if err != nil {
		t.Fatal(err)
	}
	return b.git(t, "ls-files", "--stage") + b.git(t, "for-each-ref") + b.git(t, "status", "--porcelain") + string(text)
}

// commitDisturbed commits and, if the hook is running after the given time, sends a signal:
// SIGINT to git's process group, like a terminal, and other signals to regreen. It does not
// interrupt git outside of its hooks, where SIGINT can leave git's own lock behind.
func (b *bench) commitDisturbed(t *testing.T, how syscall.Signal, after time.Duration) string {
	t.Helper()
	var out bytes.Buffer
	cmd := b.command("git", "commit", "-q", "-m", "disturbed")
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 20*time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() {
		hook := b.hookProcesses()
		if how == syscall.SIGINT && len(hook) > 0 {
			_ = syscall.Kill(-cmd.Process.Pid, how)
			return
		}
		for _, pid := range hook {
			_ = syscall.Kill(pid, how)
		}
	})
	defer timer.Stop()
	_ = cmd.Wait() // the caller checks the repository
	return out.String()
}

// hookProcesses returns regreen's processes in this repository.
func (b *bench) hookProcesses() []int {
	var out []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if bytes.HasPrefix(command, []byte(b.program+"\x00hook\x00")) && bytes.Contains(environ, []byte("TMPDIR="+b.temp+"\x00")) {
			if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// noProcess checks that no process outlives a commit.
func (b *bench) noProcess(t *testing.T, when string) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if left = processesOf("TMPDIR=" + b.temp); len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			break
		}
	}
	for _, p := range left {
		t.Errorf("%s: process still running: %s", when, p)
	}
}
