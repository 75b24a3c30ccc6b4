package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/report"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// memories draws an encoded memory.
func memories() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		m := parseMemory(nil)
		for range rapid.IntRange(0, 4).Draw(t, "spent") {
			key := rapid.SampledFrom([]string{"1.1", "2.1", "2.2"}).Draw(t, "run")
			m.Spent[key] = spent{Pull: rapid.IntRange(1, 2).Draw(t, "pull"), Run: key, When: noon.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "when")) * time.Hour), Seconds: float64(rapid.IntRange(0, 100).Draw(t, "seconds"))}
		}
		for range rapid.IntRange(0, 3).Draw(t, "tried") {
			key := rapid.SampledFrom([]string{"f", "g"}).Draw(t, "fingerprint")
			m.Tried[key] = tried{Head: "h", When: noon.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "when")) * time.Hour), Report: &report.Report{ID: rapid.SampledFrom([]string{"aaaaaaa", "bbbbbbb"}).Draw(t, "id")}}
		}
		doc, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return doc
	})
}

// Runs merge their memories in any order, and possibly more than once.
func TestMergeMemory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := memories().Draw(t, "a"), memories().Draw(t, "b"), memories().Draw(t, "c")
		merge := func(x, y []byte) []byte {
			out, err := mergeMemory(x, y)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if x, y := merge(a, b), merge(b, a); string(x) != string(y) {
			t.Errorf("not commutative:\n%s\n%s", x, y)
		}
		if x, y := merge(merge(a, b), c), merge(a, merge(b, c)); string(x) != string(y) {
			t.Errorf("not associative:\n%s\n%s", x, y)
		}
		if x := merge(a, a); string(x) != string(a) {
			t.Errorf("not idempotent:\n%s\n%s", x, a)
		}
	})
}

// An invalid memory counts as empty.
func TestParseMemory(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{"", "{", "[]", `{"spent":3}`, `{"tried":{"f":{}}}`, `null`, "\x00"} {
		if m := parseMemory([]byte(doc)); len(m.Spent)+len(m.Tried) != 0 || m.Spent == nil || m.Tried == nil {
			t.Errorf("%q: %+v", doc, m)
		}
	}
	dir := t.TempDir()
	m := parseMemory(nil)
	for i := range maxSpent + 5 {
		m.Spent[fmt.Sprint(i)] = spent{Pull: 1, When: time.Now().Add(-time.Duration(i) * time.Minute)}
	}
	m.Spent["old"] = spent{When: time.Now().Add(-2 * memoryAge)}
	if err := m.write(dir); err != nil {
		t.Fatal(err)
	}
	again := readMemory(dir)
	if _, newest := again.Spent["0"]; len(again.Spent) != maxSpent || !newest {
		t.Errorf("%d are kept, the newest %v", len(again.Spent), newest)
	}
	if err := os.WriteFile(filepath.Join(dir, memoryFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if m := readMemory(dir); len(m.Spent) != 0 {
		t.Errorf("%+v", m)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	m := parseMemory(nil)
	for i, run := range []string{"1.1", "2.1", "2.1", "3.1"} { // the shards of 2.1 are one search
		m.Spent[fmt.Sprint(run, i)] = spent{Pull: 7, Run: run, When: noon, Seconds: 300}
	}
	m.Spent["other"] = spent{Pull: 8, Run: "9.1", When: noon, Seconds: 1e6}
	for _, tt := range []struct {
		name   string
		pull   int
		limits limits
		left   time.Duration // 0 if the search must not start
		not    string
	}{
		{"none", 7, limits{}, 1 << 20 * time.Minute, ""},
		{"no pull request", 0, limits{searches: 1, minutes: 1}, 1 << 20 * time.Minute, ""},
		{"another pull request", 9, limits{searches: 1, minutes: 1}, time.Minute, ""},
		{"searches left", 7, limits{searches: 4}, 1 << 20 * time.Minute, ""},
		{"no searches left", 7, limits{searches: 3}, 0, "(input attempts: 3)"},
		{"minutes left", 7, limits{minutes: 25}, 5 * time.Minute, ""},
		{"no minutes left", 7, limits{minutes: 20}, 0, "(input minutes: 20)"},
		{"dollars left", 7, limits{dollars: 0.21, price: 0.01}, time.Minute, ""},
		{"no dollars left", 7, limits{dollars: 0.2, price: 0.01}, 0, "(input cost: $0.20)"},
		{"the stricter limit counts", 7, limits{minutes: 30, dollars: 0.22, price: 0.01}, 2 * time.Minute, ""},
		{"dollars without a price", 7, limits{dollars: 0.2}, 1 << 20 * time.Minute, ""},
	} {
		left, not := m.left(search{pull: tt.pull, limits: tt.limits})
		if (left-tt.left).Abs() > time.Second || (not == "") != (tt.not == "") || !strings.Contains(not, tt.not) {
			t.Errorf("%s: %s, %q, want %s, %q", tt.name, left, not, tt.left, tt.not)
		}
	}
}

// The same failures of the same commit are searched once, unless a user starts the job again.
func TestTriedOnce(t *testing.T) {
	t.Parallel()
	m := parseMemory(nil)
	this := search{pull: 7, head: "h1", run: "1.1"}
	rep := &report.Report{
		ID: "aaaaaaa", Schema: report.Schema, Verdict: report.Proposed, Fingerprint: "f", Attempts: []report.Attempt{{ID: "a1"}},
		Results: []report.Result{{Test: "T"}}, Patches: []report.Patch{{ID: "aaaaaaa-1"}}, Stats: report.Stats{Seconds: map[string]float64{"test": 30, "validate": 30}},
	}
	if m.note(this, &report.Report{Verdict: report.Green}, noon) {
		t.Error("a run that searched nothing is remembered")
	}
	if !m.note(this, rep, noon) {
		t.Error("a search is not remembered")
	}
	if n, minutes := m.cost(7); n != 1 || minutes != 1 {
		t.Errorf("%d searches of %v minutes", n, minutes)
	}
	if got := m.ask(this)("f"); got.Previous == nil || got.Previous.Patches[0].ID != "aaaaaaa-1" || got.Previous.Results != nil || !strings.Contains(got.SkipReason, "aaaaaaa") {
		t.Errorf("%+v", got)
	}
	for _, other := range []search{{pull: 7, head: "h2"}, {pull: 7, head: "h1", asked: true}} {
		if got := m.ask(other)("f"); got.Previous != nil || got.SkipReason != "" {
			t.Errorf("%+v: %+v", other, got)
		}
	}
	if got := m.ask(this)("g"); got.Previous != nil || got.SkipReason != "" {
		t.Errorf("other failures: %+v", got)
	}
	this.limits.searches = 1
	if got := m.ask(this)("g"); got.Previous != nil || got.SkipReason == "" {
		t.Errorf("above the limit: %+v", got)
	}
	this.asked = true
	if got := m.ask(this)("f"); got.Previous == nil || !strings.Contains(got.SkipReason, "(input attempts: 1)") {
		t.Errorf("started by a user above the limit: %+v", got)
	}
	// A shard searches only a part, so its outcome does not count for another one.
	for _, other := range []string{"", "2/4"} {
		m = parseMemory(nil)
		m.note(search{pull: 7, head: "h1", run: "1.1", shard: "1/4"}, rep, noon)
		if got := m.ask(search{pull: 7, head: "h1", shard: other})("f"); got.Previous != nil || len(m.Spent) != 1 {
			t.Errorf("shard %q: %+v", other, got)
		}
		if got := m.ask(search{pull: 7, head: "h1", shard: "1/4"})("f"); got.Previous == nil {
			t.Error("a shard searches its part again")
		}
	}
}
