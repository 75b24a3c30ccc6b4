// Package internal holds the layout of the module as a table, and the test that
// keeps the code to it. A package or an import that is not in the table fails:
// an edge is added here first, on purpose, or not at all.
package internal

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/regreen-ci/regreen"

// layer is one package: what it is for, and which packages of this module it may
// import. Names are relative to internal/ where they are in it.
type layer struct {
	dir, purpose string
	imports      string // separated by spaces; all for any
	tests        string // what its test files may import besides
}

const all = "all"

// layout is the module from the bottom of the import graph up.
var layout = []layer{
	{dir: "hooks", purpose: "the hook shims, embedded, and usable by core.hooksPath"},
	{dir: "schema", purpose: "the JSON Schemas of what regreen writes for programs"},

	{dir: "internal/adaptlog", purpose: "the slog handler"},
	{dir: "internal/confine", purpose: "which names may be those of a tree's files, whatever file systems make of them"},
	{dir: "internal/config", purpose: ".regreen.yml and environment into one validated value", imports: "confine"},
	{dir: "internal/detect", purpose: "where am I: event, branch, CI, fork, mode, and why"},
	{dir: "internal/learn", purpose: "outcomes, posteriors, stores, and outcomes as text from one to another", tests: "learn/storetest"},
	{dir: "internal/learn/storetest", purpose: "the contract of a store as tests", imports: "learn"},
	{dir: "internal/patch", purpose: "parse, apply, reverse, format patches: bytes in, bytes out"},
	{dir: "internal/report", purpose: "the Report and its renderings; no network", imports: "patch", tests: "schema"},
	{dir: "internal/syntax", purpose: "whether a text is well formed, by its language's parser"},
	{
		dir: "internal/forge", purpose: "clients of the sites that host repositories", imports: "report",
		tests: "forge/githubtest forge/gitlabtest",
	},
	{dir: "internal/forge/githubtest", purpose: "GitHub's API for tests, as strict as the real one"},
	{dir: "internal/forge/gitlabtest", purpose: "GitLab's notes for tests, as strict as the real ones", imports: "forge/githubtest"},
	{
		dir: "internal/deliver", purpose: "channels: send to all, keep receipts", imports: "config confine detect forge patch report",
		tests: "forge/githubtest forge/gitlabtest",
	},
	{
		dir: "internal/runner", purpose: "what GitHub's runner offers a step: artifacts and the cache; archives of others, unpacked with care", imports: "confine",
		tests: "runner/runnertest",
	},
	{dir: "internal/runner/runnertest", purpose: "the runner's services for tests, as strict as the real ones"},
	{dir: "internal/testrun", purpose: "what any language's tests are: suites, requests, failures; and the sandbox that they run in"},

	{dir: "internal/witness", purpose: "which trees passed, and which commits nothing proves"},
	{dir: "internal/githook", purpose: "git's hooks: what each is given, and how one is installed", imports: "hooks"},

	{dir: "internal/lockfile", purpose: "files that one process at a time holds"},
	{dir: "internal/gitdir", purpose: "git's folders, read without git"},
	{dir: "internal/background", purpose: "what a run beside a person's work is doing, and what came of it", imports: "lockfile"},
	{dir: "internal/gate", purpose: "whether a commit needs regreen at all, decided in no time", imports: "background config gitdir witness"},
	{dir: "internal/repo", purpose: "all use of git; export of a tree; every write to a user's files", imports: "confine gitdir lockfile patch"},
	{dir: "internal/localize", purpose: "fault localization: ranked suspects", imports: "testrun patch", tests: "lang/golang/coverage"},
	{dir: "internal/propose", purpose: "the strategy table: suspects to candidates; strategies read the failures themselves", imports: "localize patch testrun"},
	{dir: "internal/validate", purpose: "candidates to verdicts, as fast as can be", imports: "propose testrun"},

	{dir: "internal/lang", purpose: "what regreen asks of a language", imports: "localize propose testrun validate"},
	{dir: "internal/lang/langtest", purpose: "the contract that every language passes, as tests", imports: "lang propose testrun"},
	{
		dir: "internal/lang/golang", purpose: "Go: its strategies, and how its packages serve the pipeline",
		imports: "lang lang/golang/compile lang/golang/coverage lang/golang/gotest lang/golang/schemata lang/golang/source lang/golang/template localize propose testrun",
		tests:   "lang/langtest patch",
	},
	{dir: "internal/lang/golang/gotest", purpose: "go test: find it, run it, read its events", imports: "testrun"},
	{dir: "internal/lang/golang/source", purpose: "Go's syntax and types, of trees with patches", imports: "propose"},
	{dir: "internal/lang/golang/site", purpose: "the places of Go code that templates change", imports: "lang/golang/source propose"},
	{dir: "internal/lang/golang/coverage", purpose: "where failing Go tests go in the code", imports: "lang/golang/gotest localize testrun", tests: "patch"},
	{
		dir: "internal/lang/golang/template", purpose: "the strategies that edit Go by templates", imports: "lang/golang/site propose testrun",
		tests: "lang/golang/source localize",
	},
	{dir: "internal/lang/golang/compile", purpose: "the strategies for Go that does not compile", imports: "lang/golang/site lang/golang/source patch propose testrun"},
	{
		dir: "internal/lang/golang/schemata", purpose: "screens many candidates in one Go program",
		imports: "lang/golang/gotest lang/golang/source propose testrun validate", tests: "lang/golang/site",
	},
	{dir: "internal/lang/golang/schemata/pool", purpose: "what is laid into package testing of the programs that hold mutants; built with the tag regreen_pool alone"},
	{dir: "internal/resultfile", purpose: "the results of tests that something else ran, one by one or as a report", imports: "lang/golang/gotest report testrun"},
	{
		dir: "internal/lang/generic", purpose: "any language, by its test command and the result files of that", imports: "config lang resultfile testrun",
		tests: "lang/langtest",
	},
	{dir: "internal/lang/all", purpose: "the table of languages", imports: "lang lang/generic lang/golang propose"},

	{dir: "internal/runs", purpose: "stored runs: reports, patches, and what applying these wrote", imports: "patch repo report"},
	{
		dir: "internal/repair", purpose: "the pipeline, scoring and deciding",
		imports: "detect lang learn localize patch propose repo report runs testrun validate", tests: "lang/all",
	},
	{
		dir: "internal/session", purpose: "the wiring both binaries share: flags, configuration and the mode's defaults into what the pipeline needs",
		imports: "config deliver detect lang lang/all repo repair report runs learn adaptlog propose validate", tests: "learn/storetest",
	},

	{dir: "cmd/hook", purpose: "the regreen binary: commands, flags, wiring", imports: all},
	{dir: "cmd/gate", purpose: "the regreen-gate binary: the gate alone, which starts at once", imports: "gate"},
	{dir: "cmd/action", purpose: "the regreen-action binary: inputs, event, outputs, wiring", imports: all},

	{dir: "bench/hooks", purpose: "measures what a commit costs with regreen's hooks and with others'"},
	{dir: "bench/patch", purpose: "measures putting patches on, beside git apply and GNU patch", imports: "patch"},
	{dir: "bench/report", purpose: "measures writing reports in each format, and reading results beside other tools", imports: "report"},
	{dir: "bench/seeded", purpose: "lists of bugs, and published modules that get them"},
	{dir: "bench/repair", purpose: "measures the regreen binary on seeded bugs", imports: "bench/seeded lang/all lang/golang/source localize patch propose report testrun"},
	{
		dir: "bench/validate", purpose: "measures how many candidates a second are judged, and whether as go test would",
		imports: "bench/seeded lang/all lang/golang/coverage lang/golang/gotest lang/golang/schemata lang/golang/source localize propose testrun validate",
	},
	{dir: "bench/weight", purpose: "measures how large binaries are, and how long they take to start"},
	{dir: "internal/workflows", purpose: "the test that keeps workflows and the action's description to what is safe"},
	{dir: "action", purpose: "the test of what starts the action's binary, which is written for node"},
	{dir: "scripts", purpose: "the test of the scripts that make releases"},
	{dir: "docs", purpose: "the test that executes the documentation", tests: "config lang/all propose"},
	{dir: "internal", purpose: "this table"},
}

// banned are names that say nothing of what a package is for.
var banned = []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "shared", "base"}

// heavy are packages that no binary is to have. Templates call methods by their names, so
// that the linker keeps all there are, 6 MB in regreen. Go-git's root package is every
// transport: 2.5 MB with templates, 0.2 MB without, and one in twelve of the instructions
// that regreen takes to start.
var heavy = []string{"html/template", "text/template", "github.com/go-git/go-git/v5"}

// TestLayers keeps the module to the table.
func TestLayers(t *testing.T) {
	t.Parallel()
	faults, err := check(os.DirFS(".."), layout)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}

// TestLayersCanFail checks the check: each fabricated file breaks one rule.
func TestLayersCanFail(t *testing.T) {
	t.Parallel()
	table := []layer{
		{dir: "internal/patch", purpose: "patches"},
		{dir: "internal/repo", purpose: "git", imports: "patch", tests: "patch/patchtest"},
		{dir: "internal/patch/patchtest", purpose: "contract"},
		{dir: "cmd/hook", purpose: "the binary", imports: all},
	}
	sound := map[string]string{
		"internal/patch/patch.go":               `package patch; import "strings"`,
		"internal/patch/patch_test.go":          `package patch_test; import "` + module + `/internal/patch"`,
		"internal/patch/testdata/any.go":        `package any; import "` + module + `/cmd/hook"`,
		"internal/patch/patchtest/patchtest.go": `package patchtest`,
		"internal/repo/repo.go":                 `package repo; import "` + module + `/internal/patch"`,
		"internal/repo/repo_test.go":            `package repo; import "` + module + `/internal/patch/patchtest"`,
		"cmd/hook/main.go":                      `package main; import "` + module + `/internal/repo"`,
		"example/go.mod":                        `module example.com/other`,
		"example/main.go":                       `package main; import "` + module + `/internal/repo"`,
		".hidden/main.go":                       `package main; import "` + module + `/internal/repo"`,
	}
	tests := []struct {
		name, file, source string
		without            string // a file that is not there
		want               string // "" for no fault
	}{
		{name: "sound"},
		{
			name: "package without a row", file: "internal/novel/novel.go", source: `package novel`,
			want: "internal/novel: is not in the table",
		},
		{
			name: "edge upwards", file: "internal/patch/up.go", source: `package patch; import "` + module + `/internal/repo"`,
			want: "internal/patch/up.go:1: internal/patch may not import internal/repo",
		},
		{
			name: "edge upwards of a test", file: "internal/patch/up_test.go", source: `package patch; import "` + module + `/internal/repo"`,
			want: "internal/patch/up_test.go:1: internal/patch may not import internal/repo",
		},
		{
			name: "what only tests may import", file: "internal/repo/more.go", source: `package repo; import "` + module + `/internal/patch/patchtest"`,
			want: "internal/repo/more.go:1: internal/repo may not import internal/patch/patchtest",
		},
		{
			name: "edge in a file of another platform", file: "internal/patch/up_windows.go", source: `package patch; import _ "` + module + `/cmd/hook"`,
			want: "internal/patch/up_windows.go:1: internal/patch may not import cmd/hook",
		},
		{
			name: "row without a package", without: "internal/patch/patchtest/patchtest.go",
			want: "internal/patch/patchtest: has a row and no code",
		},
		{
			name: "heavy", file: "internal/patch/page.go", source: `package patch; import "html/template"`,
			want: "internal/patch/page.go:1: html/template makes the binaries heavy, see heavy",
		},
		{name: "heavy in a test", file: "internal/patch/page_test.go", source: `package patch; import "html/template"`},
		{
			name: "junk drawer", file: "internal/repo/util/util.go", source: `package util`,
			want: "internal/repo/util: says nothing of what it is for",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tree := fstest.MapFS{}
			for name, source := range sound {
				tree[name] = &fstest.MapFile{Data: []byte(source)}
			}
			if tt.file != "" {
				tree[tt.file] = &fstest.MapFile{Data: []byte(tt.source)}
			}
			delete(tree, tt.without)
			faults, err := check(tree, table)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && len(faults) > 0 || tt.want != "" && !slices.Contains(faults, tt.want) {
				t.Errorf("got %q, want %q", faults, tt.want)
			}
		})
	}
}

// TestLayoutIsWellFormed refuses a table with rows that are double, that say
// nothing, or that allow what does not exist.
func TestLayoutIsWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, l := range layout {
		if seen[short(l.dir)] {
			t.Errorf("%s has two rows", l.dir)
		}
		seen[short(l.dir)] = true
		if l.purpose == "" {
			t.Errorf("%s has no purpose", l.dir)
		}
	}
	for _, l := range layout {
		for _, name := range strings.Fields(l.imports + " " + l.tests) {
			if name != all && !seen[name] {
				t.Errorf("%s may import %s, which has no row", l.dir, name)
			}
			ours, theirs := languageOf(short(l.dir)), languageOf(name)
			if ours != "" && theirs != "" && ours != theirs {
				t.Errorf("%s may import %s: a language may not import another", l.dir, name)
			}
		}
	}
}

// languageOf is the language that a package belongs to, or "".
func languageOf(name string) string {
	rest, ok := strings.CutPrefix(name, "lang/")
	language, _, _ := strings.Cut(rest, "/")
	if !ok || language == "all" || language == "langtest" {
		return ""
	}
	return language
}

// check gives what in a module's tree is not as the table says. The files are
// parsed here rather than listed by the go command: so files of every platform
// count, and `go test` sees which files its cached result depends on.
func check(tree fs.FS, table []layer) (faults []string, err error) {
	rows := map[string]layer{}
	for _, l := range table {
		rows[l.dir] = l
	}
	found := map[string]bool{}
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return enter(tree, name)
		case path.Ext(name) != ".go":
			return nil
		}
		dir := path.Dir(name)
		row, known := rows[dir]
		if !found[dir] {
			found[dir] = true
			if !known {
				faults = append(faults, dir+": is not in the table")
			}
			if slices.Contains(banned, path.Base(dir)) {
				faults = append(faults, dir+": says nothing of what it is for")
			}
		}
		if !known {
			return nil
		}
		more, err := imports(tree, name, row)
		faults = append(faults, more...)
		return err
	})
	for _, l := range table {
		if !found[l.dir] {
			faults = append(faults, l.dir+": has a row and no code")
		}
	}
	return faults, err
}

// enter skips what the go command does not take for packages of the module.
func enter(tree fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	if _, err := fs.Stat(tree, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// imports gives the imports of a file that its package's row does not allow.
func imports(tree fs.FS, name string, row layer) (faults []string, err error) {
	source, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	allowed := strings.Fields(row.imports)
	if strings.HasSuffix(name, "_test.go") {
		allowed = append(allowed, short(row.dir)) // a test from outside the package
		allowed = append(allowed, strings.Fields(row.tests)...)
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if slices.Contains(heavy, imported) && !strings.HasSuffix(name, "_test.go") {
			faults = append(faults, fmt.Sprintf("%s:%d: %s makes the binaries heavy, see heavy", name, files.Position(spec.Pos()).Line, imported))
		}
		dir, ours := strings.CutPrefix(imported, module+"/")
		if !ours || slices.Contains(allowed, all) || slices.Contains(allowed, short(dir)) {
			continue
		}
		faults = append(faults, fmt.Sprintf("%s:%d: %s may not import %s", name, files.Position(spec.Pos()).Line, row.dir, dir))
	}
	return faults, nil
}

func short(dir string) string { return strings.TrimPrefix(dir, "internal/") }
