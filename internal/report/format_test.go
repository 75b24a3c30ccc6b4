package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// written returns a report in a format.
func written(t interface{ Fatal(...any) }, format string, r *Report) []byte {
	f, ok := FormatNamed(format)
	if !ok {
		t.Fatal("no format", format)
	}
	var buf bytes.Buffer
	if err := f.Write(&buf, r, Options{}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestFormatGolden compares the formats for programs with golden files.
func TestFormatGolden(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		switch e.name {
		case "proposed", "partial", "flaky", "not-run", "hostile":
		default:
			continue
		}
		for _, format := range []string{"junit", "ctrf", "sarif", "annotations"} {
			golden(t, e.name+"."+format, written(t, format, e.make()))
		}
	}
	golden(t, "listed.junit", written(t, "junit", listedReport()))
	golden(t, "listed.ctrf", written(t, "ctrf", listedReport()))
}

// listedReport lists every test of the run.
func listedReport() *Report {
	r := flakyReport()
	r.Verdict = Red
	known := knownReport().Failures[0]
	f := redReport().Failures[0]
	r.Failures = append(r.Failures, known, f, Failure{ID: "example.com/fleet/api", Package: "example.com/fleet/api", Kind: "compile", Status: FailureNew, Message: "undefined: retry.Backoff", File: "api/api.go", Line: 40})
	r.Failures[2].Cluster = 0
	r.Results = []Result{
		{Package: f.Package, Test: "TestMean", Status: ResultFailed, Seconds: 0.25, File: "stats/mean_test.go", Line: 11},
		{Package: f.Package, Test: f.Test, Status: ResultFailed, Seconds: 0.125},
		{Package: known.Package, Test: known.Test, Status: ResultFailed, Seconds: 1.5, Tries: 2},
		{Package: f.Package, Test: "TestMedian", Status: ResultPassed, Seconds: 0.0004},
		{Package: "example.com/fleet/queue", Test: "TestDrain", Status: ResultFlaky, Seconds: 30, Tries: 3},
		{Package: "example.com/fleet/queue", Test: "TestRemote", Status: ResultSkipped},
	}
	r.Tests = Tests{Packages: 4, Passed: 1, Failed: 5, Skipped: 1}
	return r
}

// TestFormatsAreDocumented refuses incomplete and duplicate rows of the table.
func TestFormatsAreDocumented(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range Formats() {
		if f.Name == "" || !strings.HasPrefix(f.Ext, ".") || !strings.Contains(f.Media, "/") || f.Doc == "" || strings.Contains(f.Doc, "\n") || f.Write == nil {
			t.Errorf("%+v is not complete", f)
		}
		if seen[f.Name] || !strings.Contains(FormatNames(), f.Name) {
			t.Errorf("%s is a duplicate or not listed", f.Name)
		}
		seen[f.Name] = true
	}
	if _, ok := FormatNamed("pdf"); ok {
		t.Error("the format pdf exists")
	}
}

// TestFormatsReturnWriteErrors checks that a full disk is an error.
func TestFormatsReturnWriteErrors(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	for _, f := range Formats() {
		if err := f.Write(failing{full}, partialReport(), Options{}); !errors.Is(err, full) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestFormatsAreDeterministic writes each report twice.
func TestFormatsAreDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		for _, f := range Formats() {
			if first, second := written(t, f.Name, r), written(t, f.Name, r); !bytes.Equal(first, second) {
				t.Fatalf("%s differs", f.Name)
			}
		}
	})
}

// junitFile is JUnit XML for an independent reader.
type junitFile struct {
	XMLName xml.Name `xml:"testsuites"`
	Tests   int      `xml:"tests,attr"`
	Suites  []struct {
		Name  string `xml:"name,attr"`
		Tests int    `xml:"tests,attr"`
		Cases []struct {
			Class   string    `xml:"classname,attr"`
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Flaky   *struct{} `xml:"flakyFailure"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestJUnitIsWellFormedAndComplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		b := written(t, "junit", r)
		var doc junitFile
		if err := xml.Unmarshal(b, &doc); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		named := map[string]bool{}
		for _, s := range doc.Suites {
			if s.Tests != len(s.Cases) {
				t.Fatalf("suite %q counts %d tests and has %d", s.Name, s.Tests, len(s.Cases))
			}
			for _, c := range s.Cases {
				if c.Failure != nil || c.Error != nil || c.Flaky != nil {
					named[c.Class+"\x00"+c.Name] = true
				}
			}
		}
		for _, f := range r.Failures {
			if !named[inXML(Visible(f.Package)+"\x00"+cmp.Or(Visible(f.Test), WholePackage))] {
				t.Fatalf("%q %q is missing:\n%s", f.Package, f.Test, b)
			}
		}
	})
}

// inXML replaces the characters of visible text that XML cannot hold.
func inXML(s string) string {
	return strings.NewReplacer("\ufffe", "\ufffd", "\uffff", "\ufffd").Replace(s)
}

func schemaOf(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "schemas", name))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemasCanFail checks that the external schemas refuse invalid documents.
func TestSchemasCanFail(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"ctrf.json":  `{"reportFormat":"CTRF","specVersion":"0.0.0","results":{"tool":{"name":"x"},"tests":[]}}`,
		"sarif.json": `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"ruleId":"x"}]}]}`,
	} {
		if err := validate(schemaOf(t, name), []byte(doc)); err == nil {
			t.Errorf("%s accepts %s", name, doc)
		}
	}
}

func TestCTRFMatchesItsSchema(t *testing.T) {
	t.Parallel()
	s := schemaOf(t, "ctrf.json")
	check := func(t interface {
		Fatal(...any)
		Fatalf(string, ...any)
	}, r *Report,
	) {
		b := written(t, "ctrf", r)
		if err := validate(s, b); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		var doc struct {
			Results struct {
				Tests []struct {
					Name, Status string
					Flaky        bool
					Suite        []string
				}
			}
		}
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for _, test := range doc.Results.Tests {
			if test.Flaky || test.Status == "failed" {
				named[strings.Join(test.Suite, "")+"\x00"+test.Name] = true
			}
		}
		for _, f := range r.Failures {
			pkg := Visible(f.Package)
			if !named[pkg+"\x00"+cmp.Or(Visible(f.Test), pkg, WholePackage)] {
				t.Fatalf("%q %q is missing:\n%s", f.Package, f.Test, b)
			}
		}
	}
	for _, e := range examples {
		check(t, e.make())
	}
	check(t, listedReport())
	rapid.Check(t, func(t *rapid.T) { check(t, reports().Draw(t, "report")) })
}

func TestSARIFMatchesItsSchema(t *testing.T) {
	t.Parallel()
	s := schemaOf(t, "sarif.json")
	check := func(t interface {
		Fatal(...any)
		Fatalf(string, ...any)
	}, r *Report,
	) {
		b := written(t, "sarif", r)
		if err := validate(s, b); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		var doc struct {
			Runs []struct {
				Results []struct {
					Locations []struct {
						LogicalLocations []struct{ FullyQualifiedName string }
					}
				}
			}
		}
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{"": true}
		for _, res := range doc.Runs[0].Results {
			named[res.Locations[0].LogicalLocations[0].FullyQualifiedName] = true
		}
		for _, f := range r.Failures {
			if !named[Visible(f.ID)] {
				t.Fatalf("%q is missing:\n%s", f.ID, b)
			}
		}
	}
	for _, e := range examples {
		check(t, e.make())
	}
	rapid.Check(t, func(t *rapid.T) { check(t, reports().Draw(t, "report")) })
}

// TestSARIFLeavesOutTheLeastSevere has more failures than GitHub accepts.
func TestSARIFLeavesOutTheLeastSevere(t *testing.T) {
	t.Parallel()
	r := baseReport()
	for i := range sarifResults {
		r.Failures = append(r.Failures, Failure{ID: fmt.Sprint("known", i), Status: FailureKnown, Kind: "assertion"})
	}
	r.Failures = append(r.Failures, Failure{ID: "the new one", Status: FailureNew, Kind: "assertion"})
	b := string(written(t, "sarif", r))
	if n := strings.Count(b, `"ruleId"`); n != sarifResults {
		t.Errorf("got %d results", n)
	}
	if !strings.Contains(b, "the new one") || !strings.Contains(b, "1 more failure left out") {
		t.Error("the new failure is left out, or the log does not say so")
	}
}

// command matches a workflow command like GitHub.
var command = regexp.MustCompile(`^::(error|warning|notice) (?:[a-zA-Z]+=[^,:]*)(?:,[a-zA-Z]+=[^,:]*)*::.*$`)

func TestWorkflowCommandsAreSingleLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		for range rapid.SampledFrom([]int{0, 0, 12, 40}).Draw(t, "more") {
			r.Failures = append(r.Failures, Failure{ID: texts().Draw(t, "id"), Status: FailureNew, Message: "fails"})
		}
		b := written(t, "annotations", r)
		shown := map[string]int{}
		for line := range strings.Lines(string(b)) {
			m := command.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
			if m == nil || strings.ContainsAny(line, "\r\x1b") {
				t.Fatalf("%q is not a command", line)
			}
			shown[m[1]]++
		}
		want := map[string]int{}
		for _, a := range Annotations(r) {
			want[a.Level]++
			if utf8.RuneCountInString(a.Title) > 255 || len(a.Message) > 64<<10 || a.Title == "" && a.Message == "" {
				t.Fatalf("%+v", a)
			}
		}
		for level, n := range want {
			if shown[level] != min(n, 10) {
				t.Fatalf("%d %ss of %d", shown[level], level, n)
			}
			if n > 10 && !strings.Contains(string(b), fmt.Sprintf("%d more %ss not shown", n-9, level)) {
				t.Fatalf("the %d %ss left out are not counted:\n%s", n-9, level, b)
			}
		}
	})
}

// TestFormatsStream checks that the results of many tests are written in pieces, not
// collected in memory.
func TestFormatsStream(t *testing.T) {
	t.Parallel()
	r := baseReport()
	for i := range 20_000 {
		r.Results = append(r.Results, Result{Package: "p", Test: fmt.Sprint("Test", i), Status: ResultPassed})
	}
	for _, format := range []func(io.Writer, *Report) error{JUnit, CTRF} {
		var p pieces
		if err := format(&p, r); err != nil {
			t.Fatal(err)
		}
		if p.most > 256<<10 || p.total < 1<<20 {
			t.Errorf("wrote a piece of %d of %d bytes", p.most, p.total)
		}
	}
}

type pieces struct{ most, total int }

func (p *pieces) Write(b []byte) (int, error) {
	p.most, p.total = max(p.most, len(b)), p.total+len(b)
	return len(b), nil
}
