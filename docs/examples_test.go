package docs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/forge/githubtest"
)

// The pages of docs/examples show what regreen prints, and TestExamples keeps them true: it
// runs their commands and compares. With -update it writes the output into the pages.
//
//	<!-- repository cart -->   starts a repository with the files of testdata/cart.txtar; with
//	                           the name none, an empty directory without git
//	<!-- pull request 7 -->    makes that repository a checkout of a pull request on GitHub
//	<!-- run COMMAND -->       runs a command that readers do not see
//	```console                 runs the lines that begin with $, and shows their output
//	<!-- comment -->           shows in the next ~~~ block what regreen wrote on the pull
//	<!-- suggestion -->        request
//
// Sections with repositories of their own run in parallel. What differs from run to run is
// replaced (IDs, the home directory) or not compared (times, counts of candidates).
var (
	repositoryMark = regexp.MustCompile(`^<!-- repository (\w+) -->$`)
	pullMark       = regexp.MustCompile(`^<!-- pull request 7 -->$`)
	runMark        = regexp.MustCompile(`^<!-- run (.+) -->$`)
	wroteMark      = regexp.MustCompile(`^<!-- (comment|suggestion) -->$`)
)

// part is a piece of a page: text that stays, or a block that is made by running it.
type part struct {
	kind string // "text", "run", "pull", "console", "comment" or "suggestion"
	text string // with its marks and fences
}

// section is a part of a page with a repository of its own.
type section struct {
	repository string
	parts      []part
}

// sections splits a page. The first section has no repository and no commands.
func sections(page string) []section {
	out := []section{{}}
	add := func(kind, text string) {
		last := &out[len(out)-1]
		if n := len(last.parts); kind == "text" && n > 0 && last.parts[n-1].kind == "text" {
			last.parts[n-1].text += text
			return
		}
		last.parts = append(last.parts, part{kind, text})
	}
	wrote, fence, block := "", "", ""
	for line := range strings.Lines(page) {
		trimmed := strings.TrimSuffix(line, "\n")
		switch {
		case block != "":
			block += line
			if trimmed == fence {
				if fence == "~~~" {
					add(wrote, block)
				} else {
					add("console", block)
				}
				block = ""
			}
		case trimmed == "```console":
			fence, block = "```", line
		case trimmed == "~~~markdown":
			fence, block = "~~~", line
		default:
			kind := "text"
			if m := repositoryMark.FindStringSubmatch(trimmed); m != nil {
				out = append(out, section{repository: m[1]})
			} else if m := wroteMark.FindStringSubmatch(trimmed); m != nil {
				wrote = m[1]
			} else if pullMark.MatchString(trimmed) {
				kind = "pull"
			} else if runMark.MatchString(trimmed) {
				kind = "run"
			}
			add(kind, line)
		}
	}
	return out
}

func TestExamples(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("examples/*.md")
	if err != nil || len(names) < 4 {
		t.Fatalf("only %d pages: %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			before, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all := sections(string(before))
			t.Run("sections", func(t *testing.T) {
				for i := range all {
					if all[i].repository == "" {
						continue
					}
					t.Run(fmt.Sprint(i), func(t *testing.T) {
						t.Parallel()
						newReader(t, all[i].repository).read(&all[i])
					})
				}
			})
			var after strings.Builder
			for _, s := range all {
				for _, p := range s.parts {
					after.WriteString(p.text)
				}
			}
			if after.String() == string(before) || t.Failed() {
				return
			}
			if err := os.WriteFile(name, []byte(after.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestHelpShown checks that the page has the help of every command.
func TestHelpShown(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/examples/help.md")
	out, err := exec.Command(filepath.Join(programs(t), "regreen"), "__complete", "").Output()
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for line := range strings.Lines(string(out)) {
		name, _, described := strings.Cut(line, "\t")
		if !described || name == "help" || name == "completion" { // these two are cobra's
			continue
		}
		commands++
		if want := "\n$ regreen " + name + " --help\n"; !strings.Contains(page, want) {
			t.Errorf("docs/examples/help.md does not show the help of regreen %s", name)
		}
	}
	if commands < 12 {
		t.Errorf("only %d commands:\n%s", commands, out)
	}
}

// programs returns a directory with regreen and regreen-gate, built once.
func programs(t *testing.T) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "regreen-docs-")
	if err != nil {
		return "", err
	}
	buildDir = dir
	for name, source := range map[string]string{"regreen": "../cmd/hook", "regreen-gate": "../cmd/gate"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), source)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w\n%s", err, out)
		}
	}
	return dir, nil
})

var buildDir string // set by built

func TestMain(m *testing.M) {
	status := m.Run()
	if buildDir != "" {
		_ = os.RemoveAll(buildDir)
	}
	os.Exit(status)
}

// reader runs the commands of a section, in a home directory of its own.
type reader struct {
	t    *testing.T
	home string // shown as /home/ada
	dir  string // the repository
	env  []string
	ids  []string // of the runs so far, in their order
	api  *githubtest.Server
}

const shownHome = "/home/ada"

// shownIDs are the IDs of runs that pages show, in the order of the runs of a section.
var shownIDs = []string{"k3fq2ax", "t7mdw4e", "hb6zn5r", "q2vyc3u"}

func newReader(t *testing.T, repository string) *reader {
	t.Helper()
	home := newHome(t)
	r := &reader{t: t, home: home, dir: filepath.Join(home, "cart")}
	bin := filepath.Join(home, ".local", "bin")
	telemetry := filepath.Join(home, ".config", "go", "telemetry")
	for _, dir := range []string{r.dir, bin, telemetry, filepath.Join(home, "tmp")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// Otherwise the go command leaves a process that writes into the home directory later.
	if err := os.WriteFile(filepath.Join(telemetry, "mode"), []byte("off\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	built := programs(t)
	for _, name := range []string{"regreen", "regreen-gate"} {
		if err := os.Link(filepath.Join(built, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	r.env = append(environment(t, home),
		"TMPDIR="+filepath.Join(home, "tmp"),
		"XDG_CONFIG_HOME="+filepath.Join(home, ".config"), "GOPROXY=off", "GOFLAGS=", "GOTOOLCHAIN=local", "GIT_CEILING_DIRECTORIES="+home,
		"GIT_AUTHOR_DATE=2026-03-02T09:00:00Z", "GIT_COMMITTER_DATE=2026-03-02T09:00:00Z", "TERM=dumb", "TZ=UTC",
		"REGREEN_BUDGETS=pre-commit=5m") // a busy machine changes no page
	if repository == "none" {
		return r
	}
	archive, err := txtar.ParseFile(filepath.Join("testdata", repository+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range archive.Files {
		name := filepath.Join(r.dir, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, file.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r.hidden("git init -q -b main && git add -A && git commit -q -m 'Add the cart'")
	return r
}

// newHome makes a home directory. Where TMPDIR is /tmp, its name is as long as what is shown
// for it, so that lines break in the same places.
func newHome(t *testing.T) string {
	t.Helper()
	for {
		home := filepath.Join(os.TempDir(), fmt.Sprintf("%04x", rand.N(0x10000)))
		switch err := os.Mkdir(home, 0o700); {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(home) })
		return home
	}
}

// read runs a section, and puts what differs into its blocks.
func (r *reader) read(s *section) {
	r.t.Helper()
	for i := range s.parts {
		p := &s.parts[i]
		var got string
		switch p.kind {
		case "run":
			r.hidden(runMark.FindStringSubmatch(strings.TrimSuffix(p.text, "\n"))[1])
			continue
		case "pull":
			r.openPull()
			continue
		case "console":
			got = r.console(p.text)
		case "comment", "suggestion":
			got = "~~~markdown\n" + r.shown(r.wrote(p.kind)) + "\n~~~\n"
		default:
			continue
		}
		if stable(got) == stable(p.text) {
			continue
		}
		if !*update {
			r.t.Errorf("the page shows\n%s\nbut it is\n%s\nTo update the pages: go test ./docs -run TestExamples -update", p.text, got)
			continue
		}
		p.text = got
	}
}

// console runs the commands of a block, and returns it with their output.
func (r *reader) console(block string) string {
	r.t.Helper()
	var b strings.Builder
	b.WriteString("```console\n")
	first := true
	for line := range strings.Lines(block) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		if !first {
			b.WriteByte('\n')
		}
		first = false
		out, status := r.run(strings.TrimSuffix(command, "\n"))
		b.WriteString(line + r.shown(out))
		if status != 0 {
			fmt.Fprintf(&b, "[exit status %d]\n", status)
		}
	}
	return b.String() + "```\n"
}

// run runs a command and returns what it prints, and its exit status.
func (r *reader) run(command string) (string, int) {
	r.t.Helper()
	for i, id := range r.ids {
		command = strings.ReplaceAll(command, shownIDs[i], id)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env, cmd.WaitDelay = r.dir, r.env, 10*time.Second
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	reports, err := filepath.Glob(filepath.Join(r.dir, ".git", "regreen", "runs", "*.json*"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, name := range reports {
		if id, _, _ := strings.Cut(filepath.Base(name), "."); !slices.Contains(r.ids, id) {
			r.ids = append(r.ids, id)
		}
	}
	text := string(bytes.TrimRight(progressLine.ReplaceAll(out, nil), "\n"))
	if text != "" {
		text += "\n"
	}
	return text, cmd.ProcessState.ExitCode()
}

// progressLine is output that a terminal overwrites.
var progressLine = regexp.MustCompile(`(?m)^regreen: (detect|test|origin|localize|culprit|propose|validate|confirm): .*\n`)

// hidden runs a command that must succeed.
func (r *reader) hidden(command string) {
	r.t.Helper()
	if out, status := r.run(command); status != 0 {
		r.t.Fatalf("%s: exit status %d\n%s", command, status, out)
	}
}

// shown returns text as the page has it.
func (r *reader) shown(text string) string {
	for i, id := range r.ids {
		if i == len(shownIDs) {
			r.t.Fatalf("a section has more than %d runs", i)
		}
		text = strings.ReplaceAll(text, id, shownIDs[i])
	}
	text = strings.ReplaceAll(text, r.home, shownHome)
	if r.api != nil {
		text = strings.ReplaceAll(text, r.api.URL, "https://api.github.com")
	}
	return text
}

// volatile matches the output that differs from run to run and from machine to machine.
var volatile = regexp.MustCompile(strings.Join([]string{
	`\b\d[\d,.]*\s+(ns|µs|ms|s|min|h)\b(\s+\((\w+\s+[\d.]+ s,?\s*)+\))?`,   // times, and the longest stages
	`\b\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?Z?)?`, `\b\d\d:\d\d(:\d\d)?\b`, // dates
	`\b(just now|\d+ (second|minute)s? ago)\b`,        //
	`\b\d+\.\d+\.\d+\b`, `\bgo version \S+ \S+ \S+\b`, // versions
	`\b[\d,]+ (candidates?:|pruned|ill-typed|validated|plausible)`, // counts of a search
	`\S*/regreen-\d+/[0-9a-f]+\.\d+`,                               // where trees are exported to
	shownHome,
}, "|"))

var (
	spaces     = regexp.MustCompile(`[ \n]+`)
	paragraphs = regexp.MustCompile(`\n\n+`)
)

// stable returns a block without what is volatile. Where a paragraph has any of it, its
// lines may break elsewhere.
func stable(block string) string {
	out := paragraphs.Split(block, -1)
	for i, text := range out {
		if changed := volatile.ReplaceAllString(text, "~"); changed != text {
			out[i] = spaces.ReplaceAllString(changed, " ")
		}
	}
	return strings.Join(out, "\n\n")
}

// openPull makes the repository a checkout of a pull request, as GitHub Actions has it.
func (r *reader) openPull() {
	r.t.Helper()
	r.api = githubtest.New(r.t)
	diff, _ := r.run("git diff main HEAD")
	at := strings.Index(diff, "\n@@")
	names, _ := r.run("git diff --name-only main HEAD")
	if at < 0 || strings.Count(names, "\n") != 1 {
		r.t.Fatalf("the pull request has to change one file:\n%s", diff)
	}
	head, _ := r.run("git rev-parse HEAD")
	base, _ := r.run("git rev-parse main")
	r.api.AddPull(githubtest.Pull{
		Number: 7, Head: strings.TrimSpace(head), HeadRef: "topic", Author: "ada",
		Files: []githubtest.File{{Name: strings.TrimSpace(names), Status: "modified", Patch: diff[at+1:]}},
	})
	event := filepath.Join(r.home, "event.json")
	payload := fmt.Sprintf(`{"number":7,"pull_request":{"number":7,"head":{"ref":"topic","sha":%q,"repo":{"full_name":"acme/fleet"}},"base":{"ref":"main","sha":%q,"repo":{"full_name":"acme/fleet"}}}}`,
		strings.TrimSpace(head), strings.TrimSpace(base))
	if err := os.WriteFile(event, []byte(payload), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.env = append(r.env, "CI=true", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_EVENT_PATH="+event,
		"GITHUB_REPOSITORY="+githubtest.Repository, "GITHUB_TOKEN="+githubtest.Token, "GITHUB_API_URL="+r.api.URL, "GITHUB_SERVER_URL=https://github.com",
		"GITHUB_RUN_ID=42", "GITHUB_REF=refs/pull/7/merge", "GITHUB_REF_NAME=7/merge", "GITHUB_HEAD_REF=topic", "GITHUB_BASE_REF=main",
		"REGREEN_CHANNELS=terminal,comment,suggestions")
}

// wrote returns the comment or the suggestion on the pull request.
func (r *reader) wrote(kind string) string {
	r.t.Helper()
	if kind == "comment" {
		if all := r.api.Comments(7); len(all) == 1 {
			return all[0].Body
		}
	} else if all := r.api.Reviews(7); len(all) == 1 && len(all[0].Comments) == 1 {
		return all[0].Comments[0].Body
	}
	r.t.Fatalf("there is not one %s: %v", kind, r.api.Requests())
	return ""
}
