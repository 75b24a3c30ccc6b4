package resultfile

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/report"
)

// junitReader reads JUnit XML, for which there is no standard. It relies on what the
// dialects have in common, and handles the rest for each of pytest, Surefire and Gradle,
// Jest, Vitest, node, cargo-nextest, gotestsum, PHPUnit, GoogleTest and regreen.
type junitReader struct {
	dec    *xml.Decoder
	above  int // lines above the XML
	file   *File
	opt    Options
	keeper keeper
	suites []junitSuite // the open ones, the outermost first
}

type junitSuite struct {
	name, file string
	golang     bool // its tests are in Go
}

func readJUnit(in *input, f *File, opt Options) error {
	text, err := newXMLText(in.in)
	if err != nil {
		return err
	}
	r := &junitReader{dec: xml.NewDecoder(text), above: in.lines, file: f, opt: opt}
	r.dec.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil } // it is UTF-8 by now
	return r.document()
}

// line returns the current line.
func (r *junitReader) line() int {
	line, _ := r.dec.InputPos()
	return r.above + line
}

// fault returns an error at the current line.
func (r *junitReader) fault(hint, format string, args ...any) error {
	return fault(r.line(), hint, format, args...)
}

// next returns the next token. The end of the text is an error.
func (r *junitReader) next() (xml.Token, error) {
	t, err := r.dec.Token()
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
		return nil, r.fault(interruptedHint, "unexpected end of file")
	case errors.As(err, &syntax):
		return nil, fault(r.above+syntax.Line, "", "not well-formed XML: %s", syntax.Msg)
	case err != nil:
		return nil, r.fault("", "cannot parse XML: %s", strings.TrimPrefix(err.Error(), "xml: "))
	}
	return t, nil
}

// document reads the root and its content.
func (r *junitReader) document() error {
	for {
		t, err := r.next()
		if err != nil {
			return err
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		r.claims(start)
		switch start.Name.Local {
		case "testsuites":
		case "testsuite":
			r.open(start)
		default:
			return r.fault("the root of JUnit XML is <testsuites> or <testsuite>", "not JUnit XML: the root is <%.40s>", start.Name.Local)
		}
		return r.suite()
	}
}

func (r *junitReader) open(start xml.StartElement) {
	r.suites = append(r.suites, junitSuite{name: attr(start, "name"), file: cmp.Or(attr(start, "file"), attr(start, "filepath"))})
}

// claims records how many failures a suite states. A suite includes those of nested suites.
func (r *junitReader) claims(start xml.StartElement) {
	failures, _ := strconv.Atoi(attr(start, "failures"))
	faults, _ := strconv.Atoi(attr(start, "errors"))
	r.file.claimed = max(r.file.claimed, failures, faults)
}

// suite reads the content of the root and of the suites in it.
func (r *junitReader) suite() error {
	for depth := 1; depth > 0; {
		t, err := r.next()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			depth--
			r.suites = r.suites[:max(len(r.suites)-1, 0)]
		case xml.StartElement:
			switch t.Name.Local {
			case "testsuite":
				if depth++; depth > maxDepth {
					return r.fault("", "suites are nested more than %d deep", maxDepth)
				}
				r.open(t)
				r.claims(t)
			case "testcase":
				err = r.testcase(t)
			case "properties":
				err = r.runProperties()
			default: // for example system-out
				_, err = r.text()
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// runProperties reads the properties of a suite. Those of regreen count the unlisted tests.
func (r *junitReader) runProperties() error {
	properties, err := r.properties()
	for _, p := range []struct {
		name string
		n    *int
	}{{"unlisted.passed", &r.file.passed}, {"unlisted.skipped", &r.file.skipped}} {
		if n, err := strconv.Atoi(properties[p.name]); err == nil && n > 0 && n <= maxLineNumber {
			*p.n = min(*p.n+n, maxLineNumber)
		}
	}
	return err
}

// properties reads to the end of an element, and returns regreen's own properties without
// their prefix.
func (r *junitReader) properties() (map[string]string, error) {
	own := map[string]string{}
	for depth := 1; depth > 0; {
		t, err := r.next()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return nil, r.fault("", "elements are nested more than %d deep", maxDepth)
			}
			if name, ok := strings.CutPrefix(attr(t, "name"), report.PropertyPrefix); ok && len(own) < 20 {
				own[name] = attr(t, "value")
			} else if attr(t, "name") == "go.version" && len(r.suites) > 0 {
				r.suites[len(r.suites)-1].golang = true
			}
		case xml.EndElement:
			depth--
		}
	}
	return own, nil
}

// text reads an element to its end and returns its text, including the text of the elements
// in it, without the blanks between these.
func (r *junitReader) text() (string, error) {
	const most = 4 * maxOutput
	var text []byte
	mark := 0 // the text after it follows the last tag
	for depth := 1; depth > 0; {
		t, err := r.next()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			text = append(text, t[:min(len(t), max(most-len(text), 0))]...)
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return "", r.fault("", "elements are nested more than %d deep", maxDepth)
			}
			if len(bytes.TrimSpace(text[mark:])) == 0 {
				text = text[:mark]
			}
			mark = len(text)
		case xml.EndElement:
			depth--
			mark = len(text)
		}
	}
	return string(text), nil
}

// junitCase is a test case.
type junitCase struct {
	pkg, test  string
	skip, todo bool
	fails      []junitFail // failure and error elements
	reruns     int         // rerunFailure and rerunError elements: it failed again
	flaky      []junitFail // flakyFailure and flakyError elements: it passed then
	output     string      // system-out and system-err
	own        map[string]string
	file       string
	line       int
	seconds    float64
}

type junitFail struct {
	typ, message, text string
	crashed            bool
}

// testcase reads a test case to its end and adds it.
func (r *junitReader) testcase(start xml.StartElement) error {
	line := r.line()
	c := &junitCase{seconds: number(cmp.Or(attr(start, "time"), attr(start, "duration")))}
	c.pkg, c.test = r.identity(start)
	c.file = r.opt.file(cmp.Or(attr(start, "file"), r.suiteFile()), "")
	if c.file != "" {
		c.line = lineNumber(attr(start, "line"))
	}
	if c.line > 0 && len(r.suites) > 0 && r.suites[0].name == "pytest" {
		c.line++ // it counts from 0
	}
	if slices.Contains([]string{"notrun", "disabled"}, attr(start, "status")) || slices.Contains([]string{"skipped", "suppressed"}, attr(start, "result")) {
		c.skip = true
	}
	for {
		t, err := r.next()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			return r.add(c, line)
		case xml.StartElement:
			if err := r.part(c, t); err != nil {
				return err
			}
		}
	}
}

// part reads an element of a test case.
func (r *junitReader) part(c *junitCase, t xml.StartElement) (err error) {
	if t.Name.Local == "properties" {
		c.own, err = r.properties()
		return err
	}
	text, err := r.text()
	fail := junitFail{attr(t, "type"), attr(t, "message"), trimmed(text), strings.HasSuffix(strings.ToLower(t.Name.Local), "error")}
	switch t.Name.Local {
	case "failure", "error":
		c.fails = append(c.fails, fail)
	case "rerunFailure", "rerunError":
		c.reruns++
	case "flakyFailure", "flakyError":
		c.flaky = append(c.flaky, fail)
	case "skipped", "ignored", "disabled":
		c.skip = true
		c.todo = c.todo || strings.EqualFold(fail.typ, "todo")
	case "system-out", "system-err":
		c.output += text
	}
	return err
}

// identity returns the package and the name of a test. The package is its class, unless
// that is a constant or the test's own name. Without such a class, it is the suites that
// contain the test.
func (r *junitReader) identity(start xml.StartElement) (pkg, test string) {
	class, test := name(attr(start, "classname")), name(attr(start, "name"))
	pkg = class
	if class == "" || class == test || class == "test" { // pytest, if it cannot collect; jest-junit; node
		var path []string
		for _, s := range r.suites {
			if s.name != "" && s.name != "undefined" {
				path = append(path, s.name)
			}
		}
		pkg = cmp.Or(name(strings.Join(path, " > ")), baseName(r.file.Name))
		if class == "" && pkg == "pytest" && test != "" {
			return test, "" // a module that cannot be collected
		}
	}
	if test == report.WholePackage {
		test = ""
	}
	return pkg, test
}

func (r *junitReader) suiteFile() string {
	for _, s := range slices.Backward(r.suites) {
		if s.file != "" {
			return s.file
		}
	}
	return ""
}

// repeat returns what a second test case of the same name means.
func (r *junitReader) repeat() repeat {
	switch n := len(r.suites); {
	case n > 0 && r.suites[n-1].golang:
		return runs
	case n > 0 && r.suites[0].name == "pytest":
		return phases
	}
	return different
}

// add adds a test case.
func (r *junitReader) add(c *junitCase, line int) error {
	a := attempt{pkg: c.pkg, test: c.test, seconds: c.seconds, file: c.file, line: c.line, declared: c.file != "", repeat: r.repeat()}
	tries := lineNumber(c.own["tries"])
	switch {
	case c.todo, c.skip && len(c.fails) == 0:
		a.status = skipped
	case len(c.fails) > 0:
		a.status, a.detail = failed, r.detail(c, c.fails)
		a.more = max(c.reruns, tries-1, 0)
	case len(c.flaky) > 0:
		a.status, a.detail = flaky, r.detail(c, c.flaky)
		a.more = max(len(c.flaky), tries-1)
	}
	return r.file.add(a, line)
}

// detail returns how a test case failed: its first failure, and the output of all.
func (r *junitReader) detail(c *junitCase, fails []junitFail) *detail {
	first := fails[0]
	var text strings.Builder
	for _, f := range fails {
		if f.text != "" {
			text.WriteString(f.text + "\n")
		}
	}
	typ, trace := first.typ, text.String()
	if before, cause, ok := strings.Cut(trace, "\n  cause: "); ok && strings.Contains(before, "failureType: ") { // node wraps what it caught
		trace = cause
		typ, _, _ = strings.Cut(cause, ":")
		typ, _, _ = strings.Cut(typ, " [")
	}
	d := &detail{
		kind: kindOf(typ, first.message, text.String(), first.crashed), status: report.FailureStatus(c.own["status"]),
		message: messageOf(first.message, text.String()), file: c.file, line: c.line,
	}
	if _, ours := c.own["status"]; !ours {
		if file, line := r.opt.located(trace, c.pkg); line > 0 && (c.file == "" || c.file == file) {
			d.file, d.line = file, line
		}
	}
	text.WriteString(c.output)
	d.output, d.truncated = r.keeper.output(text.String())
	return d
}
