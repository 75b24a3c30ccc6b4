package gate

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/config"
)

// The key changes with what the tests depend on, and with nothing else.
func TestKey(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	base := Key(root, "tree", config.Config{CacheEnv: []string{"DB"}}, []string{"HOME=/a", "GOFLAGS=-race", "DB=x"}).ID()
	for _, tc := range []struct {
		name    string
		tree    string
		cfg     config.Config
		environ []string
		same    bool
	}{
		{"another home", "tree", config.Config{CacheEnv: []string{"DB"}}, []string{"HOME=/b", "GOFLAGS=-race", "DB=x", "EDITOR=vi"}, true},
		{"another tree", "tree2", config.Config{CacheEnv: []string{"DB"}}, []string{"GOFLAGS=-race", "DB=x"}, false},
		{"other flags", "tree", config.Config{CacheEnv: []string{"DB"}}, []string{"DB=x"}, false},
		{"another value of a configured variable", "tree", config.Config{CacheEnv: []string{"DB"}}, []string{"GOFLAGS=-race", "DB=y"}, false},
		{"other languages", "tree", config.Config{CacheEnv: []string{"DB"}, Lang: []string{"go"}}, []string{"GOFLAGS=-race", "DB=x"}, false},
		{"other results", "tree", config.Config{CacheEnv: []string{"DB"}, Results: []string{"*.xml"}}, []string{"GOFLAGS=-race", "DB=x"}, false},
		{"another command", "tree", config.Config{CacheEnv: []string{"DB"}, Test: "make test"}, []string{"GOFLAGS=-race", "DB=x"}, false},
	} {
		if got := Key(root, tc.tree, tc.cfg, tc.environ).ID(); (got == base) != tc.same {
			t.Errorf("%s: got the same key: %t", tc.name, got == base)
		}
	}
}

// A tree that passed is tested again after an upgrade of the programs that run its tests, but not
// of others.
func TestKeyAfterUpgrade(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	for _, tc := range []struct {
		sign, command, upgraded string
		same                    bool
	}{
		{"pyproject.toml", "", "python3", false},
		{"pyproject.toml", "", "go", true},
		{"go.mod", "", "go", false},
		{"go.mod", "", "python3", true},
		{"go.mod", "make test", "python3", false},
		{"go.mod", "make test", "make", false},
		{"README", "", "python3", false},
	} {
		t.Run(tc.sign+" "+tc.command+" "+tc.upgraded, func(t *testing.T) {
			root := t.TempDir()
			for _, name := range []string{"go", "make", "python3"} {
				if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(root, tc.sign), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			key := func() string { return Key(root, "tree", config.Config{Test: tc.command}, nil).ID() }
			before := key()
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(filepath.Join(bin, tc.upgraded), later, later); err != nil {
				t.Fatal(err)
			}
			if same := key() == before; same != tc.same {
				t.Errorf("got the same key: %t, want %t", same, tc.same)
			}
		})
	}
}
