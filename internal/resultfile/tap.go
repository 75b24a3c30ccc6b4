package resultfile

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// tapReader reads the Test Anything Protocol, versions 12 to 14, line by line. A file may hold
// several documents: those of programs that ran one after the other, or what prove prints.
type tapReader struct {
	file   *File
	opt    Options
	keeper keeper
	line   int
	last   *tapPoint       // the point that diagnostics belong to
	ahead  strings.Builder // diagnostics of the next point

	// The current document:
	pkg    string
	before int         // how many attempts the file had before it
	levels []*tapLevel // the open ones: the document, a subtest, one of its subtests …
	begun  bool        // its version or the name of its program was printed
	bailed bool
	timed  bool // so far, each description ends with the time of the test
	prove  *proveRun
}

// tapLevel is a document or a subtest.
type tapLevel struct {
	planned  int  // -1 before the plan
	late     bool // the plan followed the tests
	ran      int
	highest  int         // number of a point
	points   []*tapPoint // including those of closed subtests
	children []*tapPoint // of the next test point
	block    *tapPoint   // the point whose subtests follow in braces
}

// complete reports whether all planned tests ran.
func (l *tapLevel) complete() bool { return l.planned == l.ran }

// tapPoint is one test.
type tapPoint struct {
	name        string
	indent      int
	ok          bool
	directive   string // skip, todo or empty
	parent      bool   // a subtest failed
	yaml        strings.Builder
	complete    bool // the YAML has ended
	diagnostics strings.Builder
}

// fails reports whether a point is a failure.
func (p *tapPoint) fails() bool { return !p.ok && p.directive == "" }

var tapForms = sync.OnceValue(func() (f struct{ version, plan, time, timing, bail, comment *regexp.Regexp }) {
	f.version = regexp.MustCompile(`(?i)^TAP version \d+$`)
	f.plan = regexp.MustCompile(`^1\.\.(\d+)\s*(?:#\s*(.*))?$`)
	f.time = regexp.MustCompile(`\s*# time=[\d.]+m?s$`)
	f.timing = regexp.MustCompile(` in \d+ ?(?:ms|sec)$`)
	f.bail = regexp.MustCompile(`(?i)^bail out!\s*(.*)$`)
	f.comment = regexp.MustCompile(`(?i)^# subtest(: |$)|^pragma [+-]`)
	return f
})

func readTAP(in *input, f *File, opt Options) error {
	r := &tapReader{file: f, opt: opt}
	r.begin()
	inYAML := -1 // the indentation of the current YAML block, or -1
	err := in.each(func(n int, raw []byte) error {
		r.line = n
		line := strings.TrimRight(withoutEscapes(string(raw)), " \t\r")
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		switch {
		case inYAML >= 0 && (text == "..." && indent <= inYAML || text != "" && indent < inYAML):
			inYAML, r.last.complete = -1, true
			if text == "..." {
				return nil
			}
		case inYAML >= 0:
			if y := &r.last.yaml; y.Len() < maxOutput {
				y.WriteString(line[min(inYAML, len(line)):] + "\n")
			}
			return nil
		case text == "---" && r.last != nil && !r.last.complete && indent > r.last.indent:
			inYAML = indent
			return nil
		}
		if indent%4 != 0 || indent/4 > maxDepth {
			r.diagnose(line)
			return nil
		}
		return r.element(indent/4, text)
	})
	if err != nil {
		return err
	}
	return r.end()
}

// begin starts a document.
func (r *tapReader) begin() {
	r.pkg, r.levels, r.last, r.before = baseName(r.file.Name), []*tapLevel{{planned: -1}}, nil, len(r.file.attempts)
	r.begun, r.bailed, r.timed, r.prove = false, false, true, nil
}

// next ends the current document, if there is one, and starts another.
func (r *tapReader) next() error {
	if r.blank() {
		return nil
	}
	err := r.end()
	r.begin()
	return err
}

// blank reports whether nothing of the current document was read so far.
func (r *tapReader) blank() bool {
	l := r.levels[0]
	return !r.begun && !r.bailed && l.planned < 0 && l.ran == 0
}

// element reads a line at a level of subtests.
func (r *tapReader) element(level int, text string) error {
	forms := tapForms()
	if level == 0 {
		if ok, err := r.proved(text); ok || err != nil {
			return err
		}
	}
	if m := forms.bail.FindStringSubmatch(text); m != nil {
		return r.bail(m[1])
	}
	if m := forms.plan.FindStringSubmatch(text); m != nil {
		planned, _ := strconv.Atoi(m[1])
		return r.plan(level, planned, m[2])
	}
	if p, number, ok := parsePoint(text); ok {
		p.indent = 4 * level
		return r.point(level, p, number)
	}
	switch {
	case forms.version.MatchString(text):
		if level > 0 {
			return nil
		}
		r.ahead.Reset() // what is printed before a document belongs to none of its tests
		err := r.next()
		r.begun = true
		return err
	case text == "}" && level < len(r.levels) && r.levels[level].block != nil:
		r.endBlock(r.enter(level), true)
	case !forms.comment.MatchString(text):
		r.diagnose(text)
	}
	return nil
}

// bail reads the reason why a program gave up. A subtest gives it to its parent, too.
func (r *tapReader) bail(reason string) error {
	if r.bailed {
		return nil
	}
	r.bailed = true
	if err := r.flush(); err != nil {
		return err
	}
	return r.whole("setup", strings.TrimSpace("the tests bailed out: "+unescaped(reason)))
}

// plan reads the number of tests. Every document has one, so another belongs to the next one.
func (r *tapReader) plan(level, planned int, reason string) error {
	l := r.enter(level)
	if level == 0 && l.planned >= 0 {
		if err := r.next(); err != nil {
			return err
		}
		l = r.levels[0]
	}
	l.planned, l.late = planned, l.ran > 0
	if level == 0 && planned == 0 && reason != "" && r.prove == nil {
		r.file.skipped++ // all tests of the program, which it does not list
	}
	return nil
}

// enter opens and closes subtests until level is the innermost. The tests of closed ones
// wait for the test point of their parent.
func (r *tapReader) enter(level int) *tapLevel {
	for len(r.levels) <= level {
		r.levels = append(r.levels, &tapLevel{planned: -1})
	}
	for n := len(r.levels); n > level+1; n-- {
		closed, parent := r.levels[n-1], r.levels[n-2]
		parent.children = append(parent.children, append(closed.points, closed.children...)...)
		r.levels = r.levels[:n-1]
	}
	return r.levels[level]
}

// adopt makes the waiting tests of a level subtests of p, whose result decides: a subtest that
// failed in a test that passed, or that is still to do, does not count.
func (r *tapReader) adopt(l *tapLevel, p *tapPoint) {
	for _, child := range l.children {
		child.name = p.name + " > " + child.name
		switch {
		case !child.fails():
		case p.fails():
			p.parent = true
		default:
			child.directive = "todo"
		}
	}
	l.points = append(l.points, l.children...)
	l.children = nil
}

// endBlock ends the point at which braces may have opened. If no tests follow, the brace is part
// of its description.
func (r *tapReader) endBlock(l *tapLevel, closed bool) {
	p := l.block
	if l.block = nil; p == nil {
		return
	}
	if !closed && len(l.children) == 0 {
		p.name += " {"
	}
	r.adopt(l, p)
}

// point reads a test point. If all tests have run, number 1 begins another document.
func (r *tapReader) point(level int, p *tapPoint, number int) error {
	l := r.enter(level)
	if level == 0 && l.ran > 0 && l.complete() && (number == 1 || number == 0 && l.late) {
		if err := r.next(); err != nil {
			return err
		}
		l = r.levels[0]
	}
	r.endBlock(l, false)
	l.ran++
	l.highest = max(l.highest, number)
	if level == 0 {
		if err := r.flush(); err != nil {
			return err
		}
	}
	if r.open() > MaxTests {
		return fault(r.line, "split it into files with fewer tests", "more than %d subtests in a test", MaxTests)
	}
	var block bool
	if p.name, block = strings.CutSuffix(p.name, " {"); block {
		l.block = p
	}
	p.name = tapForms().time.ReplaceAllString(p.name, "")
	p.name, p.directive = directive(p.name)
	r.timed = r.timed && (level > 0 || tapForms().timing.MatchString(p.name))
	p.name = cmp.Or(name(unescaped(p.name)), fmt.Sprint("test ", cmp.Or(number, l.ran)))
	if !p.ok {
		p.diagnostics.WriteString(r.ahead.String())
	}
	r.ahead.Reset()
	if !block {
		r.adopt(l, p)
	}
	l.points = append(l.points, p)
	r.last = p
	return nil
}

// open returns how many points have not been added to the file.
func (r *tapReader) open() int {
	n := 0
	for _, l := range r.levels {
		n += len(l.points) + len(l.children)
	}
	return n
}

// diagnose keeps a line as a diagnostic of the test before it, if that failed, or of the next
// test, if the one before is complete: node prints the output of a file before its tests.
func (r *tapReader) diagnose(text string) {
	switch p := r.last; {
	case p == nil || p.complete:
		if r.ahead.Len() < maxOutput {
			r.ahead.WriteString(text + "\n")
		}
	case !p.ok && p.diagnostics.Len() < maxOutput:
		p.diagnostics.WriteString(text + "\n")
	}
}

// flush adds the tests of the document so far.
func (r *tapReader) flush() error {
	l := r.levels[0]
	for _, p := range l.points {
		if err := r.file.add(r.attempt(p), r.line); err != nil {
			return err
		}
	}
	l.points = nil
	return nil
}

// attempt returns a test point as an attempt. TAP has no retries: a second test of the same
// name is another test.
func (r *tapReader) attempt(p *tapPoint) attempt {
	y := readTAPYAML(p.yaml.String())
	a := attempt{pkg: r.pkg, test: name(p.name), status: passed, seconds: seconds(number(y["duration_ms"]) / 1000)}
	a.file, a.line = r.place(y)
	a.declared = a.file != "" && y["location"] != "" // from node; other tools give the place of the failure
	switch {
	case p.directive == "skip", p.directive == "todo" && !p.ok:
		a.status = skipped
	case !p.ok && p.parent:
		a.status, a.detail = failed, &detail{kind: unknown}
	case !p.ok:
		a.status = failed
		output := p.diagnostics.String() + p.yaml.String()
		message := cmp.Or(y["message"], y["error"], y["error.message"])
		d := &detail{kind: kindOf(cmp.Or(y["name"], y["error.name"], y["failureType"]), message, output, false), file: a.file, line: a.line}
		d.message = messageOf(message, strings.TrimLeft(strings.ReplaceAll("\n"+p.diagnostics.String(), "\n#", "\n"), " \n"))
		if file, line := r.opt.located(cmp.Or(y["stack"], output), r.pkg); line > 0 && (a.file == "" || a.file == file) {
			d.file, d.line = file, line
		}
		d.output, d.truncated = r.keeper.output(output)
		a.detail = d
	}
	return a
}

// place returns the place in the diagnostics, under any of the keys that tools use.
func (r *tapReader) place(y map[string]string) (file string, line int) {
	file, line = y["file"], lineNumber(y["line"])
	if file == "" {
		file, line = y["at.file"], lineNumber(y["at.line"])
	}
	if at := cmp.Or(y["location"], y["at"]); file == "" && at != "" {
		return r.opt.located(at, r.pkg)
	}
	if file = r.opt.file(file, ""); file == "" {
		return "", 0
	}
	return file, line
}

// end adds the remaining tests of a document, and checks that all planned tests ran.
func (r *tapReader) end() error {
	document := r.enter(0)
	r.endBlock(document, false)
	if !document.complete() { // otherwise, they are only output
		document.points = append(document.points, document.children...)
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.dropTimes(document)
	switch {
	case r.bailed, r.blank() && len(r.file.attempts)+r.file.skipped > 0:
	case document.planned < 0:
		return r.whole("incomplete", "the results end before the plan, the line 1..N with the number of tests")
	case !document.complete():
		return r.whole("incomplete", fmt.Sprintf("tests planned: %d, tests run: %d", document.planned, document.ran))
	case document.highest > document.planned:
		return r.whole("incomplete", fmt.Sprintf("tests planned: %d, but one has the number %d", document.planned, document.highest))
	}
	return nil
}

// dropTimes removes the times with which Bats ends the names of all tests if it is asked to.
func (r *tapReader) dropTimes(document *tapLevel) {
	if !r.timed || document.ran == 0 {
		return
	}
	for i := r.before; i < len(r.file.attempts); i++ {
		if a := &r.file.attempts[i]; a.test != "" {
			a.test = tapForms().timing.ReplaceAllString(a.test, "")
		}
	}
}

// whole adds a failure of the document as a whole.
func (r *tapReader) whole(kind, message string) error {
	return r.file.add(attempt{pkg: r.pkg, status: failed, detail: &detail{kind: kind, message: testrun.OneLine(message)}}, r.line)
}

// baseName returns the name of a result file without directory and extension, for tests
// that have no package.
func baseName(file string) string {
	base := path.Base(filepath.ToSlash(file))
	base = strings.TrimSuffix(base, path.Ext(base))
	if slices.Contains([]string{"", ".", "/", "-"}, base) {
		return "tests"
	}
	return name(base)
}

var (
	yamlKey    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^( *)["']?([A-Za-z_][\w-]*)["']?:(?: +(.*))?$`) })
	yamlScalar = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[|>][+-]?\d?$`) })
)

// readTAPYAML parses the diagnostics of a test point, in the part of YAML that tools use for
// TAP: scalars, block scalars, and one level of nested keys, which are joined by a dot. It
// skips everything else, which is for human readers.
func readTAPYAML(text string) map[string]string {
	values := map[string]string{}
	top, block, blockIndent := "", "", 0
	first := len(text) - len(strings.TrimLeft(text, " ")) // tape indents all keys
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		line = line[min(first, len(line)-len(strings.TrimLeft(line, " "))):]
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if block != "" && (line == "" || indent > blockIndent) {
			values[block] += strings.TrimSpace(line) + "\n"
			continue
		}
		block = ""
		m := yamlKey().FindStringSubmatch(line)
		if m == nil || len(values) > 100 {
			continue
		}
		key, value := m[2], m[3]
		if indent == 0 {
			top = key
		} else {
			key = top + "." + key
		}
		if yamlScalar().MatchString(value) {
			block, blockIndent = key, indent
			continue
		}
		values[key] = unquoted(value)
	}
	return values
}

// unquoted returns the text of a YAML scalar.
func unquoted(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] {
		return s
	}
	switch s[0] {
	case '\'':
		return strings.ReplaceAll(s[1:len(s)-1], "''", "'")
	case '"':
		if text, err := strconv.Unquote(s); err == nil {
			return text
		}
		return s[1 : len(s)-1]
	}
	return s
}
