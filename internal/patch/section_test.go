package patch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/patch"
)

// drivers are git's names for the languages that both know.
const drivers = `
*.go diff=golang
*.py diff=python
*.c diff=cpp
*.cpp diff=cpp
*.rs diff=rust
*.rb diff=ruby
*.md diff=markdown
*.java diff=java
*.kt diff=kotlin
*.php diff=php
`

// TestSectionsMatchGit compares the sections with git's for a change to each line of each
// source, and for changes to several lines. It lists all differences.
func TestSectionsMatchGit(t *testing.T) {
	t.Parallel()
	type difference struct{ file, git, ours string }
	// The values say why ours is better.
	deliberate := map[difference]string{
		{"stack.go", "func() {", "func (s *Stack[T]) Each("}:                                           "a closure names nothing",
		{"stack.go", "type pair struct {", "func (s *Stack[T]) Push(v T) {"}:                           "a type inside a function ends before the function does",
		{"stack.go", "type Stack[T any] struct {", "type Stack[T any] struct { // the last is on top"}: "lines are shown as they are",
		{"stack.rs", "pub fn new() -> Self {", "pub const unsafe fn at(&self, i: usize) -> &T {"}:      "a function can be both const and unsafe",
		{"stack.rb", "def top", `it "is empty" do`}:                                                    "a reader looks for the test case",
		{"stack.rb", "def top", "RSpec.describe Stacks::Stack do"}:                                     "and for what it tests",
		{"Stack.java", "else if (n < 0) {", "double share(int n) {"}:                                   "a condition is not a method",
		{"Stack.java", "public static <T> Stack of(T... values)", "double share(int n) {"}:             "git takes double for do",
		{"stack.kt", "fun push(v: T) {", "companion object {"}:                                         "an object is like a class",
		{"stack.php", "function ($v) {", "public static function each(callable $f)"}:                   "a closure names nothing",
	}
	corpus, err := txtar.ParseFile("testdata/sections.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	output(t, dir, "git", "init", "-q")
	write := func(name string, content []byte) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(".gitattributes", []byte(drivers))
	ours := make(map[string]patch.File)
	for _, source := range corpus.Files {
		lines := strings.SplitAfter(string(source.Data), "\n")
		lines = lines[:len(lines)-1]
		for step := 1; step <= len(lines); step++ { // changes the lines step, 2*step, ...
			edit := func(name string, lines []string) {
				old, new := source.Data, []byte(strings.Join(lines, ""))
				write("old/"+name, old)
				write("new/"+name, new)
				ours[name] = patch.Diff(name, name, old, new)
			}
			several, one := slices.Clone(lines), slices.Clone(lines)
			for i := step - 1; i < len(lines); i += step {
				several[i] = "1\n"
			}
			one[step-1] = "1\n"
			edit(fmt.Sprintf("%s/several%d%s", source.Name, step, filepath.Ext(source.Name)), several)
			edit(fmt.Sprintf("%s/one%d%s", source.Name, step, filepath.Ext(source.Name)), one)
		}
	}
	files, err := patch.Parse(output(t, dir, "git", "diff", "--no-index", "old", "new"), patch.ParseOptions{Strip: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(ours) {
		t.Fatalf("git reports %d files, want %d", len(files), len(ours))
	}
	alike := 0
	met := make(map[string]bool) // our sections; another version of git may agree with them
	for _, f := range files {
		source, _, _ := strings.Cut(f.NewName, "/")
		for i, h := range f.Hunks {
			d := difference{source, h.Section, ours[f.NewName].Hunks[i].Section}
			met[d.ours] = true
			if d.git == d.ours {
				alike++
			} else if deliberate[d] == "" {
				t.Errorf("%s, line %d: got %q, git has %q", f.NewName, h.OldStart, d.ours, d.git)
			}
		}
	}
	if alike < len(files) {
		t.Errorf("only %d sections in %d files are the same as git's", alike, len(files))
	}
	for d, why := range deliberate {
		if !met[d.ours] {
			t.Errorf("%q does not occur (%s)", d, why)
		}
	}
}

// TestHeadings checks which lines are headings, mainly in languages that git does not know
// or that TestSectionsMatchGit leaves out.
func TestHeadings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		yes, not []string
	}{
		{
			"x.ts",
			[]string{
				"function f() {", "export default async function* f(", "class A extends B {", "export abstract class A {",
				"export const f = (a: number): string => {", "const f = async x => x", "let f = function () {", "const f = (",
				"  constructor(private a: string) {", "  async *each<T>(f: (v: T) => void): Promise<void> {", "  get size() {", "  static of(...xs) {", "\t#secret() {",
				"describe('stack', () => {", "  it.each(cases)('is %s', (n) => {", "  test(`x`, async () => {", "interface A {", "export enum E {", "declare namespace N {",
			},
			[]string{
				"const n = 3;", "  if (a) {", "  } else if (b) {", "  for (const x of xs()) {", "  switch (x) {", "  while (f(x)) {", "  return f(x);", "  foo(a, function () {",
				"  foo(a, () => {", "  const inner = (x) => {", "import { a } from 'b';", "  f(x);", "// class of its own", "  } catch (e) {", "classes.push(1);", "  await f(x, {",
			},
		},
		{
			"x.cs",
			[]string{"namespace A", "public sealed class A<T> : B", "    public async Task<int> Get(", "    Dictionary<string, int> F(int a)", "    internal record struct P(int a);", "    public static A operator_(A a)"},
			[]string{"using System;", "    if (a)", "    else if (b)", "    foreach (var x in xs)", "    return f(x)", "    await F(", "    using (var x = y)", "    F(x);", "    var x = f(", "    x = new A(", "    lock (x)"},
		},
		{
			"x.swift",
			[]string{"func f() {", "    public static func f<T>(_ x: T) -> Int {", "struct A {", "extension A: B {", "@objc class A {", "    private(set) class func f()", "    init?(x: Int) {", "    deinit {", "    subscript(i: Int) -> Int {", "actor A {", "protocol P: AnyObject {"},
			[]string{"let x = 3", "    if x {", "    guard let x = f() else {", "    case .a:", "    initialize()", "import Foundation"},
		},
		{
			"x.sh",
			[]string{"f() {", "function f {", "function f() {", "  my-f ( ) {", "@test \"adds\" {"},
			[]string{"f", "if f; then", "echo f()", "x=$(f)", "case x in", "(cd x)"},
		},
		{"x.kt", []string{"object A {", "    override fun f() {", "sealed interface A"}, []string{"val objects = 1", "    funny()", "import a.b"}},
		{"x.php", []string{"abstract class A", "    protected static function &f()", "enum E: string"}, []string{"    return function () {", "namespace A;", "$f = 1;", "function () {"}},
		{"x.java", []string{"    public List<int[]> f(int a) {", "interface A", "class A {"}, []string{"        foo(a, b)", "        synchronized (x) {", "        int x = f();", "    }", "  try (var x = f()) {"}},
		{"x.MD", []string{"# A", "   ###### B"}, []string{"    # A", "#A", "A"}},
		{"Makefile", []string{"all: x", "_a", "$(A): b"}, []string{"\tgo build", " a", "#a", "é", "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			section := func(line string) string {
				filler := strings.Repeat("\n", 10)
				return patch.Diff(tt.name, tt.name, []byte(line+filler+"-"), []byte(line+filler+"+")).Hunks[0].Section
			}
			for _, line := range tt.yes {
				if got, want := section(line), strings.TrimSpace(line); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			for _, line := range tt.not {
				if got := section(line); got != "" {
					t.Errorf("%q counts as a heading", got)
				}
			}
		})
	}
}

// TestSectionsRoundTrip checks, for headings of any bytes, that Format and Parse preserve
// the sections, and that sections are not too long.
func TestSectionsRoundTrip(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{
		"x", " ", "\r", "\t", "\v", "\f", "é", "\u00a0", "\u2028", "\u0085", "\ufeff", "😀", "\xff", "\xa0", "\x85", "\xf0\x9f", "@@", " @@ ", "\\", "\x1b[31m", "func ",
		strings.Repeat("long", 15), strings.Repeat("ø", 38), strings.Repeat("\x80", 90), strings.Repeat(" ", 30),
	})
	name := rapid.SampledFrom([]string{"x", "x.go", "x.c", "x.md", "x.js"})
	cut := 0
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"a", "func ", "# ", ""}).Draw(t, "start") + strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "rest"), "")
		before := line + strings.Repeat("\n", 8)
		files := []patch.File{patch.Diff(name.Draw(t, "name"), "x", []byte(before+"-\n"), []byte(before+"+\n"))}
		again, err := patch.Parse(patch.Format(files))
		if err != nil {
			t.Fatal(err)
		}
		section := files[0].Hunks[0].Section
		if got := again[0].Hunks[0].Section; got != section {
			t.Fatalf("%q became %q", section, got)
		}
		if len(section) > 80 || !strings.Contains(line, section) {
			t.Fatalf("%q became %q", line, section)
		}
		if utf8.ValidString(line) && !utf8.ValidString(section) {
			t.Fatalf("a character of %q is cut: %q", line, section)
		}
		if section != "" && len(section) < len(strings.TrimSpace(line)) {
			cut++
		}
	})
	if cut == 0 {
		t.Error("no line was too long")
	}
}

// TestHunksWithoutContextHaveNoSection: delta debugging recombines such hunks, and nobody
// reads them.
func TestHunksWithoutContextHaveNoSection(t *testing.T) {
	t.Parallel()
	if got := patch.DiffContext("x", "x", []byte("a\nb\n"), []byte("a\nc\n"), 0).Hunks[0].Section; got != "" {
		t.Errorf("got %q", got)
	}
	if got := patch.DiffContext("x", "x", []byte("a\nb\nc\n"), []byte("a\nb\nd\n"), 1).Hunks[0].Section; got != "a" {
		t.Errorf("with context: got %q", got)
	}
}

// BenchmarkSections compares a search for a section that ends immediately with one through
// all lines before the change.
func BenchmarkSections(b *testing.B) {
	body := strings.Repeat("\tif err := do(ctx, value); err != nil {\n\t\treturn err\n\t}\n\n", 1250)
	for _, bb := range []struct{ name, old string }{
		{"near", body + "func f() {\n\n\n\n\n-\n"},
		{"far", "func f() {\n" + body + "\n\n\n\n-\n"},
		{"none", body + "\n\n\n\n\n-\n"},
	} {
		for _, file := range []string{"x.go", "x.java", "x.js", "x.cs", "x.txt"} {
			b.Run(bb.name+"/"+file, func(b *testing.B) {
				old := []byte(bb.old)
				new := []byte(strings.Replace(bb.old, "-\n", "+\n", 1))
				for b.Loop() {
					patch.Diff(file, file, old, new)
				}
			})
		}
	}
}
