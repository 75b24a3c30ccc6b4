// Package docs keeps the documentation true: what it tells to type is typed here,
// and what it names has to exist.
//
// A block fenced as sh is run by sh: in a repository with a test, or, where it says
// "sh clone", in a copy of this one. One that says go and the name of a file becomes that
// file of the copy. Other blocks are not run.
package docs

import (
	"context"
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
)

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

var fences = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

// TestCommands types what the pages say, page by page and from the top. The first page
// is that which installs; the others go on from there.
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

// site is where a page is read: a copy of this module and a repository of the
// reader's own.
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

// environment is that of a person with a fresh home, who has the machine's caches
// of the go command and none of its settings of git or CI.
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

// copyModule copies the files of the working tree, not what git or builds keep.
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

// write makes a Go file of the copy, which has to be as gofmt writes it.
func (s *site) write(t *testing.T, name, source string) {
	t.Helper()
	if formatted, err := format.Source([]byte(source)); err != nil || string(formatted) != source {
		t.Errorf("%s is not as gofmt writes it: %v", name, err)
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
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute) // a first build takes its time
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

// notOurs are files of the reader's and of the future that the pages name.
var notOurs = []string{".regreen.yml", "constraints.go", "my-bugs.json", ".pre-commit-config.yaml"}

// TestFilesExist checks every file and link that a page names.
func TestFilesExist(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, page := range pages(t) {
		text := read(t, page)
		exists := func(name, from string) {
			checked++
			if _, err := os.Stat(filepath.Join("..", from, filepath.FromSlash(name))); err != nil {
				t.Errorf("%s names %s, which is not there", page, name)
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
		t.Errorf("only %d names were found: are they still written as this test reads them?", checked)
	}
}

// TestFunctionsExist checks that each function named as `name()` is declared in one of
// the Go files that its paragraph, or the one before, names.
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
					t.Errorf("%s names %s(), which is in none of %v", page, name, files)
				}
			}
			before = files
		}
	}
	if checked < 40 {
		t.Errorf("only %d functions were found: are they still written as this test reads them?", checked)
	}
}
