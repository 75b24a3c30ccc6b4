package report

import (
	"fmt"
	"reflect"
	"time"
)

// fullReport returns a report that fills every section of the page: two causes, one of them
// repaired, and a ledger and results of several pages.
func fullReport() *Report {
	r := partialReport()
	r.Started = time.Date(2026, 3, 2, 9, 15, 12, 0, time.UTC)
	r.Origin = &Origin{Commit: r.Environment.Head, Subject: "stats: weigh the samples by their weight", Author: "Ada Park", CommitsTested: 4, CommitsTotal: 9}
	p := &r.Patches[0]
	p.After = &Tests{Packages: 31, Passed: 1201, Failed: 3, Skipped: 3, UnaffectedPackages: 4}
	r.Bypasses = []Bypass{{Commit: "77aa31c09e5d4b", Subject: "wip", Why: "made with --no-verify", When: r.Started.Add(-time.Hour)}}
	verdicts := []AttemptVerdict{AttemptIllTyped, AttemptRejected, AttemptPruned, AttemptRejected}
	for i := range 120 {
		r.Attempts = append(r.Attempts, Attempt{
			ID: fmt.Sprintf("a%d", 40+i), Strategy: []string{"template/operator", "template/guard", "history"}[i%3], File: "stats/mean.go", Line: 9 + i%10,
			Stage: StageFailingTests, Verdict: verdicts[i%len(verdicts)], Seconds: float64(i%17) / 10, Reason: fmt.Sprintf("TestMean/empty: got %dns, want 0s", i),
		})
	}
	r.Learning = &Learning{Strategies: []Posterior{{"template/guard", 31.5, 6.2}, {"template/operator", 12, 9}, {"history", 4.5, 3}, {"llm", 1.5, 5}}}
	for i, runs := range []int{4, 9, 7, 0, 12, 10, 14, 11} {
		r.Learning.Trend = append(r.Learning.Trend, Period{r.Started.AddDate(0, 0, 7*(i-8)), runs, runs * (i + 3) / 11})
	}
	r.Results = manyResults(230)
	return r
}

// manyResults returns results of n tests, one in a hundred of them failed.
func manyResults(n int) []Result {
	results := make([]Result, n)
	for i := range results {
		results[i] = Result{
			Package: fmt.Sprintf("example.com/fleet/pkg%02d", i%31), Test: fmt.Sprintf("TestNumber%d/%s", i, []string{"empty", "one", "many"}[i%3]),
			Status: ResultPassed, Seconds: float64(i*7919%1000) / 1000, Tries: 1, File: fmt.Sprintf("pkg%02d/number_test.go", i%31), Line: 10 + i%200,
		}
		if i%100 == 7 {
			results[i].Status, results[i].Tries = ResultFailed, 3
		}
	}
	return results
}

// hostile are texts that would have an effect in a page that does not escape them.
var hostile = []string{
	`</script><script>alert(1)</script>`, `<script>alert(1)`, `<!--<script>`, `-->`, `]]>`, `<![CDATA[`, `</style><style>*{display:none}</style>`,
	`</title>`, `</pre></details></article></main>`, `<details open ontoggle=alert(1)>`, `<img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`,
	`"><b onclick=alert(1)>`, `' onfocus='alert(1)' autofocus='`, "` onclick=alert(1)", `javascript:alert(1)`, `data:text/html,<script>alert(1)</script>`,
	`http://evil.example/x.js`, `<base href=http://evil.example>`, `<meta http-equiv=refresh content=0>`, `{{.}}`, `${alert(1)}`, `&lt;b&gt;`, `&#60;b>`,
	"\u2028alert(1)\u2029", "\x00<\x00b>", "\u202e", `\u003cb>`, `\`, evil,
}

// reportWithAllTexts returns a full report with every string replaced by text, even those
// that only regreen writes.
func reportWithAllTexts(text string) *Report {
	r := fullReport()
	r.Results = r.Results[:10]
	r.Problem = &Problem{}
	plant(reflect.ValueOf(r).Elem(), text)
	return r
}

func plant(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		if !v.IsNil() {
			plant(v.Elem(), text)
		}
	case reflect.Slice:
		for i := range v.Len() {
			plant(v.Index(i), text)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			plant(v.Field(i), text)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(reflect.ValueOf(text), v.MapIndex(key))
			v.SetMapIndex(key, reflect.Value{})
		}
	}
}
