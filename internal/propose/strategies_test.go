package propose

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStrategies(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	last := 0
	for _, s := range Strategies() {
		switch {
		case s.Name == "" || strings.ContainsAny(s.Name, " ,\n") || strings.ToLower(s.Name) != s.Name:
			t.Errorf("%q cannot be named on a command line", s.Name)
		case seen[s.Name]:
			t.Errorf("%s is there twice", s.Name)
		case len(s.Doc) < 20:
			t.Errorf("%s is not documented: %q", s.Name, s.Doc)
		case s.Share <= 0 || s.Share > 100:
			t.Errorf("%s: %v %% of all fixes", s.Name, s.Share)
		case s.Propose == nil:
			t.Errorf("%s proposes nothing", s.Name)
		}
		seen[s.Name] = true
		if s.LastResort {
			last++
		}
	}
	if last == 0 || last == len(seen) {
		t.Errorf("%d of %d strategies are a last resort", last, len(seen))
	}
}

// With nothing to work on, no strategy proposes, fails or panics.
func TestStrategiesOnNothing(t *testing.T) {
	t.Parallel()
	for _, s := range Strategies() {
		for name, p := range map[string]*Problem{
			"no suspects":   {Tree: &Tree{Root: t.TempDir()}},
			"empty package": {Tree: emptyPackage(t)},
		} {
			err := s.Propose(context.Background(), p, func(c Candidate) bool {
				t.Errorf("%s, %s: %s", s.Name, name, c.Title)
				return true
			})
			if err != nil && name == "no suspects" {
				t.Errorf("%s, %s: %v", s.Name, name, err)
			}
		}
	}
}

// emptyPackage is a tree with nothing in its one package.
func emptyPackage(t *testing.T) *Tree {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n", "m.go": "package m\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Tree{Root: root}
}

// What tests judge by is not edited to make them pass, whatever its name.
func TestTestCode(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a/a.go":                 "package a\n\nimport \"strings\"\n\nvar X = strings.ToUpper\n",
		"a/logger.go":            "package a\n\ntype Logger interface {\n\tErrorf(string, ...any)\n\tFatalf(string, ...any)\n}\n",
		"a/assert.go":            "package a\n\nimport \"testing\"\n\nfunc Check(t *testing.T) { t.Error() }\n",
		"a/require.go":           "package a\n\nimport \"github.com/stretchr/testify/require\"\n\nvar R = require.New\n",
		"a/tester.go":            "package a\n\ntype T interface {\n\tErrorf(string, ...any)\n\tFailNow()\n}\n",
		"internal/testutil/x.go": "package testutil\n",
		"contest/x.go":           "package contest\n",
		"a/broken.go":            "package a\n\nfunc {",
	}
	dir := t.TempDir()
	for name, src := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree := &SourceTree{Tree: &Tree{Root: dir}}
	for name := range files {
		base := filepath.Base(name)
		want := base == "assert.go" || base == "require.go" || base == "tester.go" || strings.Contains(name, "testutil")
		if got := tree.TestCode(name); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
}
