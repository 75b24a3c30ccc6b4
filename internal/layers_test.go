// Package internal has the layout of the module as a table, and the test that the code follows
// it. The test fails for a package or an import that is not in the table, and for an import in
// the table that no code uses. So a new edge is added here first, on purpose, and removed with
// its last use.
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

// layer is a package: its purpose, and what it may import. Names are separated by spaces, and
// relative to internal/ if they are in it. A name that ends in /... means everything below.
type layer struct {
	dir, purpose string
	imports      string // packages of this module; "all" for any
	std          string // restricted packages from outside
	tests        string // further packages of this module for its test files
}

const all = "all"

// layout is the module, from the bottom of the import graph up.
var layout = []layer{
	{dir: "hooks", purpose: "the hook shims, embedded, and usable by core.hooksPath"},
	{dir: "schema", purpose: "the JSON Schemas of what regreen writes for programs"},

	{dir: "internal/usererr", purpose: "errors that users read: what is wrong, where, and the hint that renderers print themselves"},
	{dir: "internal/lockfile", purpose: "files that only one process at a time can hold"},
	{dir: "internal/backoff", purpose: "waits between two tries"},
	{dir: "internal/adaptlog", purpose: "the slog handler", imports: "lockfile usererr"},
	{dir: "internal/confine", purpose: "which names the files of a tree may have, on any file system"},
	{dir: "internal/channels", purpose: "the names of the channels that reports go to"},
	{dir: "internal/githook", purpose: "git's hooks: names, actions, input"},
	{dir: "internal/install", purpose: "installs the hooks with those of other programs, and removes them", imports: "githook hooks"},
	{dir: "internal/config", purpose: ".regreen.yml and environment into one validated value", imports: "channels confine githook usererr"},
	{dir: "internal/detect", purpose: "where am I: event, branch, CI, fork, mode, and why", imports: "channels githook"},
	{dir: "internal/learn", purpose: "outcomes, posteriors, stores, and outcomes as text to move between stores", tests: "learn/storetest usererr"},
	{dir: "internal/learn/storetest", purpose: "the contract of a store as tests", imports: "learn"},
	{dir: "internal/patch", purpose: "parse, apply, reverse, format patches: bytes in, bytes out"},
	{dir: "internal/align", purpose: "what a change replaced, at every size, in any language"},
	{dir: "internal/plural", purpose: "numbers with their nouns: 1 test, 1,204 patches"},
	{dir: "internal/report", purpose: "the Report and its renderings; no network", imports: "patch plural", tests: "schema"},
	{dir: "internal/syntax", purpose: "checks whether a file is well formed with its language's parser", std: "go/parser go/token"},
	{
		dir: "internal/forge", purpose: "clients of the sites that host repositories", imports: "backoff report",
		tests: "forge/githubtest forge/gitlabtest usererr",
	},
	{dir: "internal/forge/githubtest", purpose: "a fake of GitHub's API for tests, as strict as the real one"},
	{dir: "internal/forge/gitlabtest", purpose: "a fake of GitLab's notes for tests, as strict as the real ones", imports: "forge/githubtest"},
	{
		dir: "internal/deliver", purpose: "channels: send to all, keep receipts", imports: "backoff channels config confine detect forge patch report usererr",
		tests: "forge/githubtest forge/gitlabtest",
	},
	{
		dir: "internal/runner", purpose: "the services of GitHub's runner: artifacts and the cache; safe unpacking of foreign archives", imports: "backoff confine usererr",
		tests: "runner/runnertest",
	},
	{dir: "internal/runner/runnertest", purpose: "a fake of the runner's services for tests, as strict as the real ones"},

	{dir: "internal/witness", purpose: "which trees passed, which tests fail in the others, and which commits are not proven"},

	{dir: "internal/gitdir", purpose: "reads git directories without git"},
	{dir: "internal/background", purpose: "the state and outcome of test runs in the background", imports: "githook lockfile"},
	{dir: "internal/toolchain", purpose: "the programs and variables that the outcome of tests depends on, by language"},
	{dir: "internal/gate", purpose: "whether a commit needs regreen at all, decided in milliseconds", imports: "background config gitdir githook toolchain witness"},
	{dir: "internal/repo", purpose: "all use of git; exports of trees; every write to the user's files", imports: "confine gitdir lockfile patch usererr"},
	{dir: "internal/testrun", purpose: "what the tests of any language are, and the sandbox that they run in"},
	{dir: "internal/localize", purpose: "fault localization: ranked suspects", imports: "patch testrun", tests: "lang/golang/coverage"},
	{dir: "internal/propose", purpose: "candidates and their order; the strategies for every language", imports: "align localize patch testrun"},
	{dir: "internal/validate", purpose: "tests candidates, as fast as possible", imports: "plural propose testrun"},

	{dir: "internal/lang", purpose: "what regreen needs from a language", imports: "align localize propose testrun usererr validate"},
	{
		dir: "internal/lang/langtest", purpose: "the contract of a language as tests", imports: "lang propose testrun",
		std: "golang.org/x/tools/txtar",
	},
	{dir: "internal/lang/all", purpose: "the table of languages", imports: "lang/... propose"},
	// A language in one directory needs no row of its own. It may not import another language.
	{
		dir: "internal/lang/generic", purpose: "any language, with a test command and result files", imports: "config lang resultfile testrun",
		tests: "lang/langtest usererr",
	},
	{dir: "internal/lang/...", purpose: "a language", imports: "lang localize propose resultfile syntax testrun validate", tests: "lang/langtest"},
	{
		dir: "internal/lang/golang", purpose: "Go as a language of the pipeline",
		imports: "lang lang/golang/compile lang/golang/coverage lang/golang/gotest lang/golang/schemata lang/golang/source lang/golang/template localize propose testrun",
		tests:   "lang/langtest patch",
	},
	{dir: "internal/lang/golang/source", purpose: "Go code with its types, and type checks of edits", imports: "align propose", std: "go/... golang.org/x/tools/..."},
	{dir: "internal/lang/golang/site", purpose: "a suspicious function, and the similar code that ingredients come from", imports: "lang/golang/source propose", std: "go/..."},
	{dir: "internal/lang/golang/gotest", purpose: "go test: its commands, test programs and results", imports: "testrun", std: "go/... golang.org/x/tools/..."},
	{
		dir: "internal/lang/golang/coverage", purpose: "what failing tests run and call", imports: "lang/golang/gotest lang/golang/source localize testrun", std: "go/...",
		tests: "patch",
	},
	{
		dir: "internal/lang/golang/template", purpose: "strategies that change one place in a function", imports: "lang/golang/site propose testrun", std: "go/...",
		tests: "lang/golang/source localize",
	},
	{
		dir: "internal/lang/golang/compile", purpose: "strategies for code that does not compile", imports: "lang/golang/site lang/golang/source patch propose testrun",
		std: "go/... golang.org/x/tools/...",
	},
	{
		dir: "internal/lang/golang/schemata", purpose: "screening: many candidates in one test program", imports: "lang/golang/gotest lang/golang/source propose testrun validate", std: "go/...",
		tests: "lang/golang/site",
	},
	{dir: "internal/lang/golang/schemata/pool", purpose: "files that are added to package testing in programs with mutants; built only with the tag regreen_pool"},
	{dir: "internal/lang/golang/harmless", purpose: "makes and recognises changes without effect, for benchmarks", std: "go/..."},

	{dir: "internal/resultfile", purpose: "reads the results of tests that other programs ran, one by one or as a report", imports: "lang/golang/gotest report testrun"},
	{dir: "internal/runs", purpose: "stored runs: reports, patches, and what applying them wrote", imports: "patch repo report"},
	{
		dir: "internal/repair", purpose: "the pipeline, scoring and deciding",
		imports: "detect lang learn localize patch plural propose repo report runs testrun usererr validate witness", tests: "lang/all",
	},
	{
		dir: "internal/session", purpose: "the wiring that both binaries share: options of the pipeline from flags, configuration and mode; exit statuses",
		imports: "adaptlog channels config deliver detect forge gate githook lang lang/all learn patch propose repair repo report runs testrun usererr validate witness", tests: "learn/storetest",
	},

	{dir: "cmd/hook", purpose: "the regreen binary: commands, flags, wiring", imports: all},
	{dir: "cmd/gate", purpose: "the regreen-gate binary: only the gate, for its fast start", imports: "gate"},
	{dir: "cmd/action", purpose: "the regreen-action binary: inputs, event, outputs, wiring", imports: all},

	{dir: "bench/green", purpose: "compares the time of regreen with that of go test when there is nothing to repair", imports: "bench/seeded"},
	{dir: "bench/hooks", purpose: "measures what a commit costs with the hooks of regreen and of other tools"},
	{dir: "bench/patch", purpose: "measures applying patches, compared with git apply and GNU patch", imports: "patch"},
	{dir: "bench/report", purpose: "measures writing reports in each format, and reading results compared with other tools", imports: "report"},
	{dir: "bench/seeded", purpose: "lists of bugs, and the published modules to seed them in"},
	{
		dir: "bench/repair", purpose: "measures the regreen binary on seeded bugs",
		imports: "bench/seeded lang/all lang/golang/coverage lang/golang/harmless lang/golang/source localize patch propose report testrun",
	},
	{
		dir: "bench/validate", purpose: "measures how many candidates a second are judged, and whether the verdicts agree with go test",
		imports: "bench/seeded lang/all lang/golang/coverage lang/golang/gotest lang/golang/schemata lang/golang/source localize propose testrun validate",
	},
	{dir: "bench/weight", purpose: "measures the size and the start time of the binaries"},
	{dir: "internal/workflows", purpose: "the test that workflows and action.yml are safe"},
	{dir: "action", purpose: "the test of the Node program that starts the action's binary"},
	{dir: "scripts", purpose: "the test of the scripts that make releases"},
	{dir: "docs", purpose: "the test that executes the documentation", tests: "config detect forge/githubtest lang/all propose repair testrun"},
	{dir: "internal", purpose: "this table"},
}

const (
	syntax    = "only internal/lang/golang reads Go's syntax"
	templates = "it calls methods by name, so the linker keeps them all, which adds 6 MB to regreen"
)

// restricted are the packages from outside the module that only rows with std may import.
// Tests may import them.
var restricted = []struct{ name, why string }{
	{"go/...", syntax},
	{"golang.org/x/tools/...", syntax},
	{"html/template", templates},
	{"text/template", templates},
	{"github.com/go-git/go-git/v5", "it is every transport: one in twelve of the instructions that regreen takes to start"},
}

// banned are names that do not say what a package is for.
var banned = []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "shared", "base"}

// TestLayers checks that the module follows the table.
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

// TestLayersCanFail tests the check: each fabricated file breaks one rule.
func TestLayersCanFail(t *testing.T) {
	t.Parallel()
	table := []layer{
		{dir: "internal/patch", purpose: "patches", std: "go/..."},
		{dir: "internal/repo", purpose: "git", imports: "patch", tests: "patch/patchtest"},
		{dir: "internal/patch/patchtest", purpose: "contract"},
		{dir: "internal/lang/all", purpose: "table", imports: "lang/..."},
		{dir: "internal/lang/...", purpose: "a language", imports: "patch repo"},
		{dir: "cmd/hook", purpose: "the binary", imports: all},
	}
	source := func(pkg string, imports ...string) string {
		text := "package " + pkg
		for _, name := range imports {
			text += "; import " + strconv.Quote(name)
		}
		return text
	}
	const (
		ours  = module + "/internal/"
		patch = ours + "patch"
		repo  = ours + "repo"
	)
	sound := map[string]string{
		"internal/patch/patch.go":               source("patch", "strings", "go/build/constraint"),
		"internal/patch/patch_test.go":          source("patch_test", patch),
		"internal/patch/testdata/any.go":        source("any", module+"/cmd/hook"),
		"internal/patch/patchtest/patchtest.go": source("patchtest"),
		"internal/repo/repo.go":                 source("repo", patch),
		"internal/repo/repo_test.go":            source("repo", patch, ours+"patch/patchtest"),
		"internal/lang/toy/toy.go":              source("toy", patch),
		"internal/lang/all/all.go":              source("all", ours+"lang/toy"),
		"cmd/hook/main.go":                      source("main", repo),
		"example/go.mod":                        "module example.com/other",
		"example/main.go":                       source("main", repo),
		".hidden/main.go":                       source("main", repo),
	}
	tests := []struct {
		name, file, source string // a file that is added or replaced
		without            string // a file that is removed
		want               string // "" for no fault
	}{
		{name: "sound"},
		{
			name: "package without a row", file: "internal/novel/novel.go", source: source("novel"),
			want: "internal/novel: is not in the table",
		},
		{
			name: "import of an upper layer", file: "internal/patch/up.go", source: source("patch", repo),
			want: "internal/patch/up.go:1: internal/patch may not import internal/repo",
		},
		{
			name: "import of an upper layer in a test", file: "internal/patch/up_test.go", source: source("patch", repo),
			want: "internal/patch/up_test.go:1: internal/patch may not import internal/repo",
		},
		{
			name: "import for tests only", file: "internal/repo/more.go", source: source("repo", ours+"patch/patchtest"),
			want: "internal/repo/more.go:1: internal/repo may not import internal/patch/patchtest",
		},
		{
			name: "import in a file for another platform", file: "internal/patch/up_windows.go", source: source("patch", module+"/cmd/hook"),
			want: "internal/patch/up_windows.go:1: internal/patch may not import cmd/hook",
		},
		{
			name: "one language imports another", file: "internal/lang/toy/more.go", source: source("toy", ours+"lang/other"),
			want: "internal/lang/toy/more.go:1: internal/lang/toy may not import internal/lang/other",
		},
		{
			name: "row without a package", without: "internal/patch/patchtest/patchtest.go",
			want: "internal/patch/patchtest: has a row and no code",
		},
		{
			name: "unused edge", file: "internal/repo/repo.go", source: source("repo"),
			want: "internal/repo: no code imports patch",
		},
		{
			name: "unused edge of tests", file: "internal/repo/repo_test.go", source: source("repo"),
			want: "internal/repo: no test imports patch/patchtest",
		},
		{
			name: "unused std", file: "internal/patch/patch.go", source: source("patch"),
			want: "internal/patch: no code imports go/...",
		},
		{
			name: "Go's syntax", file: "internal/repo/ast.go", source: source("repo", "go/ast"),
			want: "internal/repo/ast.go:1: internal/repo may not import go/ast: " + syntax,
		},
		{name: "Go's syntax in a test", file: "internal/repo/ast_test.go", source: source("repo", "go/ast")},
		{
			name: "x/tools", file: "internal/patch/load.go", source: source("patch", "golang.org/x/tools/go/packages"),
			want: "internal/patch/load.go:1: internal/patch may not import golang.org/x/tools/go/packages: " + syntax,
		},
		{
			name: "heavy", file: "cmd/hook/page.go", source: source("main", "html/template"),
			want: "cmd/hook/page.go:1: cmd/hook may not import html/template: " + templates,
		},
		{name: "heavy in a test", file: "internal/patch/page_test.go", source: source("patch", "html/template")},
		{
			name: "junk drawer", file: "internal/repo/util/util.go", source: source("util"),
			want: "internal/repo/util: its name does not say what it is for",
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

// TestLayoutIsWellFormed checks that the table has no duplicate rows, no row without a purpose,
// and no import that is listed twice or does not exist.
func TestLayoutIsWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, l := range layout {
		if seen[l.dir] {
			t.Errorf("%s has two rows", l.dir)
		}
		seen[l.dir] = true
		if l.purpose == "" {
			t.Errorf("%s has no purpose", l.dir)
		}
		named := map[string]bool{}
		for _, name := range strings.Fields(l.imports + " " + l.std + " " + l.tests) {
			if named[name] {
				t.Errorf("%s may import %s twice", l.dir, name)
			}
			named[name] = true
		}
		for _, name := range strings.Fields(l.imports + " " + l.tests) {
			if _, known := rowOf(layout, name); name != all && !known {
				t.Errorf("%s may import %s, which has no row", l.dir, name)
			}
		}
		for _, name := range strings.Fields(l.std) {
			if _, is := isRestricted(name); !is {
				t.Errorf("%s may import %s, which is not restricted", l.dir, name)
			}
		}
	}
}

// TestLanguagesAreSeparate checks that no row lets a language import another one, and that only Go
// may read Go's syntax. Package syntax only checks whether a file parses, and langtest is for
// tests.
func TestLanguagesAreSeparate(t *testing.T) {
	t.Parallel()
	for _, l := range layout {
		own := language(short(l.dir))
		for _, name := range strings.Fields(l.imports + " " + l.tests) {
			if other := language(name); own != "" && other != "" && own != other {
				t.Errorf("%s may import %s, which belongs to another language", l.dir, name)
			}
		}
		if l.std != "" && own != "golang" && l.dir != "internal/syntax" && l.dir != "internal/lang/langtest" {
			t.Errorf("%s may import %s, which only internal/lang/golang may", l.dir, l.std)
		}
	}
}

// language returns the language that a package belongs to, "" for none.
func language(name string) string {
	dir, ok := strings.CutPrefix(name, "lang/")
	dir, _, _ = strings.Cut(dir, "/")
	if !ok || slices.Contains([]string{"all", "langtest", "..."}, dir) {
		return ""
	}
	return dir
}

// checker compares a tree with a table.
type checker struct {
	tree   fs.FS
	table  []layer
	found  map[string]bool // packages and their rows
	used   map[edge]bool
	faults []string
}

// edge is a name in a column of a row.
type edge struct{ dir, column, name string }

// check returns how a module's tree differs from the table. It parses the files itself instead
// of using go list, so that files for all platforms count and `go test` knows which files its
// cached result depends on.
func check(tree fs.FS, table []layer) (faults []string, err error) {
	c := checker{tree: tree, table: table, found: map[string]bool{}, used: map[edge]bool{}}
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return enter(tree, name)
		case path.Ext(name) != ".go":
			return nil
		}
		return c.file(name)
	})
	c.unused()
	return c.faults, err
}

// enter skips directories that the go command does not count as packages of the module.
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

// file checks the imports of one Go file.
func (c *checker) file(name string) error {
	dir := path.Dir(name)
	row, known := rowOf(c.table, short(dir))
	if !c.found[dir] {
		c.found[dir], c.found[row.dir] = true, true
		if !known {
			c.faults = append(c.faults, dir+": is not in the table")
		}
		if slices.Contains(banned, path.Base(dir)) {
			c.faults = append(c.faults, dir+": its name does not say what it is for")
		}
	}
	if !known {
		return nil
	}
	source, err := fs.ReadFile(c.tree, name)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		allowed, what := c.allowed(row, dir, imported, strings.HasSuffix(name, "_test.go"))
		if !allowed {
			c.faults = append(c.faults, fmt.Sprintf("%s:%d: %s may not import %s", name, files.Position(spec.Pos()).Line, dir, what))
		}
	}
	return nil
}

// allowed reports whether a file in dir may import a package, and returns its name for messages.
func (c *checker) allowed(row layer, dir, imported string, test bool) (ok bool, what string) {
	own, ours := strings.CutPrefix(imported, module+"/")
	switch why, is := isRestricted(imported); {
	case ours && test && own == dir: // a test from outside the package
		return true, own
	case ours && test:
		return c.use(row, "tests", row.tests, own) || permits(row.imports, own) != "", own
	case ours:
		return c.use(row, "imports", row.imports, own), own
	case is && !test:
		return c.use(row, "std", row.std, imported), imported + ": " + why
	}
	return true, imported
}

// use reports whether a column permits a package, and records that it was used.
func (c *checker) use(row layer, column, names, imported string) bool {
	name := permits(names, imported)
	if name == "" {
		return false
	}
	c.used[edge{row.dir, column, name}] = true
	return true
}

// unused finds rows without a package and imports that no code uses. A row for any package of a
// directory may permit more than its packages use.
func (c *checker) unused() {
	for _, l := range c.table {
		switch {
		case strings.HasSuffix(l.dir, "/..."):
			continue
		case !c.found[l.dir]:
			c.faults = append(c.faults, l.dir+": has a row and no code")
			continue
		}
		for _, column := range []struct{ name, who, permits string }{
			{"imports", "code", l.imports}, {"std", "code", l.std}, {"tests", "test", l.tests},
		} {
			for _, name := range strings.Fields(column.permits) {
				if name != all && !c.used[edge{l.dir, column.name, name}] {
					c.faults = append(c.faults, fmt.Sprintf("%s: no %s imports %s", l.dir, column.who, name))
				}
			}
		}
	}
}

// rowOf returns the row of a package: its own, or the one for its directory.
func rowOf(table []layer, name string) (layer, bool) {
	i := slices.IndexFunc(table, func(l layer) bool { return short(l.dir) == name })
	if i < 0 {
		i = slices.IndexFunc(table, func(l layer) bool { return covers(short(l.dir), name) })
	}
	if i < 0 {
		return layer{}, false
	}
	return table[i], true
}

// permits returns the name in a column that permits a package, "" for none.
func permits(names, imported string) string {
	for name := range strings.FieldsSeq(names) {
		if name == all || covers(name, short(imported)) {
			return name
		}
	}
	return ""
}

// isRestricted reports whether a package from outside must be in std, and why.
func isRestricted(imported string) (why string, is bool) {
	for _, r := range restricted {
		if covers(r.name, imported) {
			return r.why, true
		}
	}
	return "", false
}

// covers reports whether a name, which may end in /..., matches a package.
func covers(name, pkg string) bool {
	dir, open := strings.CutSuffix(name, "/...")
	return name == pkg || open && (pkg == dir || strings.HasPrefix(pkg, dir+"/"))
}

func short(dir string) string { return strings.TrimPrefix(dir, "internal/") }
