package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/lang/golang/harmless"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
)

// The module that the tests seed bugs into.
const (
	tinyMod  = "module example.com/tiny\n\ngo 1.21\n"
	tinyTest = `package tiny

import "testing"

func TestClamp(t *testing.T) {
	for in, want := range map[int]int{-3: 0, 5: 5, 30: 10} {
		if got := Clamp(in); got != want {
			t.Errorf("Clamp(%d) = %d, want %d", in, got, want)
		}
	}
}
`
)

// tinySource returns a file with the function that has the bug on line 5, and enough code
// after it for every kind of harmless hunk.
func tinySource() string {
	var b strings.Builder
	b.WriteString("package tiny\n\n// Clamp keeps n between 0 and 10.\nfunc Clamp(n int) int {\n\tif n < 0 {\n\t\treturn 0\n\t}\n\tif n > 10 {\n\t\treturn 10\n\t}\n\treturn n\n}\n")
	for i := range 20 {
		fmt.Fprintf(&b, `
// Sum%[1]d computes a sum that nobody needs.
func Sum%[1]d(n int) int {
	// The caller gets the total.
	total := n
	total += %[1]d
	return total
}
`, i)
	}
	return b.String()
}

func tinyModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": tinyMod, "tiny.go": tinySource(), "tiny_test.go": tinyTest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var tinyBug = seeded.Bug{
	ID: "guard", Module: "example.com/tiny", Version: "v1.0.0", File: "tiny.go", Line: 5,
	Fixed: "\tif n < 0 {\n\t\treturn 0\n\t}\n", Template: 2,
}

// The committed list is as README.md describes it.
func TestCommittedList(t *testing.T) {
	t.Parallel()
	bugs, err := seeded.Load("bugs.json")
	if err != nil {
		t.Fatal(err)
	}
	modules, templates := map[string]bool{}, map[int]int{}
	for _, b := range bugs {
		modules[b.Module] = true
		templates[b.Template]++
	}
	if len(bugs) < 40 || len(modules) < 10 {
		t.Errorf("%d bugs in %d modules, want at least 40 in 10", len(bugs), len(modules))
	}
	for row := 0; row <= seeded.LastTemplate; row++ {
		if templates[row] == 0 {
			t.Errorf("no bug for template %d", row)
		}
	}
}

// unified returns the diff between two versions of a file of the module.
func unified(name, before, after string) string {
	return string(patch.Format([]patch.File{patch.Diff(name, name, []byte(before), []byte(after))}))
}

func TestExact(t *testing.T) {
	t.Parallel()
	dir := tinyModule(t)
	original := tinySource()
	buggy, err := tinyBug.Seed([]byte(original))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "tiny.go")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, buggy, 0o600); err != nil {
		t.Fatal(err)
	}
	right := unified("tiny.go", string(buggy), original)
	cases := []struct {
		name, diff string
		want       bool
	}{
		{"the published code", right, true},
		{"with an extra comment", unified("tiny.go", string(buggy), strings.Replace(original, "if n < 0 {", "if n < 0 { // too low", 1)), true},
		{"another boundary", unified("tiny.go", string(buggy), strings.Replace(original, "n < 0", "n <= 0", 1)), false},
		{"changes a test as well", right + unified("tiny_test.go", tinyTest, strings.Replace(tinyTest, "30", "10", 1)), false},
		{"does not apply", unified("tiny.go", "one\ntwo\n", "one\n"), false},
		{"outside the module", strings.ReplaceAll(right, "tiny.go", "../tiny.go"), false},
		{"no diff", "", false},
	}
	for _, c := range cases {
		if got := exact(dir, tinyBug, []byte(original), c.diff); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestExactPatchRank(t *testing.T) {
	t.Parallel()
	patches := []report.Patch{
		{ID: "a", Cluster: 1, Rank: 1, State: report.PatchVerified},
		{ID: "b", Cluster: 1, Rank: 2, State: report.PatchRefused},
		{ID: "c", Cluster: 1, Rank: 3, State: report.PatchPlausible},
		{ID: "d", Cluster: 2, Rank: 1, State: report.PatchPlausible},
	}
	rankOf := func(id string) int {
		_, rank := exactPatch(patches, func(p report.Patch) bool { return p.ID == id })
		return rank
	}
	for id, want := range map[string]int{"a": 1, "b": 0, "c": 2, "d": 1, "none": 0} {
		if got := rankOf(id); got != want {
			t.Errorf("rank of %s is %d, want %d", id, got, want)
		}
	}
	if plausible, verified := count(patches); plausible != 3 || verified != 1 {
		t.Errorf("%d plausible and %d verified, want 3 and 1", plausible, verified)
	}
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := seeded.CopyTree(tinyModule(t), dir); err != nil {
		t.Fatal(err)
	}
	hunks, err := addHarmless(dir, tinyBug)
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(dir, "tiny.go"))
	if err != nil {
		t.Fatal(err)
	}
	if len(hunks) != 5 {
		t.Fatalf("got %d hunks, want 5", len(hunks))
	}
	before := tinySource()
	for i, h := range hunks {
		if slices.ContainsFunc(append(hunks[:i:i], linesOf(tinyBug)), h.Widen(harmless.Distance).Overlaps) {
			t.Errorf("hunk %v is too close to another or to the bug", h)
		}
	}
	// Every changed line is in a hunk, and every hunk has a changed line.
	changed := map[harmless.Span]bool{}
	for _, hunk := range patch.DiffContext("tiny.go", "tiny.go", []byte(before), after, 0).Hunks {
		at := harmless.Span{File: "tiny.go", Start: hunk.NewStart, End: hunk.NewStart + max(hunk.NewLines, 1) - 1}
		in := false
		for _, h := range hunks {
			if at.Overlaps(h.Widen(1)) {
				changed[h], in = true, true
			}
		}
		if !in {
			t.Errorf("lines %v changed outside the hunks %v", at, hunks)
		}
	}
	if len(changed) != len(hunks) {
		t.Errorf("only %d of the hunks %v changed something", len(changed), hunks)
	}
	for _, want := range []string{"totalValue := n", "See the tests.", "(reworded)", "func atLeastZero"} {
		if !strings.Contains(string(after), want) {
			t.Errorf("%q is missing in\n%s", want, after)
		}
	}
	if out, err := test(t.Context(), dir); err != nil {
		t.Errorf("the harmless module is red: %v\n%s", err, out)
	}
	seeded, err := tinyBug.Seed(after)
	if err != nil || len(seeded) >= len(after) {
		t.Errorf("cannot seed the bug after adding the harmless hunks: %v", err)
	}
}

func TestJudgeCulprit(t *testing.T) {
	t.Parallel()
	// The bug removes three lines, so line 60 becomes line 57.
	hunks := []harmless.Span{{File: "tiny.go", Start: 60, End: 62}, {File: "other.go", Start: 5, End: 5}}
	cases := []struct {
		files []report.Span
		want  string
	}{
		{nil, culpritNone},
		{[]report.Span{{File: "tiny.go", Start: 5, End: 5}}, culpritExact},
		{[]report.Span{{File: "tiny.go", Start: 2, End: 8}}, culpritExact},
		{[]report.Span{{File: "tiny.go", Start: 4, End: 3}}, culpritExact}, // an empty range
		{[]report.Span{{File: "tiny.go", Start: 5, End: 5}, {File: "tiny.go", Start: 57, End: 57}}, culpritMore},
		{[]report.Span{{File: "tiny.go", Start: 61, End: 61}}, culpritNone},
		{[]report.Span{{File: "other.go", Start: 5, End: 5}}, culpritWrong},
	}
	for _, c := range cases {
		if got := judgeCulprit(&report.Culprit{Files: c.files}, tinyBug, hunks); got != c.want {
			t.Errorf("%v: got %s, want %s", c.files, got, c.want)
		}
	}
	if got := judgeCulprit(nil, tinyBug, hunks); got != culpritNone {
		t.Errorf("no culprit: %s", got)
	}
}

func TestTotals(t *testing.T) {
	t.Parallel()
	got := totals([]Result{
		{Plausible: 2, Exact: true, Rank: 1, Seconds: 10, Culprit: culpritExact},
		{Plausible: 3, Exact: true, Rank: 3, Seconds: 30, Culprit: culpritMore},
		{Plausible: 1, Seconds: 20},
		{Problem: "no network"},
	})
	want := Totals{Bugs: 4, PlausiblePercent: 75, ExactPercent: 50, ExactFirst: 25, CulpritPercent: 25, MedianSeconds: 20, Problems: 1}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// fakeRegreen returns a program that writes rep to the file of --json. It writes its
// arguments and the state of the repository to the file seen.
func fakeRegreen(t *testing.T, rep report.Report) (binary, seen string) {
	t.Helper()
	dir := t.TempDir()
	rep.Schema = report.Schema
	data, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	canned := filepath.Join(dir, "canned.json")
	seen = filepath.Join(dir, "seen")
	binary = filepath.Join(dir, "regreen")
	script := fmt.Sprintf(`#!/bin/sh
echo "$@" > '%s'
git status --porcelain >> '%[1]s'
git rev-list --count HEAD >> '%[1]s'
while [ "$1" != --json ]; do shift; done
cp '%[2]s' "$2"
exit 1
`, seen, canned)
	if err := os.WriteFile(canned, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, []byte(script), 0o700); err != nil { //nolint:gosec // it must run
		t.Fatal(err)
	}
	return binary, seen
}

func newBench(t *testing.T, binary string, history bool) (*bench, *bytes.Buffer) {
	var out bytes.Buffer
	return &bench{
		options: options{regreen: binary, jobs: 1, budget: time.Second, history: history},
		modules: &seeded.Modules{Temp: t.TempDir(), Dirs: map[string]string{"example.com/tiny@v1.0.0": tinyModule(t)}},
		stdout:  &out, stderr: &out,
	}, &out
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	buggy, err := tinyBug.Seed([]byte(tinySource()))
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Replace(string(buggy), "\treturn n\n", "\tif n < 1 {\n\t\treturn 0\n\t}\n\treturn n\n", 1)
	binary, seen := fakeRegreen(t, report.Report{
		Verdict: report.Red,
		Patches: []report.Patch{
			{Rank: 1, Cluster: 1, State: report.PatchPlausible, Strategy: "b", Diff: unified("tiny.go", string(buggy), wrong)},
			{Rank: 2, Cluster: 1, State: report.PatchVerified, Strategy: "a", Attempt: "3", Diff: unified("tiny.go", string(buggy), tinySource())},
		},
		Attempts: []report.Attempt{{ID: "1"}, {ID: "2"}, {ID: "3"}},
		Stats:    report.Stats{Validated: 7},
	})
	b, out := newBench(t, binary, false)
	ok, err := b.measureAll(t.Context(), []seeded.Bug{tinyBug})
	if err != nil || !ok {
		t.Fatalf("%v %v\n%s", ok, err, out)
	}
	if !strings.Contains(out.String(), "guard: exact at rank 2 of 2, tried as number 3, 7 candidates") ||
		!strings.Contains(out.String(), "exact patch, at any rank            100 %") ||
		!strings.Contains(out.String(), "exact patch, at rank 1              0 %") {
		t.Errorf("printed\n%s", out)
	}
	args, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(args), "--apply never --seed 1") || !strings.HasSuffix(string(args), "--exclude-strategies revert\n1\n") {
		t.Errorf("regreen was called in a changed tree, with more than one commit, or with the wrong flags: %s", args)
	}
	left, err := os.ReadDir(b.modules.Temp)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestMeasureHistory(t *testing.T) {
	t.Parallel()
	binary, seen := fakeRegreen(t, report.Report{
		Verdict: report.Red,
		Culprit: &report.Culprit{Files: []report.Span{{File: "tiny.go", Start: 5, End: 5}}},
	})
	b, out := newBench(t, binary, true)
	if ok, err := b.measureAll(t.Context(), []seeded.Bug{tinyBug}); err != nil || !ok {
		t.Fatalf("%v %v\n%s", ok, err, out)
	}
	if !strings.Contains(out.String(), "culprit is exactly the bug's hunk   100 %") {
		t.Errorf("printed\n%s", out)
	}
	args, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(args), "--base HEAD~1 --strategies revert\n2\n") {
		t.Errorf("regreen was called with %s", args)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	harmlessBug := tinyBug
	harmlessBug.ID, harmlessBug.Line, harmlessBug.Fixed, harmlessBug.Buggy = "no-bug", 17, "total", "total"+" "
	b, out := newBench(t, "", false)
	if b.verifyAll(t.Context(), []seeded.Bug{tinyBug, harmlessBug}) {
		t.Errorf("a change that no test detects counts as a bug:\n%s", out)
	}
	if !strings.Contains(out.String(), "1 of 2 bugs in 1 modules can be measured") {
		t.Errorf("printed\n%s", out)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, out := newBench(t, "/nowhere", false)
	if ok, err := b.measureAll(ctx, []seeded.Bug{tinyBug}); ok || err == nil {
		t.Errorf("an interrupted run counts as done:\n%s", out)
	}
	if left, err := os.ReadDir(b.modules.Temp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// With -commit, the code around the bug changes in the same commit, and the patch may use any
// strategy. It is exact if it restores the published code, or the code before.
func TestMeasureCommit(t *testing.T) {
	t.Parallel()
	bug := tinyBug
	bug.Line, bug.Fixed = 8, "\tif n > 10 {\n\t\treturn 10\n\t}\n"
	bug.Before = "\tif most := 10; n > most {\n\t\treturn most\n\t}\n"
	bug.Buggy = "\tif n > 10 {\n\t\treturn 11\n\t}\n"
	b, _ := newBench(t, "", false)
	dir := filepath.Join(t.TempDir(), "repo")
	if err := b.modules.Checkout(t.Context(), bug, dir); err != nil {
		t.Fatal(err)
	}
	b.commit = true
	if err := initRepository(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	hunks, err := b.goodCommit(t.Context(), bug, dir)
	if err != nil || len(hunks) < 10 {
		t.Fatalf("%d harmless hunks, %v", len(hunks), err)
	}
	published, err := bug.SeedFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	buggy, err := os.ReadFile(filepath.Join(dir, bug.File))
	if err != nil {
		t.Fatal(err)
	}
	before, err := bug.Unseeded(published)
	if err != nil {
		t.Fatal(err)
	}
	for want, text := range map[bool]string{true: string(published), false: string(buggy)} {
		if got := exact(dir, bug, published, unified(bug.File, string(buggy), text)+"\n"); got != want {
			t.Errorf("got %v, want %v, for\n%s", got, want, text)
		}
	}
	if !exact(dir, bug, published, unified(bug.File, string(buggy), string(before))) {
		t.Error("the code before is not exact")
	}
	old, err := seeded.Run(t.Context(), dir, "git", "show", "HEAD:"+bug.File)
	if err != nil || !strings.Contains(string(old), bug.Before) || strings.Contains(string(old), "totalValue") {
		t.Errorf("the first commit has\n%s%v", old, err)
	}

	binary, seen := fakeRegreen(t, report.Report{Verdict: report.Red, Stats: report.Stats{FirstVerdictSeconds: 1.25}})
	b, out := newBench(t, binary, false)
	b.commit = true
	if ok, err := b.measureAll(t.Context(), []seeded.Bug{bug}); err != nil || !ok || !strings.Contains(out.String(), "1.2 ") {
		t.Fatalf("%v %v\n%s", ok, err, out)
	}
	args, err := os.ReadFile(seen)
	if err != nil || !strings.HasSuffix(string(args), "--base HEAD~1\n2\n") {
		t.Errorf("regreen was called with %s, %v", args, err)
	}
}
