package testrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestIsolate(t *testing.T) {
	t.Parallel()
	passes := []string{
		"HOME=/home/u", "PATH=/bin", "GOFLAGS=-mod=mod", "GOPROXY=https://u:p@proxy.example", "GOAUTH=netrc", "GOPRIVATE=example.com",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraheader", "GIT_CONFIG_VALUE_0=Authorization: x", "GIT_SSH_COMMAND=ssh -i k", "GIT_SSH=ssh",
		"GIT_ASKPASS=/bin/ask", "GIT_ALLOW_PROTOCOL=https", "GIT_EXEC_PATH=/x", "GIT_SSL_NO_VERIFY=1", "GIT_AUTHOR_NAME=A", "SSH_AUTH_SOCK=/s",
		"EMPTY=", "CI=true", "GITHUB_ACTIONS=true", "AUTHOR=me", "COMPATIBLE=1", "MULTI=a=b",
	}
	blocked := []string{
		"GIT_DIR=/r/.git", "GIT_INDEX_FILE=.git/index", "GIT_WORK_TREE=/r", "GIT_PREFIX=", "GIT_OBJECT_DIRECTORY=/o", "GIT_CONFIG_PARAMETERS='a.b'='c'",
		"GITHUB_TOKEN=x", "NPM_TOKEN=x", "MY_SECRET=x", "DB_PASSWORD=x", "db_passwd=x", "OPENAI_API_KEY=x", "APIKEY=x", "SSH_PRIVATE_KEY=x",
		"AWS_ACCESS_KEY_ID=x", "GOOGLE_APPLICATION_CREDENTIALS=/x", "ACTIONS_RUNTIME_URL=x", "ACTIONS_ID_TOKEN_REQUEST_URL=x", "REGISTRY_AUTH=x", "GH_PAT=x",
		"INNOCENT=ghp_0123456789", "ALSO=github_pat_11", "MODEL=sk-ant-1", "SLACK=xoxb-1", "AWS=AKIAABCDEFGH", "REGREEN=1", "PWD=/old", "REGREEN_RUN=outer",
		"no equals sign",
	}
	got := Isolate(append(slices.Clone(passes), blocked...))
	if want := append(slices.Clone(passes), "REGREEN=0"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestIsolateKnowsGit compares with the list of the installed git.
func TestIsolateKnowsGit(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("git", "rev-parse", "--local-env-vars").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if isolated := Isolate([]string{name + "=1"}); len(isolated) != 1 && name != "GIT_CONFIG_COUNT" {
			t.Errorf("Isolate keeps %s", name)
		}
	}
}

// alive reports whether the process whose ID is in file still runs.
func alive(t *testing.T, file string) bool {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	// A process that has ended but was not reaped has no environment.
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && len(environ) > 0 && syscall.Kill(pid, 0) == nil
}

// TestSandboxEnds runs commands that leave processes behind.
func TestSandboxEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script string
		timeout      time.Duration
		status       int
	}{
		{"child in the background", `sleep 1000 & echo $! >pid`, 0, 0},
		{"child that holds the output", `sleep 1000 & echo $! >pid; exit 3`, 0, 3},
		{"child that ignores signals", `sh -c 'trap "" TERM INT HUP; echo $$ >pid; while :; do sleep 1; done' & while [ ! -s pid ]; do :; done`, 0, 0},
		{"daemon in a session of its own", `setsid sh -c 'echo $$ >pid; exec sleep 1000' & while [ ! -s pid ]; do :; done`, 0, 0},
		{"daemon without output", `setsid sh -c 'echo $$ >pid; exec sleep 1000 >/dev/null 2>&1 </dev/null' & while [ ! -s pid ]; do :; done`, 0, 0},
		{"hanging", `echo $$ >pid; exec sleep 1000`, 300 * time.Millisecond, -1},
		{"hanging and ignoring signals", `trap "" TERM; echo $$ >pid; while :; do sleep 1; done`, 300 * time.Millisecond, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := NewSandbox(os.Environ())
			ctx := t.Context()
			if test.timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, test.timeout)
				defer cancel()
			}
			var out Capped
			began := time.Now()
			status, err := b.Run(ctx, Command{Args: []string{"/bin/sh", "-c", test.script}, Dir: dir, Stdout: &out, Stderr: &out, Grace: 200 * time.Millisecond, Sweep: strings.HasPrefix(test.name, "daemon")})
			if (err != nil) != (test.timeout > 0) || status != test.status {
				text, _ := out.Text()
				t.Errorf("status %d, error %v\n%s", status, err, text)
			}
			if test.timeout > 0 && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got error %v", err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("the command took %s", took)
			}
			if alive(t, filepath.Join(dir, "pid")) {
				t.Error("a process was left behind")
			}
		})
	}
}

// TestSandboxesAreSeparate runs two commands of one sandbox at the same time: the end of one must
// not kill the other.
func TestSandboxesAreSeparate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := NewSandbox(os.Environ())
	done := make(chan int)
	go func() {
		status, _ := b.Run(t.Context(), Command{Args: []string{"/bin/sh", "-c", "echo $$ >pid; while [ ! -e stop ]; do sleep 0.01; done; exit 7"}, Dir: dir, Sweep: true})
		done <- status
	}()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if content, err := os.ReadFile(filepath.Join(dir, "pid")); err == nil && len(content) > 0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatal("the first command did not start")
		}
	}
	for range 3 {
		if _, err := b.Run(t.Context(), Command{Args: []string{"true"}, Dir: dir, Sweep: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "stop"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if status := <-done; status != 7 {
		t.Errorf("the first command ended with status %d, want 7", status)
	}
}

// TestNestedMark checks that the sandbox of an outer run finds what an inner one started.
func TestNestedMark(t *testing.T) {
	t.Parallel()
	inner := NewSandbox([]string{runVariable + "=OUTER.1"})
	if !strings.HasPrefix(inner.marker, "OUTER.1.") {
		t.Errorf("got marker %q", inner.marker)
	}
	environ := []byte("A=1\x00" + runVariable + "=" + inner.marker + "\x00B=2\x00")
	if !carries(environ, runVariable+"=OUTER.1") || carries(environ, runVariable+"=OUTER") == false || carries(environ, runVariable+"=OUT") {
		t.Error("carries mixes up markers")
	}
}

// TestKilled starts this test again as a process that runs a command, and kills it with
// SIGKILL, which it cannot catch.
func TestKilled(t *testing.T) {
	t.Parallel()
	const role = "TESTRUN_ROLE_DIR"
	if dir := os.Getenv(role); dir != "" {
		NewSandbox(os.Environ()).Run(t.Context(), Command{Args: []string{"/bin/sh", "-c", "sleep 1000 & echo $! >pid.new; mv pid.new pid; wait"}, Dir: dir, Sweep: true})
		return
	}
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), role+"="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := filepath.Join(dir, "pid")
	for deadline := time.Now().Add(20 * time.Second); !exists(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the command did not start")
		}
	}
	// The guard starts last.
	time.Sleep(100 * time.Millisecond)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	for deadline := time.Now().Add(20 * time.Second); alive(t, pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a process was left behind")
		}
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
