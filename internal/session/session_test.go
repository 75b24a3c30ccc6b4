package session

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func strategies(names ...string) []propose.Strategy {
	var out []propose.Strategy
	for _, name := range names {
		out = append(out, propose.Strategy{Name: name})
	}
	return out
}

func TestParseShard(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]report.Shard{"": {}, "1/1": {Index: 1, Total: 1}, "2/4": {Index: 2, Total: 4}, "256/256": {Index: 256, Total: 256}} {
		if got, err := parseShard(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"2", "0/4", "5/4", "-1/4", "1/257", "/", "1/", "/4", "a/b", "1/4/8", " 1/4", "1 / 4", "1/99999999999999999999"} {
		var usage *usererr.UsageError
		if _, err := parseShard(text); !errors.As(err, &usage) || !strings.Contains(usage.What, "--shard") || usage.Advice == "" {
			t.Errorf("%q: got error %v", text, err)
		}
	}
}

// The flag overrides the configuration, and the configuration files of a fork or a bot are
// ignored.
func TestMaxCost(t *testing.T) {
	t.Parallel()
	theirs := []detect.Environment{{Fork: true}, {Restricted: true}}
	for _, tt := range []struct {
		name               string
		flag, config, want float64
		env                string
		theirs             bool
	}{
		{name: "nothing"},
		{name: "configured", config: 0.5, want: 0.5},
		{name: "the flag overrides the configuration", flag: 2, config: 0.5, want: 2},
		{name: "a fork's files", config: 0.5, theirs: true},
		{name: "a fork, set by the workflow", config: 0.25, env: "REGREEN_MAX_COST=0.25", want: 0.25, theirs: true},
		{name: "a fork, set by a flag", flag: 1, config: 0.5, want: 1, theirs: true},
	} {
		environments := []detect.Environment{{}}
		if tt.theirs {
			environments = theirs
		}
		for _, e := range environments {
			s := &Session{Config: config.Config{MaxCost: tt.config}, Environment: e, in: Input{Flags: Flags{MaxCost: tt.flag}, Environ: []string{tt.env}}}
			if got := s.maxCost(); got != tt.want {
				t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
			}
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	all := strategies("imports", "compile/name", "compile/return", "template/nil", "revert")
	for _, tt := range []struct {
		name          string
		only, exclude []string
		want          string // names, or part of the error
		fails         bool
	}{
		{name: "all", want: "imports compile/name compile/return template/nil revert"},
		{name: "one", only: []string{"revert"}, want: "revert"},
		{name: "a group", only: []string{"compile"}, want: "compile/name compile/return"},
		{name: "a group with its slash", only: []string{"compile/"}, want: "compile/name compile/return"},
		{name: "the table's order", only: []string{"revert", "imports"}, want: "imports revert"},
		{name: "all but one", exclude: []string{"revert"}, want: "imports compile/name compile/return template/nil"},
		{name: "a group without one", only: []string{"compile"}, exclude: []string{"compile/name"}, want: "compile/return"},
		{name: "nothing", only: []string{"compile"}, exclude: []string{"compile"}, want: ""},
		{name: "unknown", only: []string{"compiler"}, want: `"compiler"`, fails: true},
		{name: "unknown among the excluded", exclude: []string{"comp"}, want: `"comp"`, fails: true},
		{name: "empty", only: []string{""}, want: `""`, fails: true},
	} {
		got, err := Select(all, tt.only, tt.exclude)
		if tt.fails {
			var usage *usererr.UsageError
			if !errors.As(err, &usage) || !strings.Contains(usage.What, tt.want) || !strings.Contains(usage.Advice, "regreen strategies lists them") {
				t.Errorf("%s: got error %v", tt.name, err)
			}
			continue
		}
		var names []string
		for _, s := range got {
			names = append(names, s.Name)
		}
		if err != nil || strings.Join(names, " ") != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.name, names, err, tt.want)
		}
	}
}

// TestSelectParts checks that selecting some patterns and excluding the same ones divides the
// table into two parts.
func TestSelectParts(t *testing.T) {
	t.Parallel()
	names := []string{"a", "a/b", "a/c", "ab", "b/a", "c"}
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(rapid.SampledFrom(append(slices.Clone(names), "a/", "b", "b/")), 1, 4).Draw(t, "patterns")
		all := strategies(names...)
		in, err := Select(all, patterns, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Select(all, nil, patterns)
		if err != nil {
			t.Fatal(err)
		}
		if len(in) == 0 || len(in)+len(out) != len(all) {
			t.Fatalf("%v selects %d and excludes %d of %d", patterns, len(in), len(out), len(all))
		}
		for _, s := range in {
			if slices.ContainsFunc(out, func(o propose.Strategy) bool { return o.Name == s.Name }) {
				t.Fatalf("%s is both in and out", s.Name)
			}
		}
	})
}

func TestStorePath(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	absolute := filepath.Join(root, "elsewhere.db")
	for store, want := range map[string]string{
		"learn.db":              filepath.Join(root, "learn.db"),
		absolute:                absolute,
		"sqlite:learn.db":       filepath.Join(root, "learn.db"),
		"sqlite:" + absolute:    absolute,
		"sqlite://" + absolute:  absolute,
		"file://" + absolute:    absolute,
		"odd:name.db":           filepath.Join(root, "odd:name.db"),
		"sqlite:":               "",
		"redis:u:pw@host":       "",
		"unix:/run/redis.sock":  "",
		"":                      "",
		"mongo://:pw@host:6379": "",
		"http://host/learn.db":  "",
	} {
		got, err := storePath(root, store)
		var usage *usererr.UsageError
		switch {
		case want == "" && (!errors.As(err, &usage) || usage.Advice == ""):
			t.Errorf("%q: got %q, %v, want a usage error", store, got, err)
		case want == "" && strings.Contains(err.Error(), "pw"):
			t.Errorf("%q: the error shows the password: %v", store, err)
		case want != "" && (got != want || err != nil):
			t.Errorf("%q: got %q, %v, want %q", store, got, err, want)
		}
	}
}

// TestGetenv compares Getenv with a map filled in the same order.
func TestGetenv(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"A", "AB", "B", ""}
		var environ []string
		want := make(map[string]string)
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			value := rapid.SampledFrom([]string{"", "1", "x=y", "A=1"}).Draw(t, "value")
			environ = append(environ, name+"="+value)
			want[name] = value
		}
		environ = append(environ, "NOVALUE")
		getenv := config.Getenv(environ)
		for _, name := range append(names, "NOVALUE", "C") {
			if got := getenv(name); got != want[name] {
				t.Fatalf("%s of %q is %q, want %q", name, environ, got, want[name])
			}
		}
	})
}
