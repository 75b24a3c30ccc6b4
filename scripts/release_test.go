// Package scripts tests the scripts that make releases.
package scripts

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// release runs release.sh of a module with args.
func release(t *testing.T, module string, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(module, "scripts", "release.sh"), args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 5 * time.Second
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// TestReproducible cross-compiles a program from two copies of the module. Settings that
// must not count differ, and the bytes are the same.
func TestReproducible(t *testing.T) {
	t.Parallel()
	build := func(version string, env ...string) [sha256.Size]byte {
		module := copyModule(t)
		program := filepath.Join(t.TempDir(), "regreen-gate")
		if _, stderr, err := release(t, module, env, "one", version, "linux", "arm64", "regreen-gate", program); err != nil {
			t.Fatalf("%v\n%s", err, stderr)
		}
		content, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(content)
	}
	first := build("v0.0.1")
	if second := build("v0.0.1", "GOFLAGS=-gcflags=-N", "CGO_ENABLED=1", "GOARM64=v8.2", "GOOS=plan9"); first != second {
		t.Errorf("%x and then %x of the same source", first, second)
	}
}

// copyModule copies the sources of the gate, and the script.
func copyModule(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "a folder")
	for _, name := range []string{"go.mod", "go.sum", "scripts/release.sh", "cmd/gate", "hooks", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", name), func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if entry.Name() == "testdata" {
					return fs.SkipDir
				}
				return nil
			}
			rel, err := filepath.Rel("..", file)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			target := filepath.Join(to, rel)
			if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			return os.WriteFile(target, content, info.Mode().Perm())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// scratch returns a module with the release script and the given files.
func scratch(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	script, err := os.ReadFile("release.sh")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "scripts", "release.sh"), string(script))
	for name, content := range files {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), content)
	}
	return dir
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestTable writes the table for all platforms and checks builds against it, with a fake
// go command, which is quicker.
func TestTable(t *testing.T) {
	t.Parallel()
	dir := scratch(t, map[string]string{
		"go.mod":              "module example.com/m\n\ngo 1.26.0\n\ntoolchain go1.26.1\n",
		"action/release.json": "{}\n",
		"bin/go":              "#!/bin/sh\nfile=''\nfor arg; do [ \"$before\" != -o ] || file=\"$arg\"; before=\"$arg\"; done\nshift $(($# - 1))\necho \"$GOTOOLCHAIN $CGO_ENABLED $GOOS $GOARCH $1\" >\"$file\"\n",
	})
	env := []string{"PATH=" + filepath.Join(dir, "bin") + string(os.PathListSeparator) + os.Getenv("PATH")}
	dist := filepath.Join(t.TempDir(), "dist")
	for _, args := range [][]string{{"table", "v1.2.3"}, {"build", "v1.2.3", dist}, {"check", "v1.2.3", dist}} {
		if _, stderr, err := release(t, dir, env, args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, stderr)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "action", "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Version, URL string
		Files        map[string]struct {
			Name   string
			Size   int
			SHA256 string
		}
	}
	if err := json.Unmarshal(content, &table); err != nil {
		t.Fatal(err)
	}
	// The wrapper looks platforms up by the names that node gives them.
	for platform, want := range map[string]struct{ name, made string }{
		"linux-x64":    {"regreen-action-linux-amd64", "go1.26.1 0 linux amd64 ./cmd/action\n"},
		"linux-arm64":  {"regreen-action-linux-arm64", "go1.26.1 0 linux arm64 ./cmd/action\n"},
		"darwin-x64":   {"regreen-action-darwin-amd64", "go1.26.1 0 darwin amd64 ./cmd/action\n"},
		"darwin-arm64": {"regreen-action-darwin-arm64", "go1.26.1 0 darwin arm64 ./cmd/action\n"},
		"win32-x64":    {"regreen-action-windows-amd64.exe", "go1.26.1 0 windows amd64 ./cmd/action\n"},
		"win32-arm64":  {"regreen-action-windows-arm64.exe", "go1.26.1 0 windows arm64 ./cmd/action\n"},
	} {
		file := table.Files[platform]
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(want.made)))
		if file.Name != want.name || file.Size != len(want.made) || file.SHA256 != sum {
			t.Errorf("%s is %+v, want %s of %q", platform, file, want.name, want.made)
		}
	}
	if table.Version != "v1.2.3" || len(table.Files) != 6 {
		t.Errorf("the table is for %s and has %d files", table.Version, len(table.Files))
	}
	sums, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS"))
	if err != nil || strings.Count(string(sums), "\n") != 18 || !strings.Contains(string(sums), "  regreen-gate-windows-amd64.exe\n") {
		t.Errorf("SHA256SUMS is %q: %v", sums, err)
	}

	refused := func(version string) {
		t.Helper()
		if _, stderr, err := release(t, dir, env, "check", version, dist); err == nil || !strings.Contains(stderr, "does not match these binaries") {
			t.Errorf("the wrong table was accepted: %v\n%s", err, stderr)
		}
	}
	refused("v1.2.4")
	write(t, filepath.Join(dist, "regreen-action-darwin-arm64"), "another")
	refused("v1.2.3")
}

func TestNotes(t *testing.T) {
	t.Parallel()
	dir := scratch(t, map[string]string{
		"CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n- future\n\n## [1.2.0] - 2026-01-02\n\n### Added\n\n- a feature\n\n## [1.1.0] - 2026-01-01\n\n## [1.0.0] - 2025-01-01\n\n- the first\n",
	})
	stdout, stderr, err := release(t, dir, nil, "notes", "v1.2.0")
	if want := "### Added\n\n- a feature\n\n"; err != nil || stdout != want {
		t.Errorf("got %q, want %q: %v\n%s", stdout, want, err, stderr)
	}
	for _, version := range []string{"v1.1.0", "v1.2", "v1.3.0", "", "v1.2.0; ls"} {
		if stdout, stderr, err := release(t, dir, nil, "notes", version); err == nil || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%q has notes %q: %v\n%s", version, stdout, err, stderr)
		}
	}
}

func TestPin(t *testing.T) {
	t.Parallel()
	old, commit := strings.Repeat("0", 40), strings.Repeat("1a", 20)
	page := func(commit, version string) string {
		return "- uses: actions/checkout@" + old + " # v6.0.2\n- uses: regreen-ci/regreen@" + commit + " # " + version + "\n"
	}
	dir := scratch(t, map[string]string{
		"README.md":                              page(old, "v0.0.0"),
		"docs/action.md":                         page(old, "v0.0.0"),
		".github/workflows/examples/minimal.yml": page(old, "v0.0.0"),
	})
	if _, stderr, err := release(t, dir, nil, "pin", "v1.2.0", commit); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, name := range []string{"README.md", "docs/action.md", ".github/workflows/examples/minimal.yml"} {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if want := page(commit, "v1.2.0"); err != nil || string(got) != want {
			t.Errorf("%s: got %q, want %q: %v", name, got, want, err)
		}
	}
	if _, stderr, err := release(t, dir, nil, "pin", "v1.2.0", "main"); err == nil || !strings.Contains(stderr, "is not a full commit id") {
		t.Errorf("a branch was pinned: %v\n%s", err, stderr)
	}
}
