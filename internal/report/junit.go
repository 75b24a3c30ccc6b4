package report

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/regreen-ci/regreen/internal/plural"
)

// Names for what JUnit XML does not cover. Package resultfile reads them back.
const (
	// PropertyPrefix is the prefix of the names of regreen's own properties.
	PropertyPrefix = "regreen."
	// WholePackage is the name of the test case for a package that failed as a whole.
	WholePackage = "[package]"
	// UnknownKind is the kind of a failure without details, usually of a test that failed
	// only because a subtest did.
	UnknownKind = "unknown"
)

// The parts of JUnit XML that are encoded one at a time. There is no standard; Surefire,
// Jenkins, GitLab and gotestsum agree on these names.
type (
	junitProperties struct {
		XMLName xml.Name        `xml:"properties"`
		All     []junitProperty `xml:"property"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		XMLName    xml.Name `xml:"testcase"`
		Class      string   `xml:"classname,attr"`
		Name       string   `xml:"name,attr"`
		Time       string   `xml:"time,attr"`
		File       string   `xml:"file,attr,omitempty"`
		Line       int      `xml:"line,attr,omitempty"`
		Properties *junitProperties
		Skipped    *struct{}    `xml:"skipped"`
		Failure    *junitDetail `xml:"failure"`
		Error      *junitDetail `xml:"error"`
		Flaky      *junitFlaky  `xml:"flakyFailure"`
	}
	junitDetail struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitFlaky struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Trace   string `xml:"stackTrace,omitempty"`
	}
)

// JUnit writes the report as JUnit XML: a suite for each package, a case for each test. A
// failed test has a message, a kind and output. A flaky test has flakyFailure elements like
// Surefire's. A package that failed as a whole is a case named WholePackage with an error.
// The properties of the first suite describe the run, and say if passed tests are not
// listed; the counts of the root include them.
//
// The text is valid XML 1.0 whatever a test printed: characters that XML cannot hold are
// made visible.
func JUnit(w io.Writer, r *Report) error {
	buf := bufio.NewWriterSize(w, 64<<10)
	if _, err := buf.WriteString(xml.Header); err != nil {
		return err
	}
	j := junitWriter{enc: xml.NewEncoder(buf)}
	j.enc.Indent("", "  ")
	j.report(r)
	if j.err == nil {
		j.err = j.enc.Close()
	}
	if j.err != nil {
		return fmt.Errorf("junit: %w", j.err)
	}
	if err := buf.WriteByte('\n'); err != nil {
		return err
	}
	return buf.Flush()
}

// junitWriter keeps the first error.
type junitWriter struct {
	enc *xml.Encoder
	err error
}

func (j *junitWriter) token(t xml.Token) {
	if j.err == nil {
		j.err = j.enc.EncodeToken(t)
	}
}

func (j *junitWriter) value(v any) {
	if j.err == nil {
		j.err = j.enc.Encode(v)
	}
}

func (j *junitWriter) open(name string, attrs ...xml.Attr) {
	j.token(xml.StartElement{Name: xml.Name{Local: name}, Attr: attrs})
}

func (j *junitWriter) close(name string) { j.token(xml.EndElement{Name: xml.Name{Local: name}}) }

func (j *junitWriter) report(r *Report) {
	suites := r.suites()
	if r.Problem != nil && r.Verdict == NotRun {
		suites = append(suites, testSuite{"regreen", []testLine{{
			Result{Package: "regreen", Status: ResultFailed},
			&Failure{Kind: string(NotRun), Status: FailureNew, Message: headline(r), Output: r.Problem.Output},
		}}})
	}
	if len(suites) == 0 {
		suites = []testSuite{{name: "regreen"}}
	}
	var all testTally
	for i := range suites {
		all.join(suites[i].tally())
	}
	passed, skipped := r.unlistedTests()
	all.tests += passed + skipped
	all.skipped += skipped
	j.open("testsuites", append([]xml.Attr{attr("name", "regreen")}, counts(all)...)...)
	for i := range suites {
		s := &suites[i]
		name := Visible(s.name)
		attrs := append([]xml.Attr{attr("name", name)}, counts(s.tally())...)
		if !r.Started.IsZero() {
			attrs = append(attrs, attr("timestamp", r.Started.UTC().Format(time.RFC3339)))
		}
		j.open("testsuite", attrs...)
		if i == 0 {
			j.value(runProperties(r))
		}
		for k := range s.lines {
			j.value(junitCaseOf(name, &s.lines[k]))
		}
		j.close("testsuite")
	}
	j.close("testsuites")
}

func attr(name, value string) xml.Attr { return xml.Attr{Name: xml.Name{Local: name}, Value: value} }

func counts(t testTally) []xml.Attr {
	n := strconv.Itoa
	return []xml.Attr{
		attr("tests", n(t.tests)), attr("failures", n(t.failed-t.errors)), attr("errors", n(t.errors)),
		attr("skipped", n(t.skipped)), attr("time", decimal(t.seconds)),
	}
}

// decimal formats a number of seconds without an exponent, which XML's decimal does not have.
func decimal(s float64) string {
	if math.IsNaN(s) || math.IsInf(s, 0) {
		s = 0
	}
	return strconv.FormatFloat(s, 'f', 3, 64)
}

// runProperties returns the properties that describe the run.
func runProperties(r *Report) *junitProperties {
	p := &junitProperties{}
	add := func(name, value string) {
		if value != "" {
			p.All = append(p.All, junitProperty{PropertyPrefix + name, value})
		}
	}
	add("run", Visible(r.ID))
	add("verdict", string(r.Verdict))
	add("summary", Summary(r))
	for _, best := range r.stories().patches() {
		add("patch", Visible(best.ID)+" "+string(best.State))
	}
	if unlisted := r.unlisted(); unlisted != "" {
		add("unlisted", unlisted)
		passed, skipped := r.unlistedTests()
		add("unlisted.passed", strconv.Itoa(passed))
		add("unlisted.skipped", strconv.Itoa(skipped))
	}
	return p
}

func junitCaseOf(class string, l *testLine) *junitCase {
	c := &junitCase{
		Class: class, Name: cmp.Or(Visible(l.Test), WholePackage),
		Time: decimal(l.Seconds), File: Visible(l.File), Line: l.Line,
	}
	var own []junitProperty
	f := l.failure
	if f == nil {
		f = &Failure{Kind: UnknownKind, Message: "failed without details; see its subtests"}
	} else {
		own = append(own, junitProperty{PropertyPrefix + "status", string(f.Status)})
	}
	if l.Tries > 1 {
		own = append(own, junitProperty{PropertyPrefix + "tries", strconv.Itoa(l.Tries)})
	}
	if len(own) > 0 {
		c.Properties = &junitProperties{All: own}
	}
	switch l.Status {
	case ResultSkipped:
		c.Skipped = &struct{}{}
	case ResultFailed:
		detail := &junitDetail{Visible(f.Text()), Visible(f.Kind), failureText(f)}
		if l.whole() {
			c.Error = detail
		} else {
			c.Failure = detail
		}
	case ResultFlaky:
		c.Flaky = &junitFlaky{Visible(f.Text()), Visible(f.Kind), failureText(f)}
	}
	return c
}

// failureText returns what a test printed, and how much of it is missing.
func failureText(f *Failure) string {
	text := plain(f.Output)
	if f.Truncated > 0 {
		text += fmt.Sprintf("\n[%s of output omitted]\n", plural.Count(f.Truncated, "byte"))
	}
	return text
}
