package patch_test

// The differential test puts the same patches on the same files with Apply, GNU patch
// and git apply, and compares what each refuses, where hunks went, and the bytes.
// A process starts slowly, so one call gets a folder of many files and one patch.
//
// It compares some thousand cases. More of them, and others:
//
//	go test ./internal/patch -run Differential -differential 50000 -differential.seed 7
//
// Where Apply differs on purpose, docs/patch.md says so and deliberate_test.go shows it.
// Here such a case is told by the case itself, and compared with what GNU patch does
// once the file and the patch are written without that difference (see plain).

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

// maxFuzz is the most that is compared: no more than there is context.
const maxFuzz = 3

// outcome is what a program made of an instance.
type outcome struct {
	refused bool
	gone    bool    // the file was deleted
	now     string  // the content, unless gone
	placed  []place // of the hunks before the first that was refused
}

// place is where a hunk went.
type place struct {
	line int // of the new content, from 1
	fuzz int
}

// parse reads the one file's patch of an instance.
func parse(t *testing.T, c instance) patch.File {
	t.Helper()
	files, err := patch.Parse([]byte(c.text))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v\n%s", len(files), err, c.text)
	}
	return files[0]
}

// ours is what Apply makes of an instance. What is refused must be left alone.
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

// program finds a program that the comparison needs.
func program(t *testing.T, name string) string {
	t.Helper()
	file, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v\nhint: make setup installs it", err)
	}
	return file
}

// run starts a program, which may end with status 1, and gives all that it writes.
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

// layOut writes the instances' files into a folder and their patches into one text.
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

// outcomes reads what became of each file; ok tells which were not refused. Those may
// have changed all the same: programs put on what fits.
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

// What GNU patch says with --verbose.
var (
	gnuFile = regexp.MustCompile(`(?m)^patching file (.*)$`)
	gnuHunk = regexp.MustCompile(`(?m)^Hunk #\d+ succeeded at (\d+)(?: with fuzz (\d+))?`)
	gnuFail = regexp.MustCompile(`(?m)^(Hunk #\d+ (FAILED|ignored|skipped)|Not deleting file)`)
)

// gnu is what GNU patch makes of the instances. With --forward it refuses to create a
// file that exists, as everyone else does.
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
		// What is said of the next file before its name is of no hunk.
		name := said[at[2]:at[3]]
		ok[name] = !gnuFail.MatchString(before(part, "The next patch would "))
		for _, m := range gnuHunk.FindAllStringSubmatch(before(part, " FAILED at "), -1) {
			line, _ := strconv.Atoi(m[1]) // digits
			fuzz, _ := strconv.Atoi(m[2]) // or none
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

// git is what git apply makes of the instances. It is all or nothing about a whole
// patch unless told to leave what it rejects, and takes no hunk for sound that lacks
// context unless told that it may.
func git(t *testing.T, cases []instance) []outcome {
	t.Helper()
	all := make([]outcome, len(cases))
	for _, zero := range []bool{false, true} {
		var some []instance
		var at []int
		for i, c := range cases {
			if c.now == "" && parse(t, c).Delete {
				all[i].refused = true // with --reject git 2.39 dies of this
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

// ending is what the lines have in common: "\n", "\r\n", "mixed", or "" when none is
// ended.
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

// bare is a line without its ending.
func bare(line string) string { return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r") }

func unended(line string) bool { return !strings.HasSuffix(line, "\n") }

// The deliberate differences that the instances have in them.
const (
	otherEndings = "the file ends its lines in another way than the patch"
	mixedEndings = "the file ends its lines in several ways, the patch in one"
	backwardHunk = "GNU patch goes back to lines that it has passed"
	joinedLine   = "GNU patch joins a last line without a newline and the one that it puts behind it"
	lastNewline  = "a newline at the end is missing"
)

// difference tells which of them an instance may have, if any.
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

// plain is an instance without the differences: all lines end, and alike.
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

// restored gives the outcome of a plain instance the endings of the file as it was. Its
// last newline comes or goes only with a hunk at the end whose sides disagree about it.
func restored(t *testing.T, c instance, o outcome) outcome {
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

// reaching corrects where GNU patch says that it put lines behind the end of the file.
func reaching(t *testing.T, c instance, o outcome) outcome {
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

// backwards tells whether GNU patch looks for a hunk before lines that the hunk before
// it has dealt with, which it does when it expects the hunk there (see docs/patch.md) and
// does not tie it to the start or the end of the file.
func backwards(t *testing.T, c instance, o outcome, fuzz int) bool {
	t.Helper()
	moved, offset, passed := 0, 0, 0
	for i, h := range parse(t, c).Hunks {
		s := standing(nil, h)
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

// joined tells whether GNU patch made one line of a file's last, which lacks a newline,
// and of what it put behind it.
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

// parted tells whether got is joined but for a newline behind the file's last line.
func parted(c instance, got, joined string) bool {
	last := c.now[strings.LastIndex(c.now, "\n")+1:]
	for i := range got {
		if got[i] == '\n' && got[:i]+got[i+1:] == joined && strings.HasSuffix(got[:i], last) {
			return true
		}
	}
	return false
}

// demand is what is expected of Apply.
type demand struct {
	outcome
	why       string // the deliberate difference that decided, if any
	backwards bool   // GNU patch may have gone back, and be no measure
}

// expected is what Apply shall make of the instances: what GNU patch makes of them but
// for the deliberate differences.
func expected(t *testing.T, cases []instance, fuzz int) []demand {
	t.Helper()
	want := make([]demand, len(cases))
	var again []instance
	var at []int
	for i, o := range gnu(t, cases, fuzz) {
		c := cases[i]
		want[i] = demand{outcome: reaching(t, c, o), backwards: backwards(t, c, o, fuzz)}
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
		w.outcome = restored(t, cases[at[j]], reaching(t, again[j], o))
		w.backwards = w.backwards || backwards(t, again[j], o, fuzz)
		if o.refused {
			w.why = ""
		}
	}
	return want
}

// meets tells whether an outcome is as demanded.
func (want demand) meets(c instance, got outcome) bool {
	if got.refused || want.refused {
		return got.refused == want.refused
	}
	now := want.now
	switch want.why {
	case joinedLine:
		return parted(c, got.now, now)
	case mixedEndings: // which of its endings a line gets, TestDeliberateDifferences tells
		got.now, now = strings.ReplaceAll(got.now, "\r", ""), strings.ReplaceAll(now, "\r", "")
	}
	return got.gone == want.gone && got.now == now && slices.Equal(got.placed, want.placed)
}

// Where git apply differs from GNU patch, which Apply follows.
const (
	gitCRLF      = "git takes the CRs of a patch that is CRLF throughout for content"
	gitExists    = "git creates no file that exists, though it be empty"
	gitNoNewline = "git joins a line without a newline and the one behind, where GNU patch ends it"
	gitAnchors   = "git and GNU patch tie hunks to the start or the end by rules of their own"
	gitSearches  = "git looks from the stated new line, not from the offset of the hunk before"
	gitOverlap   = "git puts hunks out of order, but none on the context of another"
)

// gitDiffers tells why git apply may do something else with an instance than Apply
// without fuzz; "" when they must agree.
func gitDiffers(t *testing.T, c instance, want demand) string {
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
	passed, end := 0, -1 // by the hunk before: where its lines are, and where it expects them
	for _, h := range f.Hunks {
		s := standing(file, h)
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
		// GNU patch goes by less context on one side, git by none, or by line 1.
		ends, starts := s.suffix < s.prefix, s.prefix < s.suffix && h.OldStart <= 1
		if !c.zero {
			ends, starts = ends || s.suffix == 0, starts || h.OldStart <= 1
		}
		anchored = anchored || ends && s.expected+s.lines != len(file) || starts && !s.stated
	}
	switch lacking := slices.ContainsFunc(file, unended) || strings.Contains(c.text, "\n\\ No newline"); {
	case lacking && (c.zero || !stated):
		return gitNoNewline
	case !placed: // by anybody
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

// stand is how a hunk stands to a file.
type stand struct {
	lines          int // old ones
	prefix, suffix int // of context
	expected       int // line, from 0
	stated         bool
	places         []int // where its old lines are, or would be
}

func standing(file []string, h patch.Hunk) stand {
	s := stand{lines: h.OldLines, prefix: len(h.Lines), expected: h.OldStart - 1}
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

// tally counts what became of cases.
type tally struct {
	sync.Mutex
	classes map[string]*[2]int // that Apply refused, and took
	reasons map[string]int     // why Apply differed from GNU patch, "" when it did not
	git     map[string]*[2]int // why git apply could have differed from Apply, and did not, or did
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
	const batch = 50 // cases of one class in one call
	each := max(1, *differential/len(classes)/(maxFuzz+1))
	n := tally{classes: map[string]*[2]int{}, reasons: map[string]int{}, git: map[string]*[2]int{}}
	for fuzz := range maxFuzz + 1 {
		t.Run(fmt.Sprint("fuzz ", fuzz), func(t *testing.T) {
			t.Parallel()
			for from := 0; from < each && !t.Failed(); from += batch {
				var cases []instance
				for _, c := range classes {
					seed := *differentialSeed<<32 + uint64(fuzz)<<24 + uint64(from)
					cases = append(cases, instances(c.name, c.tell, seed, min(batch, each-from))...)
				}
				n.compare(t, cases, fuzz)
			}
		})
	}
	t.Cleanup(func() { n.report(t, each*(maxFuzz+1)) })
}

// compare puts all patches on in all ways.
func (n *tally) compare(t *testing.T, cases []instance, fuzz int) {
	t.Helper()
	want := expected(t, cases, fuzz)
	var gits []outcome
	if fuzz == 0 { // git has none
		gits = git(t, cases)
	}
	n.Lock()
	defer n.Unlock()
	for i, c := range cases {
		got := ours(t, c, fuzz)
		count(n.classes, c.class, !got.refused)
		switch {
		case want[i].meets(c, got):
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

// report tells how the cases went, and whether they tell something.
func (n *tally) report(t *testing.T, each int) {
	t.Helper()
	for _, class := range slices.Sorted(maps.Keys(n.classes)) {
		refused, took := n.classes[class][0], n.classes[class][1]
		t.Logf("%-14s %5d refused, %5d applied", class, refused, took)
		if each >= 100 && min(refused, took) < (refused+took)/10 {
			t.Errorf("%s: the cases tell too little", class)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(n.reasons)) {
		t.Logf("%5d times: %s", n.reasons[why], cmp.Or(why, "just as GNU patch"))
	}
	if each >= 100 && n.reasons[backwardHunk] > each*len(classes)/100 {
		t.Error("GNU patch was no measure too often")
	}
	agreed := 0
	for _, why := range slices.Sorted(maps.Keys(n.git)) {
		if why == "" {
			agreed = n.git[why][0]
			continue
		}
		t.Logf("%5d of %5d times git differed: %s", n.git[why][1], n.git[why][0]+n.git[why][1], why)
	}
	t.Logf("%5d times git had to agree", agreed)
	if each >= 100 && agreed < each*len(classes)/(maxFuzz+1)/4 {
		t.Error("git was compared too seldom")
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

// output runs a program that says by status 1 that there are differences.
func output(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	return []byte(run(t, dir, "", args...))
}
