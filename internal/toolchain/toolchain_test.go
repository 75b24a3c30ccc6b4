package toolchain

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// install writes executable files.
func install(t *testing.T, files ...string) {
	t.Helper()
	for _, name := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOf(t *testing.T) {
	bin, venv := t.TempDir(), t.TempDir()
	for _, name := range []string{"go", "python3", "node", "make"} {
		install(t, filepath.Join(bin, name))
	}
	install(t, filepath.Join(venv, "bin", "python"))
	t.Setenv("PATH", bin)
	every := []string{"go", "python3", "node"} // in the table and installed
	for _, tt := range []struct {
		name, command string
		files         []string // of the tree
		venv          string
		programs      []string
		variable      string // one that counts
		not           string // one that does not
	}{
		{name: "Go", files: []string{"go.mod"}, programs: []string{"go"}, variable: "GOTOOLCHAIN", not: "PYTHONPATH"},
		{name: "Go by its command", command: "go test ./...", programs: []string{"go"}, variable: "GOFLAGS", not: "NODE_OPTIONS"},
		{name: "variables before the command", command: "CGO_ENABLED=0 go test ./...", programs: []string{"go"}, variable: "GOFLAGS", not: "NODE_OPTIONS"},
		{name: "Go and a frontend", files: []string{"go.work", "package.json"}, programs: []string{"go", "node"}, variable: "NODE_OPTIONS", not: "PYTHONPATH"},
		{name: "Python", files: []string{"pyproject.toml"}, programs: []string{"python3"}, variable: "VIRTUAL_ENV", not: "GOFLAGS"},
		{name: "Python by its command", command: "pytest -q", programs: []string{"python3"}, variable: "PYTEST_ADDOPTS", not: "GOFLAGS"},
		{
			name: "a virtual environment", files: []string{"setup.py"}, venv: venv,
			programs: []string{"python3", "$VIRTUAL_ENV/bin/python"}, variable: "PYTHONPATH",
		},
		{
			name: "a virtual environment in the tree", files: []string{"setup.py", ".venv/bin/python"},
			programs: []string{"python3", ".venv/bin/python"}, variable: "PYTHONPATH",
		},
		{name: "no sign", files: []string{"README"}, programs: every, variable: "PYTHONPATH"},
		{name: "a command that may run anything", command: "make test", files: []string{"go.mod"}, programs: append(every, "make"), variable: "PYTHONPATH"},
		{name: "a script in the tree", command: "./test.sh", files: []string{"go.mod", "test.sh"}, programs: append(every, "./test.sh"), variable: "PYTHONPATH"},
		{name: "a missing program", command: "nowhere", files: []string{"go.mod"}, programs: every, variable: "PYTHONPATH"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for _, name := range tt.files {
				install(t, filepath.Join(root, name))
			}
			programs, variables := Of(root, tt.command, func(name string) string { return map[string]string{"VIRTUAL_ENV": tt.venv}[name] })
			var names []string
			for _, p := range programs {
				name, _, _ := strings.Cut(p, " ")
				names = append(names, strings.TrimPrefix(name, bin+string(filepath.Separator)))
			}
			if !slices.Equal(names, tt.programs) {
				t.Errorf("got programs %q, want %q", programs, tt.programs)
			}
			if !slices.Contains(variables, tt.variable) || !slices.Contains(variables, "TZ") || slices.Contains(variables, tt.not) {
				t.Errorf("got variables %q, want %s and TZ and not %s", variables, tt.variable, tt.not)
			}
		})
	}
}

// TestUpgrade replaces a program that PATH has and that a virtual environment links to.
func TestUpgrade(t *testing.T) {
	bin, root := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	python := filepath.Join(bin, "python3")
	install(t, python, filepath.Join(bin, "go"), filepath.Join(root, "setup.py"))
	link := filepath.Join(root, ".venv", "bin", "python")
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(python, link); err != nil {
		t.Skip(err)
	}
	programs := func() []string {
		programs, _ := Of(root, "", func(string) string { return "" })
		return programs
	}
	before := programs()
	if same := programs(); !slices.Equal(before, same) {
		t.Errorf("%q, and then %q", before, same)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(bin, "go"), later, later); err != nil {
		t.Fatal(err)
	}
	if same := programs(); !slices.Equal(before, same) {
		t.Errorf("another Go counts for Python: %q, then %q", before, same)
	}
	if err := os.Chtimes(python, later, later); err != nil {
		t.Fatal(err)
	}
	after := programs()
	if len(before) != 2 || len(after) != 2 || before[0] == after[0] || before[1] == after[1] {
		t.Errorf("%q before the upgrade and %q after it", before, after)
	}
}

// TestTable checks that each language can be found and has something that counts.
func TestTable(t *testing.T) {
	t.Parallel()
	for i, l := range languages {
		if len(l.signs) == 0 || len(l.programs) == 0 || len(l.variables) == 0 {
			t.Errorf("row %d lacks something: %+v", i, l)
		}
	}
}
