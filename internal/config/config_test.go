package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// write creates a tree of files and returns its root.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// environ is an environment as a map.
type environ map[string]string

func (e environ) getenv(name string) string { return e[name] }

func TestLoad(t *testing.T) {
	t.Parallel()
	everything := `# how regreen works here
test: go test -tags integration ./...
base: origin/main
budget: 90s
max-cost: 0.50
timeout: 5m
apply: never
confidence: 0.9
jobs: 4
seed: 42
strategies: [imports, compile, template/*]
exclude-strategies:
  - revert
protected: [production, deploy/**]
never: [internal/generated, '*.pb.go']
allow: [internal/testdata/expected.json]
channels: [terminal, file]
log:
  format: json
  level: debug
store: redis://cache.example.com:6379/0
hooks: {pre-commit: warn, post-merge: off}
`
	full := Config{
		Test: "go test -tags integration ./...", Base: "origin/main", Budget: 90 * time.Second, MaxCost: 0.5, Timeout: 5 * time.Minute, Apply: "never", Confidence: 0.9, Jobs: 4, Seed: 42,
		Strategies: []string{"imports", "compile", "template/*"}, ExcludeStrategies: []string{"revert"}, Protected: []string{"production", "deploy/**"},
		Never: []string{"internal/generated", "*.pb.go"}, Allow: []string{"internal/testdata/expected.json"}, Channels: []channels.Name{"terminal", "file"},
		Log: Log{"json", "debug"}, Store: "redis://cache.example.com:6379/0", Hooks: map[githook.Name]githook.Action{"pre-commit": "warn", "post-merge": "off"},
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		env   environ
		want  Config
	}{
		{"nothing", nil, nil, Config{}},
		{"empty file", map[string]string{File: ""}, nil, Config{}},
		{"comments only", map[string]string{File: "# nothing yet\n---\n"}, nil, Config{}},
		{"everything", map[string]string{File: everything}, nil, full},
		{"other file", map[string]string{ConfigFile: everything}, nil, full},
		{"local only", map[string]string{LocalFile: everything}, nil, full},
		{".config is a file", map[string]string{".config": "CONFIG_X86=y\n", File: "jobs: 2"}, nil, Config{Jobs: 2}},
		{"from an editor on Windows", map[string]string{File: "\uFEFFtest: make test\r\njobs: 2\r\n"}, nil, Config{Test: "make test", Jobs: 2}},
		{
			"local wins",
			map[string]string{File: "budget: 90s\nlog: {format: json, level: warn}\n", LocalFile: "budget: 10s\nlog: {level: debug}\n"},
			nil,
			Config{Budget: 10 * time.Second, Log: Log{"json", "debug"}},
		},
		{
			"environment wins",
			map[string]string{File: "budget: 90s\n", LocalFile: "budget: 10s\n"},
			environ{"REGREEN_BUDGET": " 5s "},
			Config{Budget: 5 * time.Second},
		},
		{
			"budgets and timeouts are merged hook by hook",
			map[string]string{File: "budgets: {pre-commit: 10s, pre-push: 1m}\ntimeouts: {pre-commit: 30s}\n", LocalFile: "budgets: {pre-push: 2m}\n"},
			environ{"REGREEN_TIMEOUTS": "pre-push=5m"},
			Config{
				Budgets:  map[githook.Name]time.Duration{"pre-commit": 10 * time.Second, "pre-push": 2 * time.Minute},
				Timeouts: map[githook.Name]time.Duration{"pre-commit": 30 * time.Second, "pre-push": 5 * time.Minute},
			},
		},
		{
			"hooks are merged hook by hook",
			map[string]string{File: "hooks: {pre-commit: block, pre-push: warn}\n", LocalFile: "hooks: {pre-push: off}\n"},
			environ{"REGREEN_HOOKS": "post-merge=off"},
			Config{Hooks: map[githook.Name]githook.Action{"pre-commit": "block", "pre-push": "off", "post-merge": "off"}},
		},
		{
			"protection only grows",
			map[string]string{File: "never: [a, b]\nprotected: [prod]\n", LocalFile: "never: [b, c]\nprotected: []\n"},
			environ{"REGREEN_NEVER": "d,"},
			Config{Never: []string{"a", "b", "c", "d"}, Protected: []string{"prod"}},
		},
		{
			"variables of the cache add up",
			map[string]string{File: "cache-env: [A, B]\n", LocalFile: "cache-env: [B, C]\n"},
			environ{"REGREEN_CACHE_ENV": "D"},
			Config{CacheEnv: []string{"A", "B", "C", "D"}},
		},
		{
			"former name of a key",
			map[string]string{File: "witness-env: [A]\n", LocalFile: "cache-env: [B]\n"},
			environ{"REGREEN_WITNESS_ENV": "C", "REGREEN_CACHE_ENV": "D"},
			Config{CacheEnv: []string{"A", "B", "D", "C"}},
		},
		{
			"other lists are replaced",
			map[string]string{File: "strategies: [imports]\nallow: [go.sum]\n", LocalFile: "strategies: [compile]\nallow: []\n"},
			nil,
			Config{Strategies: []string{"compile"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Load(write(t, tt.files), tt.env.getenv)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Load(filepath.Join(t.TempDir(), "missing"), nil); err == nil {
		t.Error("a root that does not exist was read")
	}
	for _, tt := range []struct {
		name string
		make func(t *testing.T, root string) error
		want string
	}{
		{"two files", func(_ *testing.T, root string) error {
			if err := os.Mkdir(filepath.Join(root, ".config"), 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(root, ConfigFile), []byte("jobs: 1"), 0o644)
		}, "conflicts with .regreen.yml"},
		{"too large", func(_ *testing.T, root string) error {
			return os.WriteFile(filepath.Join(root, LocalFile), []byte(strings.Repeat("# much\n", MaxSize/7+1)), 0o644)
		}, "larger than 64 KiB"},
		{"directory", func(_ *testing.T, root string) error {
			return os.Mkdir(filepath.Join(root, LocalFile), 0o755)
		}, "not a regular file"},
		{"link out of the tree", func(t *testing.T, root string) error {
			secret := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(secret, []byte("hunter2"), 0o600); err != nil {
				return err
			}
			return os.Symlink(secret, filepath.Join(root, LocalFile))
		}, "cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := write(t, map[string]string{File: "jobs: 2\n"})
			if err := tt.make(t, root); err != nil {
				t.Fatal(err)
			}
			got, err := Load(root, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got error %v, want one with %q", err, tt.want)
			}
			if strings.Contains(usererr.OneLine(err), "hunter2") {
				t.Errorf("the error quotes a file outside the tree: %v", err)
			}
			if diff := cmp.Diff(Config{}, got); diff != "" {
				t.Errorf("the configuration is not zero, despite the error:\n%s", diff)
			}
		})
	}
}

func TestOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		vars   environ
		hook   githook.Name
		reason string
	}{
		{nil, "pre-commit", ""},
		{environ{"REGREEN": "1"}, "pre-commit", ""},
		{environ{"REGREEN": "0"}, "pre-commit", "REGREEN=0"},
		{environ{"REGREEN": "0"}, "", "REGREEN=0"},
		{environ{"REGREEN": "Off"}, "", "REGREEN=Off"},
		{environ{"REGREEN_SKIP": "post-merge, pre-commit"}, "pre-commit", "REGREEN_SKIP=pre-commit"},
		{environ{"REGREEN_SKIP": "post-merge"}, "pre-commit", ""},
		{environ{"REGREEN_SKIP": "pre-commit-msg"}, "pre-commit", ""},
		{environ{"REGREEN_SKIP": "all"}, "pre-push", "REGREEN_SKIP=all"},
		{environ{"REGREEN_SKIP": "all"}, "", ""},
		{environ{"REGREEN_SKIP": ",,"}, "pre-push", ""},
		{environ{"SKIP": "eslint,regreen"}, "pre-commit", "SKIP=regreen"},
		{environ{"SKIP": "eslint"}, "pre-commit", ""},
		{environ{"SKIP": "regreen"}, "", ""},
	} {
		off, reason := Off(tt.vars.getenv, tt.hook)
		if off != (tt.reason != "") || reason != tt.reason {
			t.Errorf("%v, hook %q: got %v %q, want %q", tt.vars, tt.hook, off, reason, tt.reason)
		}
	}
	if off, _ := Off(nil, "pre-commit"); off {
		t.Error("off without an environment")
	}
}
