package patch_test

// The differential test applies the same patches to the same files with Apply, GNU patch
// and git apply. It compares which ones each refuses, where hunks went, and the results.
// Starting a process is slow, so each call gets a directory of many files and one patch.
//
// By default it compares a few thousand cases. To compare more, and others:
//
//	go test ./internal/patch -run Differential -differential 50000 -differential.seed 7
//
// Where Apply differs on purpose, docs/patch.md says so and deliberate_test.go shows it.
// This test finds such cases by their content, rewrites the file and the patch to remove
// the difference (see plain), and compares with GNU patch's result for those.

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/regreen-ci/regreen/internal/patch"
)

var (
	differential     = flag.Int("differential", 4800, "how many `cases` TestDifferential compares")
	differentialSeed = flag.Uint64("differential.seed", 1, "the `seed` of its cases")
)

// maxFuzz is the most fuzz to compare: hunks have no more context.
const maxFuzz = 3

// outcome is the result of a program for an instance.
type outcome struct {
	refused bool
	gone    bool    // the file was deleted
	now     string  // the content, unless gone
	placed  []place // places of the hunks before the first refused one
}

// place is the place that a hunk went to.
type place struct {
	line int // in the new content, from 1
	fuzz int
}

// parse returns the patch of an instance, which changes one file.
func parse(t *testing.T, c instance) patch.File {
	t.Helper()
	files, err := patch.Parse([]byte(c.text))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v\n%s", len(files), err, c.text)
	}
	return files[0]
}

// ours returns the outcome of Apply. It fails the test if Apply changes its input, or
// returns both an error and a result.
func ours(t *testing.T, c instance, fuzz int) outcome {
	t.Helper()
	f := parse(t, c)
	src := []byte(c.now)
	out, placements, err := patch.Apply(src, f, patch.Options{Fuzz: fuzz})
	if string(src) != c.now || err != nil && (out != nil || placements != nil) {
		t.Fatalf("%s: the source became %q, with %q and %v\n%s", c.name, src, out, err, c.text)
	}
	if err != nil {
		return outcome{refused: true}
	}
	o := outcome{now: string(out), gone: f.Delete}
	moved := 0
	for i, p := range placements {
		o.placed = append(o.placed, place{p.Line + moved, p.Fuzz})
		moved += f.Hunks[i].NewLines - f.Hunks[i].OldLines
	}
	return o
}

// program returns the path of a program that the comparison needs.
func program(t *testing.T, name string) string {
	t.Helper()
	file, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v\nhint: make setup installs it", err)
	}
	return file
}

// run runs a program, which may exit with status 1, and returns its combined output.
func run(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program(t, args[0]), args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("%v: %v\n%s", args, err, out[max(0, len(out)-2000):])
	}
	return string(out)
}

// layOut writes the files of the instances to a directory, and joins their patches.
func layOut(t *testing.T, cases []instance) (dir, diff string) {
	t.Helper()
	dir = t.TempDir()
	var b strings.Builder
	for _, c := range cases {
		b.WriteString(c.text)
		if c.absent {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, c.name), []byte(c.now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, b.String()
}

// outcomes reads each file after the patch; ok has those whose patch was not refused. A
// file whose patch was refused may have changed, too: some hunks may have been applied.
func outcomes(t *testing.T, dir string, cases []instance, ok map[string]bool) []outcome {
	t.Helper()
	all := make([]outcome, len(cases))
	for i, c := range cases {
		all[i].refused = !ok[c.name]
		b, err := os.ReadFile(filepath.Join(dir, c.name))
		switch {
		case errors.Is(err, os.ErrNotExist):
			all[i].gone = true
		case err != nil:
			t.Fatal(err)
		}
		all[i].now = string(b)
	}
	return all
}

// What GNU patch prints with --verbose.
var (
	gnuFile = regexp.MustCompile(`(?m)^patching file (.*)$`)
	gnuHunk = regexp.MustCompile(`(?m)^Hunk #\d+ succeeded at (\d+)(?: with fuzz (\d+))?`)
	gnuFail = regexp.MustCompile(`(?m)^(Hunk #\d+ (FAILED|ignored|skipped)|Not deleting file)`)
)

// gnu returns the outcomes of GNU patch. With --forward it refuses to create a file that
// exists, like the others.
func gnu(t *testing.T, cases []instance, fuzz int, more ...string) []outcome {
	t.Helper()
	dir, diff := layOut(t, cases)
	args := append([]string{"patch", "-p1", "--force", "--forward", "--verbose", "--no-backup-if-mismatch", fmt.Sprintf("-F%d", fuzz)}, more...)
	said := run(t, dir, diff, args...)
	ok, placed := map[string]bool{}, map[string][]place{}
	files := gnuFile.FindAllStringSubmatchIndex(said, -1)
	for i, at := range files {
		part := said[at[1]:]
		if i+1 < len(files) {
			part = said[at[1]:files[i+1][0]]
		}
		// The output about the next file starts before its name, and lists no hunks there.
		name := said[at[2]:at[3]]
		ok[name] = !gnuFail.MatchString(before(part, "The next patch would "))
		for _, m := range gnuHunk.FindAllStringSubmatch(before(part, " FAILED at "), -1) {
			line, _ := strconv.Atoi(m[1]) // digits
			fuzz, _ := strconv.Atoi(m[2]) // digits or empty
			placed[name] = append(placed[name], place{line, fuzz})
		}
	}
	all := outcomes(t, dir, cases, ok)
	for i, c := range cases {
		all[i].placed = placed[c.name]
	}
	return all
}

func before(s, mark string) string {
	s, _, _ = strings.Cut(s, mark)
	return s
}

var gitApplied = regexp.MustCompile(`(?m)^Applied patch (.*) cleanly\.$`)

// git returns the outcomes of git apply. Without --reject, git apply applies all files or
// none; without --unidiff-zero, it refuses hunks that lack context.
func git(t *testing.T, cases []instance) []outcome {
	t.Helper()
	all := make([]outcome, len(cases))
	for _, zero := range []bool{false, true} {
		var some []instance
		var at []int
		for i, c := range cases {
			if c.now == "" && parse(t, c).Delete {
				all[i].refused = true // git 2.39 crashes with --reject
			} else if c.zero == zero {
				some, at = append(some, c), append(at, i)
			}
		}
		if len(some) == 0 {
			continue
		}
		dir, diff := layOut(t, some)
		args := []string{"git", "apply", "--reject", "--verbose", "--whitespace=nowarn"}
		if zero {
			args = append(args, "--unidiff-zero")
		}
		ok := map[string]bool{}
		for _, m := range gitApplied.FindAllStringSubmatch(run(t, dir, diff, args...), -1) {
			ok[m[1]] = true
		}
		for j, o := range outcomes(t, dir, some, ok) {
			all[at[j]] = o
		}
	}
	return all
}

// ending returns the line ending of all lines: "\n", "\r\n", "mixed", or "" if no line
// has one.
func ending(lines []string) string {
	e := ""
	for _, l := range lines {
		this := l[len(bare(l)):]
		if !strings.HasSuffix(l, "\n") || this == e {
			continue
		}
		if e != "" {
			return "mixed"
		}
		e = this
	}
	return e
}

// bare returns a line without its ending.
func bare(line string) string { return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r") }

func unended(line string) bool { return !strings.HasSuffix(line, "\n") }

// The deliberate differences that instances can show.
const (
	otherEndings = "the file and the patch have different line endings"
	mixedEndings = "the file has mixed line endings, the patch only one kind"
	backwardHunk = "GNU patch searches lines before the previous hunk"
	joinedLine   = "GNU patch joins a last line without a newline and the line inserted after it"
	lastNewline  = "the last newline is missing"
)

// difference returns the one that an instance may show, or "".
func difference(t *testing.T, c instance) string {
	t.Helper()
	file := slices.Collect(strings.Lines(c.now))
	var old, both []string
	for _, h := range parse(t, c).Hunks {
		for _, l := range h.Lines {
			both = append(both, l.Text)
			if l.Op != patch.Insert {
				old = append(old, l.Text)
			}
		}
	}
	is, was := ending(file), ending(old)
	switch {
	case ending(both) == "mixed":
		return ""
	case is == "mixed":
		return mixedEndings
	case is != "" && was != "" && is != was:
		return otherEndings
	case slices.ContainsFunc(file, unended) || slices.ContainsFunc(both, unended):
		return lastNewline
	default:
		return ""
	}
}

// plain returns an instance without the differences: all lines end in LF.
func plain(c instance) instance {
	var b strings.Builder
	for line := range strings.Lines(c.text) {
		if line[0] != '\\' {
			b.WriteString(bare(line) + "\n")
		}
	}
	c.text = b.String()
	b.Reset()
	for line := range strings.Lines(c.now) {
		b.WriteString(bare(line) + "\n")
	}
	c.now = b.String()
	return c
}

// withEndings returns the outcome of a plain instance with the file's own line endings.
// The last newline changes only if a hunk at the end adds or removes it.
func withEndings(t *testing.T, c instance, o outcome) outcome {
	t.Helper()
	if o.refused || o.gone {
		return o
	}
	ended := c.now == "" || strings.HasSuffix(c.now, "\n")
	if hunks := parse(t, c).Hunks; o.placed[len(hunks)-1].line-1+hunks[len(hunks)-1].NewLines >= strings.Count(o.now, "\n") {
		was, is := true, true
		for _, l := range hunks[len(hunks)-1].Lines {
			if l.Op != patch.Insert {
				was = !unended(l.Text)
			}
			if l.Op != patch.Delete {
				is = !unended(l.Text)
			}
		}
		if was != is {
			ended = is
		}
	}
	if ending(slices.Collect(strings.Lines(c.now))) == "\r\n" {
		o.now = crlf(o.now)
	}
	if !ended {
		o.now = bare(o.now)
	}
	return o
}

// clampPlaces corrects an outcome in which GNU patch reports that it inserted lines after
// the end of the file.
func clampPlaces(t *testing.T, c instance, o outcome) outcome {
	t.Helper()
	end, moved := len(slices.Collect(strings.Lines(c.now)))+1, 0
	if o.refused {
		return o
	}
	for i, h := range parse(t, c).Hunks {
		if h.OldLines == 0 {
			o.placed[i].line = min(o.placed[i].line, end+moved)
		}
		moved += h.NewLines - h.OldLines
	}
	return o
}

// backwards reports whether GNU patch searches for a hunk before the lines of the previous
// hunk. It does if it expects the hunk there (see docs/patch.md) and does not tie it to the
// start or the end of the file.
func backwards(t *testing.T, c instance, o outcome, fuzz int) bool {
	t.Helper()
	moved, offset, passed := 0, 0, 0
	for i, h := range parse(t, c).Hunks {
		s := fitOf(nil, h)
		tied := s.prefix-s.suffix > fuzz || s.suffix-s.prefix > fuzz && h.OldStart <= 1
		if h.OldLines > 0 && !tied && h.OldStart+offset <= passed {
			return true
		}
		if i == len(o.placed) { // refused
			break
		}
		at := o.placed[i].line - moved
		if h.OldLines > 0 {
			offset = at - h.OldStart
		}
		passed = at - 1 + h.OldLines - s.suffix
		moved += h.NewLines - h.OldLines
	}
	return false
}

// joined reports whether GNU patch joined the last line of a file, which lacks a newline,
// and the line that it inserted after it.
func joined(t *testing.T, c instance, o outcome) bool {
	t.Helper()
	if c.now == "" || !unended(c.now) || o.refused {
		return false
	}
	lines := strings.Count(c.now, "\n") + 1
	for _, h := range parse(t, c).Hunks {
		lines += h.NewLines - h.OldLines
	}
	return len(slices.Collect(strings.Lines(o.now))) == lines-1
}

// separated reports whether got is joined, except for a newline after the file's last line.
func separated(c instance, got, joined string) bool {
	last := c.now[strings.LastIndex(c.now, "\n")+1:]
	for i := range got {
		if got[i] == '\n' && got[:i]+got[i+1:] == joined && strings.HasSuffix(got[:i], last) {
			return true
		}
	}
	return false
}

// expectation is the outcome expected of Apply.
type expectation struct {
	outcome
	why       string // the deliberate difference that applies, if any
	backwards bool   // GNU patch may have searched backwards, which Apply never does
}

// expected returns what is expected of Apply: the outcomes of GNU patch, except for the
// deliberate differences.
func expected(t *testing.T, cases []instance, fuzz int) []expectation {
	t.Helper()
	want := make([]expectation, len(cases))
	var again []instance
	var at []int
	for i, o := range gnu(t, cases, fuzz) {
		c := cases[i]
		want[i] = expectation{outcome: clampPlaces(t, c, o), backwards: backwards(t, c, o, fuzz)}
		switch d := difference(t, c); {
		case d == otherEndings, d != "" && o.refused:
			want[i].why = d
			again, at = append(again, plain(c)), append(at, i)
		case joined(t, c, o):
			want[i].why = joinedLine
		}
	}
	for j, o := range gnu(t, again, fuzz) {
		w := &want[at[j]]
		w.outcome = withEndings(t, cases[at[j]], clampPlaces(t, again[j], o))
		w.backwards = w.backwards || backwards(t, again[j], o, fuzz)
		if o.refused {
			w.why = ""
		}
	}
	return want
}

// accepts reports whether an outcome is as expected.
func (want expectation) accepts(c instance, got outcome) bool {
	if got.refused || want.refused {
		return got.refused == want.refused
	}
	now := want.now
	switch want.why {
	case joinedLine:
		return separated(c, got.now, now)
	case mixedEndings: // TestDeliberateDifferences checks which ending each line gets
		got.now, now = strings.ReplaceAll(got.now, "\r", ""), strings.ReplaceAll(now, "\r", "")
	}
	return got.gone == want.gone && got.now == now && slices.Equal(got.placed, want.placed)
}

// Where git apply differs from GNU patch, which Apply follows.
const (
	gitCRLF      = "git takes the CRs of a patch that has only CRLF for content"
	gitExists    = "git does not create a file that exists, even if it is empty"
	gitNoNewline = "git joins a line without a newline and the next one; GNU patch adds the newline"
	gitAnchors   = "git and GNU patch have different rules to tie hunks to the start or the end"
	gitSearches  = "git searches from the stated new line, not from the offset of the previous hunk"
	gitOverlap   = "git applies hunks out of order, but none to the context of another"
)

// gitDiffers returns why git apply may differ from Apply without fuzz, or "" if they must
// agree.
func gitDiffers(t *testing.T, c instance, want expectation) string {
	t.Helper()
	f := parse(t, c)
	file := slices.Collect(strings.Lines(c.now))
	switch {
	case want.why != "":
		return want.why
	case want.backwards:
		return backwardHunk
	case strings.HasSuffix(before(c.text, "\n"), "\r"):
		return gitCRLF
	case f.New && !c.absent:
		return gitExists
	}
	placed, stated, lone, anchored, uneven, sorted, disjoint := true, true, true, false, false, true, true
	passed, end := 0, -1 // the actual and the expected end of the previous hunk
	for _, h := range f.Hunks {
		s := fitOf(file, h)
		if len(s.places) == 0 {
			placed, stated = false, false
			continue
		}
		stated = stated && s.stated
		lone = lone && len(s.places) == 1
		uneven = uneven || s.prefix != s.suffix
		sorted = sorted && s.places[0] >= passed
		passed = s.places[0] + s.lines
		disjoint = disjoint && s.expected >= end && s.expected+s.lines > end
		end = s.expected + s.lines
		// GNU patch ties a hunk that has less context on one side, git one that has none,
		// or that starts at line 1.
		ends, starts := s.suffix < s.prefix, s.prefix < s.suffix && h.OldStart <= 1
		if !c.zero {
			ends, starts = ends || s.suffix == 0, starts || h.OldStart <= 1
		}
		anchored = anchored || ends && s.expected+s.lines != len(file) || starts && !s.stated
	}
	switch lacking := slices.ContainsFunc(file, unended) || strings.Contains(c.text, "\n\\ No newline"); {
	case lacking && (c.zero || !stated):
		return gitNoNewline
	case !placed: // by either program
		return ""
	case anchored, uneven && !stated:
		return gitAnchors
	case !lone && !stated:
		return gitSearches
	case !sorted && !stated, !disjoint:
		return gitOverlap
	}
	return ""
}

// fit describes where a hunk fits in a file.
type fit struct {
	lines          int   // number of old lines
	prefix, suffix int   // lines of context
	expected       int   // expected line, from 0
	stated         bool  // it fits at the expected line
	places         []int // all lines at which it fits
}

func fitOf(file []string, h patch.Hunk) fit {
	s := fit{lines: h.OldLines, prefix: len(h.Lines), expected: h.OldStart - 1}
	var old []string
	for i, l := range h.Lines {
		s.suffix++
		if l.Op != patch.Context {
			s.prefix, s.suffix = min(s.prefix, i), 0
		}
		if l.Op != patch.Insert {
			old = append(old, l.Text)
		}
	}
	if len(old) == 0 {
		s.expected++
	}
	for i := range len(file) - len(old) + 1 {
		if slices.Equal(file[i:i+len(old)], old) {
			s.places = append(s.places, i)
		}
	}
	s.stated = slices.Contains(s.places, s.expected)
	return s
}

// tally counts the outcomes of cases.
type tally struct {
	sync.Mutex
	classes map[string]*[2]int // by class: cases that Apply refused, and applied
	reasons map[string]int     // by the reason why Apply differs from GNU patch, or ""
	git     map[string]*[2]int // by the reason why git may differ: cases that agree, and differ
}

func count(m map[string]*[2]int, key string, second bool) {
	if m[key] == nil {
		m[key] = new([2]int)
	}
	if second {
		m[key][1]++
	} else {
		m[key][0]++
	}
}

func TestDifferential(t *testing.T) {
	t.Parallel()
	const batch = 50 // cases of one class per call
	each := max(1, *differential/len(classes)/(maxFuzz+1))
	n := tally{classes: map[string]*[2]int{}, reasons: map[string]int{}, git: map[string]*[2]int{}}
	for fuzz := range maxFuzz + 1 {
		t.Run(fmt.Sprint("fuzz ", fuzz), func(t *testing.T) {
			t.Parallel()
			for from := 0; from < each && !t.Failed(); from += batch {
				var cases []instance
				for _, c := range classes {
					seed := *differentialSeed<<32 + uint64(fuzz)<<24 + uint64(from)
					cases = append(cases, instances(c.name, c.make, seed, min(batch, each-from))...)
				}
				n.compare(t, cases, fuzz)
			}
		})
	}
	t.Cleanup(func() { n.report(t, each*(maxFuzz+1)) })
}

// compare applies all patches in each way, and compares the outcomes.
func (n *tally) compare(t *testing.T, cases []instance, fuzz int) {
	t.Helper()
	want := expected(t, cases, fuzz)
	var gits []outcome
	if fuzz == 0 { // git apply has no fuzz
		gits = git(t, cases)
	}
	n.Lock()
	defer n.Unlock()
	for i, c := range cases {
		got := ours(t, c, fuzz)
		count(n.classes, c.class, !got.refused)
		switch {
		case want[i].accepts(c, got):
			n.reasons[want[i].why]++
		case want[i].backwards:
			n.reasons[backwardHunk]++
		default:
			t.Errorf("%s, fuzz %d %s:\nfile  %q\npatch\n%sApply %v\nGNU   %v", c.name, fuzz, want[i].why, c.now, c.text, got, want[i])
		}
		if fuzz > 0 {
			continue
		}
		differs := got.refused != gits[i].refused || !got.refused && (got.gone != gits[i].gone || got.now != gits[i].now)
		reason := gitDiffers(t, c, want[i])
		count(n.git, reason, differs)
		if differs && reason == "" {
			t.Errorf("%s:\nfile  %q\npatch\n%sApply %v\ngit   %v", c.name, c.now, c.text, got, gits[i])
		}
	}
}

// report logs the counts, and fails the test if the cases are too one-sided to prove much.
func (n *tally) report(t *testing.T, each int) {
	t.Helper()
	for _, class := range slices.Sorted(maps.Keys(n.classes)) {
		refused, took := n.classes[class][0], n.classes[class][1]
		t.Logf("%-14s %5d refused, %5d applied", class, refused, took)
		if each >= 100 && min(refused, took) < (refused+took)/10 {
			t.Errorf("%s: too few cases on one side", class)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(n.reasons)) {
		t.Logf("%5d times: %s", n.reasons[why], cmp.Or(why, "the same as GNU patch"))
	}
	if each >= 100 && n.reasons[backwardHunk] > each*len(classes)/100 {
		t.Error("too many cases could not be compared with GNU patch")
	}
	agreed := 0
	for _, why := range slices.Sorted(maps.Keys(n.git)) {
		if why == "" {
			agreed = n.git[why][0]
			continue
		}
		t.Logf("git differed %5d of %5d times: %s", n.git[why][1], n.git[why][0]+n.git[why][1], why)
	}
	t.Logf("%5d times: git had to agree", agreed)
	if each >= 100 && agreed < each*len(classes)/(maxFuzz+1)/4 {
		t.Error("too few cases were compared with git")
	}
}

func (o outcome) String() string {
	switch {
	case o.refused:
		return "refuses"
	case o.gone:
		return fmt.Sprint("deletes the file ", o.placed)
	default:
		return fmt.Sprintf("%q %v", o.now, o.placed)
	}
}

// output runs a program that exits with status 1 if it finds differences.
func output(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	return []byte(run(t, dir, "", args...))
}
