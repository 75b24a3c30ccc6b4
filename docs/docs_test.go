// Package docs keeps the documentation true: it runs the commands on the pages, and checks
// that the files and functions they name exist.
//
// A block marked sh runs in a repository with a test; one marked "sh clone" runs in a copy
// of this repository. One marked go with the name of a file becomes that file of the copy.
// Blocks marked console are run on the pages of docs/examples; see TestExamples.
package docs

import (
	"context"
	"flag"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite the parts of the pages that come from code or output")

// pages are the documentation, relative to the top of the module. README.md is the first:
// it installs regreen.
func pages(t *testing.T) []string {
	t.Helper()
	out := []string{"README.md", "CONTRIBUTING.md"}
	for _, pattern := range []string{"*.md", "examples/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) < 4 {
			t.Fatalf("only %d pages match docs/%s: %v", len(names), pattern, err)
		}
		for _, name := range names {
			out = append(out, "docs/"+filepath.ToSlash(name))
		}
	}
	return out
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkBlock checks that the block of that name on a page is the text that the code makes,
// and with -update writes it.
func checkBlock(t *testing.T, page, name, text string) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end -->\n"
	before := read(t, page)
	head, rest, ok := strings.Cut(before, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no block %s", page, name)
	}
	after := head + begin + text + end + tail
	if after == before {
		return
	}
	if !*update {
		t.Fatalf("the block %s of %s differs from the code: go test ./docs -run %s -update", name, page, t.Name())
	}
	if err := os.WriteFile(filepath.Join("..", filepath.FromSlash(page)), []byte(after), 0o644); err != nil {
		t.Fatal(err)
	}
}

var fences = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

// TestCommands runs the commands on the pages, page by page and from the top. The first page
// installs regreen for the others.
func TestCommands(t *testing.T) {
	t.Parallel()
	ran := 0
	var s *site
	for _, page := range pages(t) {
		for _, block := range fences.FindAllStringSubmatch(read(t, page), -1) {
			language, about, _ := strings.Cut(block[1], " ")
			if language != "sh" && (language != "go" || about == "") {
				continue
			}
			if s == nil {
				s = newSite(t)
			}
			if language == "go" {
				s.write(t, about, block[2])
				continue
			}
			ran++
			dir := s.project
			if about == "clone" {
				dir = s.clone
			}
			if out, err := s.run(t, dir, block[2]); err != nil {
				t.Fatalf("%s: %v\n%s\n%s", page, err, block[2], out)
			}
		}
	}
	if ran == 0 {
		t.Error("no page has a block to run")
	}
}

// site has the directories in which the commands run: a copy of this module, and a repository of
// the reader's.
type site struct {
	clone, project string
	env            []string
}

// project is a repository with a passing test.
var project = map[string]string{
	"go.mod":        "module example.com/clamp\n\ngo 1.26\n",
	"clamp.go":      "package clamp\n\n// Clamp limits n to at most limit.\nfunc Clamp(n, limit int) int {\n\tif n > limit {\n\t\treturn limit\n\t}\n\treturn n\n}\n",
	"clamp_test.go": "package clamp\n\nimport \"testing\"\n\nfunc TestClamp(t *testing.T) {\n\tif got := Clamp(5, 3); got != 3 {\n\t\tt.Errorf(\"Clamp(5, 3) = %d\", got)\n\t}\n}\n",
}

func newSite(t *testing.T) *site {
	t.Helper()
	top := t.TempDir()
	home := filepath.Join(top, "home")
	s := &site{clone: filepath.Join(top, "regreen"), project: filepath.Join(top, "project")}
	for _, dir := range []string{home, s.project} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.env = environment(t, home)
	copyModule(t, s.clone)
	for name, content := range project {
		if err := os.WriteFile(filepath.Join(s.project, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := s.run(t, s.project, "git init -q -b main\ngit add .\ngit commit -q -m 'The beginning'"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s
}

// environment returns the variables of a user with a fresh home directory. They have the
// machine's caches of the go command, and none of its settings for git or CI.
func environment(t *testing.T, home string) []string {
	t.Helper()
	names := []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOFLAGS", "GOSUMDB", "GOTOOLCHAIN", "GOROOT"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	env := []string{
		"HOME=" + home, "TMPDIR=" + t.TempDir(), "LC_ALL=C",
		"PATH=" + filepath.Join(home, ".local", "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Reader", "GIT_AUTHOR_EMAIL=reader@example.com",
		"GIT_COMMITTER_NAME=Reader", "GIT_COMMITTER_EMAIL=reader@example.com",
	}
	for i, name := range names {
		env = append(env, name+"="+values[i])
	}
	return env
}

// copyModule copies the files of the working tree, without those of git and of builds.
func copyModule(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case entry.IsDir() && (rel == ".git" || rel == "bin"):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// write writes a Go file into the copy, and checks that gofmt leaves it as it is.
func (s *site) write(t *testing.T, name, source string) {
	t.Helper()
	if formatted, err := format.Source([]byte(source)); err != nil || string(formatted) != source {
		t.Errorf("%s is not formatted by gofmt: %v", name, err)
	}
	file := filepath.Join(s.clone, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *site) run(t *testing.T, dir, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute) // a first build is slow
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", script)
	cmd.Dir, cmd.Env = dir, s.env
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var (
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	fileName = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)*\.(go|json|txtar|md|yml|sh)$|^(hooks|scripts)/[\w.-]+$`)
	function = regexp.MustCompile(`^(\w+)\(\)$`)
	link     = regexp.MustCompile(`\]\(([^)#:\s]+)\)`)
)

// notOurs are files that the pages name and that belong to the reader.
var notOurs = []string{".regreen.yml", ".config/regreen.yml", ".regreen-local.yml", "constraints.go", "my-bugs.json", ".pre-commit-config.yaml", "lefthook.yml", "package.json", ".overcommit.yml"}

// TestWrapped keeps the text of pages to 100 columns, and the README to what newcomers read.
// Tables, code and comments may be wider.
func TestWrapped(t *testing.T) {
	t.Parallel()
	for _, page := range append(pages(t), "CHANGELOG.md") {
		fence := ""
		for i, line := range strings.Split(read(t, page), "\n") {
			mark := strings.TrimLeft(line, " ")
			mark = mark[:len(mark)-len(strings.TrimLeft(mark, "`~"))]
			switch {
			case fence == "" && len(mark) >= 3:
				fence = mark
			case fence != "" && mark == fence:
				fence = ""
			case fence == "" && utf8.RuneCountInString(line) > 100 && !strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "<!--"):
				t.Errorf("%s:%d has more than 100 columns", page, i+1)
			}
		}
		if fence != "" {
			t.Errorf("%s: a block does not end", page)
		}
	}
	if lines := strings.Count(read(t, "README.md"), "\n"); lines > 140 {
		t.Errorf("README.md has %d lines, and 140 are enough", lines)
	}
}

// TestFilesExist checks every file and link that a page names.
func TestFilesExist(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, page := range pages(t) {
		text := read(t, page)
		exists := func(name, from string) {
			checked++
			if _, err := os.Stat(filepath.Join("..", from, filepath.FromSlash(name))); err != nil {
				t.Errorf("%s names %s, which does not exist", page, name)
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(fences.ReplaceAllString(text, ""), -1) {
			if fileName.MatchString(m[1]) && !slices.Contains(notOurs, m[1]) {
				exists(m[1], "")
			}
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			exists(m[1], filepath.Dir(page))
		}
	}
	if checked < 50 {
		t.Errorf("only %d names were found; has their form changed?", checked)
	}
}

var (
	anchored = regexp.MustCompile(`\]\(([^)#:\s]*)#([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	unlinked = regexp.MustCompile(`[^\p{L}\p{N} _-]`) // what GitHub leaves out of anchors
)

// TestAnchorsExist checks that links into a page lead to one of its headings.
func TestAnchorsExist(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, page := range pages(t) {
		for _, m := range anchored.FindAllStringSubmatch(fences.ReplaceAllString(read(t, page), ""), -1) {
			target := page
			if m[1] != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(page), m[1]))
			}
			checked++
			found := false
			for _, h := range heading.FindAllStringSubmatch(fences.ReplaceAllString(read(t, target), ""), -1) {
				anchor := strings.ReplaceAll(unlinked.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")
				found = found || anchor == m[2]
			}
			if !found {
				t.Errorf("%s links to %s#%s, which does not exist", page, target, m[2])
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d links were found; has their form changed?", checked)
	}
}

// TestFunctionsExist checks that each function written as `name()` is declared in one of
// the Go files that its paragraph or the one before names.
func TestFunctionsExist(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, page := range pages(t) {
		var before []string
		for paragraph := range strings.SplitSeq(fences.ReplaceAllString(read(t, page), ""), "\n\n") {
			var files, functions []string
			for _, m := range quoted.FindAllStringSubmatch(paragraph, -1) {
				if strings.Contains(m[1], "/") && strings.HasSuffix(m[1], ".go") {
					files = append(files, m[1])
				}
				if f := function.FindStringSubmatch(m[1]); f != nil {
					functions = append(functions, f[1])
				}
			}
			for _, name := range functions {
				checked++
				declared := regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + name + `[(\[]`)
				if !slices.ContainsFunc(slices.Concat(files, before), func(file string) bool { return declared.MatchString(read(t, file)) }) {
					t.Errorf("%s names %s(), which is not declared in %v", page, name, files)
				}
			}
			before = files
		}
	}
	if checked < 40 {
		t.Errorf("only %d functions were found; has their form changed?", checked)
	}
}
