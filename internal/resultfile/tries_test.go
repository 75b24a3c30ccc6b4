package resultfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/report"
)

// The test a, and others, as gotestsum and pytest write them.
func gotestsumCases(cases string) string {
	return `<testsuites><testsuite name="m"><properties><property name="go.version" value="go1.26.8"/></properties>` + cases + `</testsuite></testsuites>`
}

func pytestCases(cases string) string {
	return `<testsuites><testsuite name="pytest">` + cases + `</testsuite></testsuites>`
}

func goEvents(runs ...string) string {
	var b strings.Builder
	for _, run := range runs {
		failed := false
		fmt.Fprintln(&b, `{"Action":"start","Package":"m"}`)
		for _, test := range strings.Fields(run) {
			name, result, _ := strings.Cut(test, ":")
			failed = failed || result == "fail"
			fmt.Fprintf(&b, `{"Action":"run","Package":"m","Test":%q}`+"\n", name)
			fmt.Fprintf(&b, `{"Action":%q,"Package":"m","Test":%q}`+"\n", result, name)
		}
		if failed {
			fmt.Fprintln(&b, `{"Action":"output","Package":"m","Output":"FAIL\n"}`)
			fmt.Fprintln(&b, `{"Action":"fail","Package":"m"}`)
		} else {
			fmt.Fprintln(&b, `{"Action":"pass","Package":"m"}`)
		}
	}
	return b.String()
}

// TestTries checks what several results under one name in one file mean.
func TestTries(t *testing.T) {
	t.Parallel()
	const (
		other = `<testcase classname="p" name="b"/>`
		rerun = `<testcase classname="p" name="a"><failure message="bad"/><rerunFailure message="worse"/></testcase>`
	)
	for _, tt := range []struct{ name, content, want, succeeded string }{
		// Without a sign of retries, these are different tests, such as one with parameters.
		{"parameters", suite(good + bad + good), "passed a, failed a #2, passed a #3", ""},
		{"parameters, the first fails", suite(bad + good + good), "failed a, passed a #2, passed a #3", ""},
		{"parameters, the last fails", suite(good + bad), "passed a, failed a #2", ""},
		{"parameters, all pass", suite(good + good), "passed a, passed a #2", ""},
		{"parameters, one is skipped", suite(skip + good), "skipped a, passed a #2", ""},
		{"taken numbers", suite(strings.Replace(good, `"a"`, `"a #2"`, 1) + good + bad), "passed a, passed a #2, failed a #3", ""},

		// Gradle writes retries like tests with parameters. What the build says, decides.
		{"retried by Gradle", suite(bad + bad + good), "failed a, failed a #2, passed a #3", "flaky a (3)"},
		{"not retried", suite(bad + good + bad), "failed a, passed a #2, failed a #3", "failed a, passed a #2, failed a #3"},

		// Surefire and others mark them.
		{"marked as flaky", suite(retried + other), "flaky a (2), passed b", ""},
		{"marked as failed again", suite(rerun), "failed a (2)", ""},
		{"parameters, one marked as flaky", suite(retried + good + rerun), "flaky a (2), passed a #2, failed a #3 (2)", ""},

		// A name of Go is one test. gotestsum lists failures first.
		{"gotestsum --rerun-fails", gotestsumCases(bad + other + good), "flaky a (2), passed b", ""},
		{"gotestsum --rerun-fails, for nothing", gotestsumCases(bad + bad + other), "failed a (2), passed b", ""},
		{"gotestsum -count=2", gotestsumCases(bad + good + other + other), "failed a (2), passed b (2)", ""},
		{"gotestsum -count=3", gotestsumCases(bad + good + good), "failed a (3)", ""},
		{"gotestsum, a single test", gotestsumCases(bad + good), "failed a (2)", "flaky a (2)"},

		// A test of pytest that failed has another case if its clean-up fails, too.
		{"pytest, clean-up", pytestCases(bad + strings.ReplaceAll(bad, "failure", "error")), "failed a", ""},
		{"pytest, clean-up after retries", pytestCases(good + good + bad), "failed a", ""},

		{"go test", goEvents("a:pass b:pass"), "passed a, passed b", ""},
		{"go test -count=3", goEvents("a:pass b:pass a:fail b:pass a:pass b:pass"), "failed a (3), passed b (3)", ""},
		{"go test -count=2", goEvents("a:fail a:pass"), "failed a (2)", ""},
		{"go test, failures again", goEvents("a:fail b:pass", "a:fail", "a:pass"), "flaky a (3), passed b", ""},
		{"go test, failures again, for nothing", goEvents("a:fail b:pass", "a:fail"), "failed a (2), passed b", ""},
		{"go test, a subtest again", goEvents("a/x:fail a/y:pass a:fail b:pass", "a/x:pass a:pass"), "flaky a (2), flaky a/x (2), passed a/y, passed b", ""},
		{"go test, everything again", goEvents("a:fail b:pass", "a:pass b:pass"), "failed a (2), passed b (2)", "flaky a (2), passed b (2)"},

		{"TAP", "not ok 1 - same\nok 2 - same #2\nok 3 - same\n1..3\n", "failed same, passed same #2, passed same #3", ""},
		{
			"CTRF", `{"results": {"tests": [{"name": "same", "status": "failed", "filePath": "a.js"}, {"name": "same", "status": "passed", "filePath": "a.js"},` +
				` {"name": "x", "status": "passed", "retries": 2}, {"name": "y", "status": "passed", "flaky": true}, {"name": "z", "status": "passed", "retries": 2, "flaky": false},` +
				` {"name": "r", "status": "passed", "retryAttempts": [{"status": "failed", "message": "no"}]}, {"name": "s", "status": "failed", "retries": 1}]}}`,
			"failed same, passed same #2, flaky r (2), failed s (2), flaky x (3), flaky y (2), passed z", "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := Read("r", strings.NewReader(tt.content), options)
			if err != nil {
				t.Fatal(err)
			}
			r := Merge([]*File{f})
			if err := r.Check(); err != nil {
				t.Error(err)
			}
			var got []string
			for _, res := range r.Results {
				got = append(got, describe(string(res.Status), res.Test, res.Tries))
			}
			if results := strings.Join(got, ", "); results != tt.want {
				t.Errorf("got  %s\nwant %s", results, tt.want)
			}
			checkSucceeded(t, f, tt.succeeded)
		})
	}
}

func describe(status, test string, tries int) string {
	if tries > 1 {
		return fmt.Sprintf("%s %s (%d)", status, test, tries)
	}
	return status + " " + test
}

// checkSucceeded checks what the file means if the command that wrote it exited 0.
func checkSucceeded(t *testing.T, f *File, want string) {
	t.Helper()
	if want == "" {
		return
	}
	var got []string
	for _, o := range merged([]*File{f}, true) {
		status := map[Status]report.ResultStatus{Passed: report.ResultPassed, Skipped: report.ResultSkipped, Flaky: report.ResultFlaky, Failed: report.ResultFailed}[o.status]
		got = append(got, describe(string(status), o.test, o.tries))
	}
	if results := strings.Join(got, ", "); results != want {
		t.Errorf("the command succeeded: got  %s\nwant %s", results, want)
	}
}

// TestSameName checks that tests of the same name in different files, one of which fails, do
// not count as retries of one test, in any order.
func TestSameName(t *testing.T) {
	t.Parallel()
	const failure = `<failure message="no"/>`
	for name, tt := range map[string]struct{ content, want string }{
		"node": {
			`<testsuites><testcase name="same" classname="test">` + failure + `</testcase><testcase name="same" classname="test"/></testsuites>`,
			"failed r same, passed r same #2",
		},
		"node, in a suite": {
			`<testsuites><testsuite name="g"><testcase name="same" classname="test">` + failure + `</testcase></testsuite>` +
				`<testsuite name="g"><testcase name="same" classname="test"/></testsuite></testsuites>`,
			"failed g same, passed g same #2",
		},
		"node, with files": {
			`<testsuites><testcase name="same" classname="test" file="/src/m/a.mjs">` + failure + `</testcase>` +
				`<testcase name="same" classname="test" file="/src/m/b.mjs"/></testsuites>`,
			"failed r same, passed r same #2",
		},
		"mocha": {
			suite(`<testcase name="g same" classname="same" file="/src/m/a.js">` + failure + `</testcase><testcase name="g same" classname="same" file="/src/m/b.js"/>`),
			"failed same g same, passed same g same #2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Read("r.xml", strings.NewReader(tt.content), options)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, res := range Merge([]*File{f}).Results {
				got = append(got, fmt.Sprintf("%s %s %s", res.Status, res.Package, res.Test))
			}
			if results := strings.Join(got, ", "); results != tt.want {
				t.Errorf("got  %s\nwant %s", results, tt.want)
			}
		})
	}
}
