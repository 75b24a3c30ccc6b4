package seeded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Modules finds published modules in the module cache, and downloads each at most once.
type Modules struct {
	Temp string            // holds the temporary module that downloads others
	Dirs map[string]string // directories of published trees, by path@version

	mu sync.Mutex
}

// dir returns the directory of a module in the module cache. It is read-only and shared:
// copy it before changing anything.
func (m *Modules) dir(ctx context.Context, module, version string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := module + "@" + version
	if dir, ok := m.Dirs[name]; ok {
		return dir, nil
	}
	home := filepath.Join(m.Temp, "download")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(home, "go.mod"), []byte("module download\n"), 0o644); err != nil {
		return "", err
	}
	out, err := Run(ctx, home, "go", "mod", "download", "-json", name)
	var got struct{ Dir, Error string }
	if json.Unmarshal(out, &got) != nil || got.Dir == "" {
		return "", fmt.Errorf("cannot download %s: %w\nhint: check that the module proxy is reachable", name, errors.Join(err, errors.New(got.Error)))
	}
	if m.Dirs == nil {
		m.Dirs = map[string]string{}
	}
	m.Dirs[name] = got.Dir
	return got.Dir, nil
}

// Checkout makes a writable copy of the bug's module, as published, in dir.
func (m *Modules) Checkout(ctx context.Context, b Bug, dir string) error {
	from, err := m.dir(ctx, b.Module, b.Version)
	if err != nil {
		return err
	}
	if err := CopyTree(from, dir); err != nil {
		return err
	}
	// Code older than Go modules has no go.mod; the module cache has a generated one outside
	// the tree.
	mod := filepath.Join(dir, "go.mod")
	if _, err := os.Stat(mod); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(mod, []byte("module "+b.Module+"\n"), 0o644); err != nil {
			return err
		}
	}
	// Have the go command complete go.mod and go.sum now, so that they are committed and do
	// not change during the tests.
	_, err = Run(ctx, dir, "go", "list", "-test", "-deps", "./...")
	return err
}

// CopyTree copies files and directories and makes the copies writable.
func CopyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
}

// SeedFile seeds the bug into the module in dir and returns the file's original content.
func (b Bug) SeedFile(dir string) (original []byte, err error) { return b.rewrite(dir, b.Seed) }

// UnseedFile makes the file what it was at the commit before, and returns its original content.
func (b Bug) UnseedFile(dir string) (original []byte, err error) { return b.rewrite(dir, b.Unseeded) }

func (b Bug) rewrite(dir string, text func([]byte) ([]byte, error)) (original []byte, err error) {
	name := filepath.Join(dir, filepath.FromSlash(b.File))
	original, err = os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	src, err := text(original)
	if err != nil {
		return nil, err
	}
	return original, os.WriteFile(name, src, 0o644)
}

// Run runs a command in dir and returns its standard output, even if the command fails.
// The error then ends with the command's error output.
func Run(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := Command(ctx, dir, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String())
		if said == "" {
			said = strings.TrimSpace(stdout.String())
		}
		return stdout.Bytes(), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, tail(said, 2000))
	}
	return stdout.Bytes(), nil
}

// Command returns a command that runs in its own process group. The group is interrupted
// when ctx is done, and the command is killed if that does not stop it.
func Command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = Environment(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// Environment returns the environment of commands: enough to build Go code and to reach a
// proxy. It leaves out CI variables, the user's git configuration and regreen's variables,
// because they would make the figures differ between machines.
func Environment(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case name == "GOFLAGS" || name == "GOWORK":
		case name == "PATH" || name == "HOME" || name == "USER" || name == "TMPDIR" || name == "LANG",
			strings.HasPrefix(name, "GO"), strings.HasPrefix(name, "SSL_CERT_"),
			strings.HasSuffix(strings.ToUpper(name), "_PROXY"):
			kept = append(kept, entry)
		}
	}
	return append(kept,
		"GOFLAGS=-mod=mod", "GOWORK=off",
		"GOLDMARK_TEST_TIMEOUT_MULTIPLIER=20", // its performance tests fail on a busy machine
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=bench", "GIT_AUTHOR_EMAIL=bench@localhost", "GIT_AUTHOR_DATE=2024-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=bench", "GIT_COMMITTER_EMAIL=bench@localhost", "GIT_COMMITTER_DATE=2024-01-01T00:00:00Z",
	)
}

// tail returns the last n bytes of s.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "..." + s[len(s)-n:]
}
