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

// Modules gets published modules from the module cache, downloading each once.
type Modules struct {
	Temp string            // where the throwaway module lives that downloads
	Dirs map[string]string // published trees that are known already, by path@version

	mu sync.Mutex
}

// dir is where the go command keeps the published tree of a module. That tree is
// read-only and shared: copy it.
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
		return "", fmt.Errorf("download %s: %w\nhint: the module proxy must be in reach, or the module in the module cache", name, errors.Join(err, errors.New(got.Error)))
	}
	if m.Dirs == nil {
		m.Dirs = map[string]string{}
	}
	m.Dirs[name] = got.Dir
	return got.Dir, nil
}

// Checkout copies the bug's module, as published, to dir and makes it writable.
func (m *Modules) Checkout(ctx context.Context, b Bug, dir string) error {
	from, err := m.dir(ctx, b.Module, b.Version)
	if err != nil {
		return err
	}
	if err := CopyTree(from, dir); err != nil {
		return err
	}
	// Modules from before there were modules have no go.mod; the cache has one made up outside the tree.
	mod := filepath.Join(dir, "go.mod")
	if _, err := os.Stat(mod); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(mod, []byte("module "+b.Module+"\n"), 0o644); err != nil {
			return err
		}
	}
	// What the go command would complete in go.mod and go.sum belongs into the commit, not into what is tested.
	_, err = Run(ctx, dir, "go", "list", "-test", "-deps", "./...")
	return err
}

// CopyTree copies files and directories; all are writable in the copy.
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

// SeedFile puts the bug into the module in dir and returns the file as it was.
func (b Bug) SeedFile(dir string) (original []byte, err error) {
	name := filepath.Join(dir, filepath.FromSlash(b.File))
	original, err = os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	buggy, err := b.Seed(original)
	if err != nil {
		return nil, err
	}
	return original, os.WriteFile(name, buggy, 0o644)
}

// Run runs a command in dir and returns its standard output, which is kept when
// the command fails; the error then ends with what the command said.
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

// Command prepares a command in its own process group, which is interrupted when
// ctx ends, and killed when that does not help.
func Command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = Environment(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// Environment is what the commands see: enough to build Go and to reach a
// proxy. A CI's variables, the user's git configuration and switches of regreen
// would make the figures differ from machine to machine.
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
		"GOLDMARK_TEST_TIMEOUT_MULTIPLIER=20", // its tests of speed fail on a busy machine
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=bench", "GIT_AUTHOR_EMAIL=bench@localhost", "GIT_AUTHOR_DATE=2024-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=bench", "GIT_COMMITTER_EMAIL=bench@localhost", "GIT_COMMITTER_DATE=2024-01-01T00:00:00Z",
	)
}

// tail is the end of s, at most n bytes of it.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "..." + s[len(s)-n:]
}
