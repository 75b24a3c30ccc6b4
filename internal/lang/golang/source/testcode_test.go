package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/propose"
)

// Code that tests rely on to judge counts as test code, whatever its name.
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
	tree := &Tree{Tree: &propose.Tree{Root: dir}}
	for name := range files {
		base := filepath.Base(name)
		want := base == "assert.go" || base == "require.go" || base == "tester.go" || strings.Contains(name, "testutil")
		if got := tree.TestCode(name); got != want {
			t.Errorf("%s: got %t, want %t", name, got, want)
		}
	}
}
