package storetest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Redis is a real server for tests, on its own socket.
type Redis struct {
	Socket string

	t    testing.TB
	args []string
	cmd  *exec.Cmd
}

// StartRedis starts a server that ends with the test, or skips the test if there is no
// redis-server. The server writes to its file before it replies, so that nothing is lost
// when it is killed and started again.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server not found; make setup installs it")
	}
	dir, err := os.MkdirTemp("", "redis-") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	r := &Redis{Socket: filepath.Join(dir, "s"), t: t, args: append([]string{
		program, "--port", "0", "--unixsocket", filepath.Join(dir, "s"), "--dir", dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "no",
	}, args...)}
	r.Start()
	t.Cleanup(func() {
		r.Kill()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Start starts the server, also after Kill, and returns when it accepts connections.
func (r *Redis) Start() {
	r.t.Helper()
	cmd := exec.Command(r.args[0], r.args[1:]...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.cmd = cmd
	var log strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(strings.ToLower(lines.Text()), "ready to accept connections") {
			go func() {
				for lines.Scan() { // drain, so that it does not block
				}
			}()
			return
		}
	}
	r.t.Fatalf("redis-server did not start:\n%s", log.String())
}

// Kill ends the server like a crash.
func (r *Redis) Kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

// URL returns the address of a namespace on the server.
func (r *Redis) URL(namespace string) string { return "unix://" + r.Socket + "?namespace=" + namespace }
