package syntax_test

import (
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/syntax"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, good, bad string
	}{
		{"a/x.go", "package x\n\nvar a = 1\n", "package x\n\nvar a = \n"},
		{"x.json", `{"a": [1]}`, `{"a": [1}`},
		{"x.yml", "a:\n  - b\n", "a: [b\n"},
		{"X.YAML", "a: b\n", "a: \"b\n"},
		{"deep.yml", "a: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n", "a: " + strings.Repeat("[", 100_000) + "\n"},
		{"go.mod", "module m\n\ngo 1.26\n", "module m\n\ngo go go\n"},
		{"go.work", "go 1.26\n\nuse .\n", "used .\n"},
	} {
		if err := syntax.Check(tt.name, []byte(tt.good)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err := syntax.Check(tt.name, []byte(tt.bad)); err == nil {
			t.Errorf("%s: no error for %q", tt.name, tt.bad)
		}
	}
	for _, unknown := range []string{"x", "README.md", "json", ""} {
		if err := syntax.Check(unknown, []byte("{[(")); err != nil {
			t.Errorf("%s: %v", unknown, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, name := range []string{"x.go", "x.json", "x.yml", "go.mod", "go.work"} {
		f.Add(name, []byte("package x\n"))
		f.Add(name, []byte("{\"a\": [1]}\n"))
		f.Add(name, []byte("a:\n  - &b c\n  - *b\n"))
		f.Add(name, []byte("module m\nrequire (\n\ta v1\n)\n"))
	}
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		syntax.Check(name, content) //nolint:errcheck // must not panic
	})
}
