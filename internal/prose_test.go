package internal

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// rule bans a phrase from comments, string literals, pages, workflows and scripts.
// docs/glossary.md has the words that regreen uses instead.
type rule struct {
	phrase  string // a regular expression, matched between word boundaries in any case
	instead string // what to write
	except  string // a regular expression of uses that are fine, matched around the phrase
}

// rules are phrases that native speakers hardly use, or that say two things at a time.
var rules = []rule{
	{phrase: `(un)?told|tell(s|ing)?`, instead: "returns, reports, says, prints, shows or distinguishes"},
	{phrase: `mend(s|ed|ing)?`, instead: "fix or repair"},
	{phrase: `besides?`, instead: "next to, with, compared with or in addition to"},
	{phrase: `(is|are|was|were) none`, instead: "there is no X, X is missing or X is not a valid Y"},
	{phrase: `(is|are|was) no \w+`, instead: "is not a X", except: `(?i)\bthere (is|are|was) no|no (longer|more|less|better|worse|different|surprise)\b`},
	{phrase: `(all|just) the same`, instead: "still or anyway", except: `(?i)(are|is|be|were|was|as) (all|just) the same`},
	{phrase: `of late`, instead: "recently"},
	{phrase: `(go|goes|went|gone|going) on`, instead: "continues, or has moved on"},
	{phrase: `c(o|a)mes? to (the same|something else)`, instead: "gives the same result, or differs"},
	{phrase: `(what|whatever) (came|comes|becomes?|became) of`, instead: "the outcome of"},
	{phrase: `(take|takes|took|taken|taking) (it |them |one |a patch |patches )?back`, instead: "undo or roll back"},
	{phrase: `sealed`, instead: "isolated", except: `sealed (class|record|partial|trait|interface)`},
	{phrase: `anew`, instead: "again"},
	{phrase: `in vain`, instead: "for nothing, or without effect"},
	{phrase: `stands? (for|in|at|by)`, instead: "means, matches or is", except: `(?i)stands? in for`},
	{phrase: `belongs? into`, instead: "belongs in"},
	{phrase: `(go|goes) before`, instead: "overrides or takes precedence over", except: `Go before \d`},
	{phrase: `of itself|of themselves`, instead: "on its own, or automatically"},
	{phrase: `(there|here|where)(by|of|in|upon)|hence`, instead: "two short sentences"},
	{phrase: `(does|do|makes?) without`, instead: "does not need"},
	{phrase: `a thing|the thing`, instead: "the name of the thing"},
}

// unread are files that are not ours to word: other tools' output and other people's code.
var unread = []string{
	"LICENSE", "go.sum", "internal/prose_test.go", "internal/report/testdata/schemas",
	"internal/resultfile/testdata", "bench/repair/bugs.json",
}

// TestProse refuses phrases that a reader has to decode.
func TestProse(t *testing.T) {
	t.Parallel()
	faults, words, err := proofread(os.DirFS(".."), rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
	t.Logf("read %d words", words)
	if words < 100_000 {
		t.Error("want at least 100000 words")
	}
}

// TestProseCanFail checks the check with one file of each kind.
func TestProseCanFail(t *testing.T) {
	t.Parallel()
	table := []rule{
		{phrase: "foo", instead: "bar"},
		{phrase: "is no [a-z]+", instead: "is not a X", except: "there is no"},
	}
	tests := []struct{ name, file, text, want string }{
		{"comment", "a.go", "package a\n\n// Foo\n// is here.\n", `a.go:3: "Foo": write bar`},
		{"block comment", "a.go", "package a\n\n/* is\na foo */\n", `a.go:4: "foo": write bar`},
		{"string", "a.go", "package a\n\nconst s = \"a foo\"\n", `a.go:3: "foo": write bar`},
		{"raw string", "a.go", "package a\n\nconst s = `\n\nfoo`\n", `a.go:5: "foo": write bar`},
		{"name", "a.go", "package a\n\nvar foo = 1\n", ""},
		{"part of a word", "a.md", "food and a-foo_b and foo2", ""},
		{"broken over two lines", "a.go", "package a\n\n// a link is\n// no file.\n", `a.go:3: "is no file": write is not a X`},
		{"exception", "a.md", "there is no file", ""},
		{"exception over two lines", "a.md", "there\nis no file", ""},
		{"page", "docs/a.md", "# A\n\nfoo", `docs/a.md:3: "foo": write bar`},
		{"script", "scripts/a.sh", "#!/bin/sh\n# foo\n", `scripts/a.sh:2: "foo": write bar`},
		{"hook", "hooks/pre-commit", "# foo\n", `hooks/pre-commit:1: "foo": write bar`},
		{"workflow", ".github/workflows/a.yml", "name: foo\n", `.github/workflows/a.yml:1: "foo": write bar`},
		{"testscript", "testdata/a.txtar", "# foo\n", `testdata/a.txtar:1: "foo": write bar`},
		{"new name", "CHANGELOG.md", "| Old | New |\n| `a` | `foo` |\n", `CHANGELOG.md:2: "foo": write bar`},
		{"old name", "CHANGELOG.md", "| Old | New |\n| `foo` | `a` |\n", ""},
		{"built", "bin/a.md", "foo", ""},
		{"git's own", ".git/a.md", "foo", ""},
		{"fuzz input", "internal/a/testdata/fuzz/FuzzA/1.md", "foo", ""},
		{"of others", "LICENSE", "foo", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			faults, _, err := proofread(fstest.MapFS{tt.file: {Data: []byte(tt.text)}}, table)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(faults, "\n"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// proofread returns where a tree uses a phrase that a rule bans, and how many words it read.
func proofread(tree fs.FS, table []rule) (faults []string, words int, err error) {
	var checks []proseCheck
	var phrases []string
	for _, r := range table {
		checks = append(checks, r.compile())
		phrases = append(phrases, r.phrase)
	}
	// One look for all phrases is quick; few passages have any.
	any := rule{phrase: strings.Join(phrases, "|")}.compile()
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return enterProse(name)
		case !isProse(name):
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		for _, p := range passages(name, text) {
			words += len(strings.Fields(p.text))
			if !any.phrase.MatchString(p.text) {
				continue
			}
			for _, c := range checks {
				faults = append(faults, c.faults(name, p)...)
			}
		}
		return nil
	})
	return faults, words, err
}

// enterProse skips directories that git does not track, and the inputs of fuzz tests.
func enterProse(dir string) error {
	base := path.Base(dir)
	if dir == "bin" || dir == "dist" || slices.Contains([]string{".git", "fuzz", "rapid", "node_modules"}, base) || slices.Contains(unread, dir) {
		return fs.SkipDir
	}
	return nil
}

func isProse(name string) bool {
	switch path.Ext(name) {
	case ".go", ".md", ".yml", ".yaml", ".sh", ".mjs", ".js", ".css", ".sql", ".json", ".txtar", ".golden", "":
		return !slices.Contains(unread, name)
	}
	return false
}

// passage is text that is read in one go, from a line of a file on.
type passage struct {
	line int
	text string
}

// oldNames are the first cells of the changelog's tables: what regreen no longer says.
var oldNames = regexp.MustCompile(`(?m)^\|[^|\n]*\|`)

// passages returns the comments and string literals of Go, and any other text as it is.
// Comments on consecutive lines are one passage.
func passages(name string, text []byte) []passage {
	switch {
	case name == "CHANGELOG.md":
		return []passage{{1, oldNames.ReplaceAllString(string(text), "|")}}
	case path.Ext(name) != ".go":
		return []passage{{1, string(text)}}
	}
	files := token.NewFileSet()
	file := files.AddFile(name, -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, scanner.ScanComments)
	var all []passage
	comment := false // the last passage is one
	for {
		pos, tok, literal := s.Scan()
		line := file.Line(pos)
		switch tok {
		case token.EOF:
			return all
		case token.COMMENT:
			literal = strings.TrimPrefix(literal, "//")
			if last := len(all) - 1; comment && all[last].line+strings.Count(all[last].text, "\n")+1 == line {
				all[last].text += "\n" + literal
				continue
			}
			all, comment = append(all, passage{line, literal}), true
		case token.STRING:
			if value, err := strconv.Unquote(literal); err == nil && literal[0] != '`' {
				literal = strings.ReplaceAll(value, "\n", " ") // it is on one line of the file
			}
			all, comment = append(all, passage{line, literal}), false
		}
	}
}

// check is a rule that is ready to run.
type proseCheck struct {
	phrase, except *regexp.Regexp
	instead        string
}

// compile lets a space of a rule match a line break and the mark of a comment.
func (r rule) compile() proseCheck {
	gap := func(expr string) string { return strings.ReplaceAll(expr, " ", `[\s#/*]+`) }
	c := proseCheck{phrase: regexp.MustCompile(`(?i)\b(` + gap(r.phrase) + `)\b`), instead: r.instead}
	if r.except != "" {
		c.except = regexp.MustCompile(gap(r.except))
	}
	return c
}

// around is how many bytes on either side of a phrase an exception may match.
const around = 20

func (c proseCheck) faults(name string, p passage) (faults []string) {
	for _, at := range c.phrase.FindAllStringIndex(p.text, -1) {
		context := p.text[max(at[0]-around, 0):min(at[1]+around, len(p.text))]
		if c.except != nil && c.except.MatchString(context) {
			continue
		}
		line := p.line + strings.Count(p.text[:at[0]], "\n")
		phrase := strings.Join(strings.FieldsFunc(p.text[at[0]:at[1]], func(c rune) bool { return strings.ContainsRune(" \t\r\n#/*", c) }), " ")
		faults = append(faults, fmt.Sprintf("%s:%d: %q: write %s", name, line, phrase, c.instead))
	}
	return faults
}
