package resultfile

import (
	"bufio"
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

// tapReader reads the Test Anything Protocol, versions 12 to 14, line by line.
type tapReader struct {
	file   *File
	opt    Options
	keeper keeper
	pkg    string
	levels []*tapLevel     // the open ones: the document, a subtest, one of its subtests …
	last   *tapPoint       // the point that diagnostics belong to
	ahead  strings.Builder // diagnostics of the next point
	names  *numbers
	bailed bool
	line   int
}

// tapLevel is a document or a subtest.
type tapLevel struct {
	planned  int // -1 before the plan
	ran      int
	points   []*tapPoint // including those of closed subtests
	children []*tapPoint // of the next test point
	block    *tapPoint   // the point whose subtests follow in braces
}

// tapPoint is one test.
type tapPoint struct {
	name        string
	number      int
	ok          bool
	directive   string // skip, todo or empty
	parent      bool   // a subtest failed
	yaml        strings.Builder
	complete    bool // the YAML has ended
	diagnostics strings.Builder
}

var tapForms = sync.OnceValue(func() (f struct{ plan, point, directive, time, bail, subtest *regexp.Regexp }) {
	f.plan = regexp.MustCompile(`^1\.\.(\d+)\s*(?:#.*)?$`)
	f.point = regexp.MustCompile(`^(not )?ok\b(?:\s+(\d+)\b)?\s*(?:-\s)?\s*(.*)$`)
	f.directive = regexp.MustCompile(`(?i)^(|.*[^\\])#\s*(skip|todo)\w*\b(.*)$`)
	f.time = regexp.MustCompile(`\s*# time=[\d.]+m?s$`)
	f.bail = regexp.MustCompile(`(?i)^bail out!\s*(.*)$`)
	f.subtest = regexp.MustCompile(`(?i)^# subtest: `)
	return f
})

func readTAP(in *bufio.Reader, f *File, opt Options) error {
	r := &tapReader{file: f, opt: opt, pkg: baseName(f.Name), names: newNumbers(), levels: []*tapLevel{{planned: -1}}}
	inYAML := -1 // the indentation of the current YAML block, or -1
	err := lines(in, func(n int, raw []byte) error {
		r.line = n
		line := strings.TrimRight(string(raw), " \t\r")
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		switch {
		case inYAML >= 0 && (text == "..." || text != "" && indent < inYAML):
			inYAML, r.last.complete = -1, true
			if text == "..." {
				return nil
			}
		case inYAML >= 0:
			if y := &r.last.yaml; y.Len() < maxOutput {
				y.WriteString(line[min(inYAML, len(line)):] + "\n")
			}
			return nil
		case text == "---" && r.last != nil:
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

// element reads a line at a level of subtests.
func (r *tapReader) element(level int, text string) error {
	forms := tapForms()
	if m := forms.bail.FindStringSubmatch(text); m != nil {
		r.bailed = true
		if err := r.flush(); err != nil {
			return err
		}
		return r.fails("setup", strings.TrimSpace("the tests bailed out: "+m[1]))
	}
	if m := forms.plan.FindStringSubmatch(text); m != nil {
		r.enter(level).planned, _ = strconv.Atoi(m[1])
		return nil
	}
	if m := forms.point.FindStringSubmatch(text); m != nil {
		return r.point(level, m)
	}
	if text == "}" && level < len(r.levels) && r.levels[level].block != nil {
		l := r.enter(level)
		r.adopt(l, l.block)
		l.block = nil
		return nil
	}
	if !forms.subtest.MatchString(text) && !strings.HasPrefix(text, "TAP version") && !strings.HasPrefix(text, "pragma ") {
		r.diagnose(text)
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

// adopt makes the waiting tests of a level subtests of p.
func (r *tapReader) adopt(l *tapLevel, p *tapPoint) {
	for _, child := range l.children {
		child.name = p.name + " > " + child.name
		p.parent = p.parent || !child.ok && child.directive == ""
	}
	l.points = append(l.points, l.children...)
	l.children = nil
}

// point reads a test point.
func (r *tapReader) point(level int, m []string) error {
	l := r.enter(level)
	l.ran++
	if level == 0 {
		if err := r.flush(); err != nil {
			return err
		}
	}
	if r.open() > MaxTests {
		return fault(r.line, "split it into files with fewer tests", "more than %d subtests in a test", MaxTests)
	}
	p := &tapPoint{ok: m[1] == ""}
	p.number, _ = strconv.Atoi(m[2])
	p.number = cmp.Or(p.number, l.ran)
	description, block := strings.CutSuffix(m[3], " {")
	description = tapForms().time.ReplaceAllString(description, "")
	if d := tapForms().directive.FindStringSubmatch(description); d != nil {
		description, p.directive = d[1], strings.ToLower(d[2])
	}
	description = strings.NewReplacer(`\#`, "#", `\\`, `\`).Replace(strings.TrimSpace(description))
	p.name = cmp.Or(name(description), fmt.Sprint("test ", p.number))
	if !p.ok {
		p.diagnostics.WriteString(r.ahead.String())
	}
	r.ahead.Reset()
	r.adopt(l, p)
	l.points = append(l.points, p)
	r.last = p
	if block {
		l.block = p
	}
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
// name is another test, and gets a number.
func (r *tapReader) attempt(p *tapPoint) attempt {
	y := readTAPYAML(p.yaml.String())
	a := attempt{pkg: r.pkg, test: name(p.name), status: passed, seconds: seconds(number(y["duration_ms"]) / 1000)}
	a.test = r.names.another(testKey{a.pkg, a.test})
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

// end adds the remaining tests, and checks that all planned tests ran.
func (r *tapReader) end() error {
	document := r.enter(0)
	document.points = append(document.points, document.children...)
	if err := r.flush(); err != nil {
		return err
	}
	switch {
	case r.bailed:
	case document.planned < 0:
		return r.fails("incomplete", "the results end before the plan, the line 1..N with the number of tests")
	case document.planned != document.ran:
		return r.fails("incomplete", fmt.Sprintf("tests planned: %d, tests run: %d", document.planned, document.ran))
	}
	return nil
}

// fails adds a failure of the document as a whole.
func (r *tapReader) fails(kind, message string) error {
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
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
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
