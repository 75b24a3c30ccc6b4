package schemata

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// poolSources are the files that are added to package testing. Here they form a package of
// their own, so that tools see them; pool/testing.go takes the place of package testing.
//
//go:embed pool/pool.go pool/hooks.go pool/run.go pool/compare.go pool/holes.go pool/watch.go pool/cpu_unix.go pool/cpu_other.go
var poolSources embed.FS

// poolFiles returns the files to add to package testing, by name.
func poolFiles() (map[string][]byte, error) {
	entries, err := poolSources.ReadDir("pool")
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, e := range entries {
		src, err := poolSources.ReadFile("pool/" + e.Name())
		if err != nil {
			return nil, err
		}
		if files["zz_regreen_"+e.Name()], err = intoTesting(string(src)); err != nil {
			return nil, fmt.Errorf("pool/%s: %w", e.Name(), err)
		}
	}
	return files, nil
}

// intoTesting turns a file of directory pool into one of package testing: it changes the
// package clause, and removes the tag regreen_pool from the build constraint.
func intoTesting(src string) ([]byte, error) {
	constraint, rest, _ := strings.Cut(src, "\n")
	others, tagged := strings.CutPrefix(constraint, "//go:build regreen_pool")
	if !tagged || strings.Count(rest, "\npackage pool\n") != 1 {
		return nil, errors.New("does not have the expected build constraint and package clause")
	}
	if others, more := strings.CutPrefix(others, " && "); more {
		rest = "//go:build " + others + "\n" + rest
	}
	return []byte(strings.Replace(rest, "\npackage pool\n", "\npackage testing\n", 1)), nil
}

// testingEdits are the changes of package testing's own functions that a pool needs. Each
// pattern must match exactly once.
var testingEdits = []struct {
	pattern string
	replace string
}{
	{`(?m)^\t+deadline := m\.startAlarm\(\)$`, "\tif name := os.Getenv(\"REGREEN_POOL\"); name != \"\" {\n\t\t\tm.exitCode = m.regreenPool(name)\n\t\t\treturn\n\t\t}\n$0"},
	{`(?m)^func \(c \*common\) Fail\(\) \{$`, "$0\n\tregreenFail(c.name)"},
	{`(?m)(^func \(c \*common\) Error\([^\n]*\n(?:\t[^\n]*\n)*?)(\tc\.Fail\(\)\n)`, "$1$2\tif regreenStop(c.name, c.regreenEnding) {\n\t\tc.FailNow()\n\t}\n"},
	{`(?m)(^func \(c \*common\) Errorf\([^\n]*\n(?:\t[^\n]*\n)*?)(\tc\.Fail\(\)\n)`, "$1$2\tif regreenStop(c.name, c.regreenEnding) {\n\t\tc.FailNow()\n\t}\n"},
	{`(?m)^type common struct \{$`, "$0\n\tregreenEnding bool"},
	{`(?m)^\tfn\(t\)$`, "\tdefer func() { t.regreenEnding = true }()\n$0"},
	{`(?m)^\t\tif err != nil && t\.\w+\.isFuzzing \{$`, "\t\tif err != nil && regreenPanicked() {\n\t\t\tt.Fail()\n\t\t\tt.mu.Lock()\n\t\t\tt.finished = true\n\t\t\tt.mu.Unlock()\n\t\t\terr = nil\n\t\t}\n$0"},
	{`(?m)^func \(t \*T\) Run\(name string, f func\(t \*T\)\) bool \{$`, "$0\n\tif regreenSkip() {\n\t\treturn false\n\t}"},
}

var runTestsCall = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`:= (runTests\([^\n]*)m\.tests, deadline\)`) })

// errUnknownTesting is the error for a version of package testing that the edits do not fit.
var errUnknownTesting = errors.New("unknown version of package testing")

// editTesting returns package testing's testing.go with the calls that a pool needs.
func editTesting(src []byte) ([]byte, error) {
	call := runTestsCall().FindSubmatch(src)
	if call == nil {
		return nil, errUnknownTesting
	}
	for _, e := range testingEdits {
		pattern := regexp.MustCompile(e.pattern)
		if len(pattern.FindAll(src, 2)) != 1 {
			return nil, fmt.Errorf("%w: %s", errUnknownTesting, e.pattern)
		}
		src = pattern.ReplaceAll(src, []byte(e.replace))
	}
	run := bytes.Replace(call[1], []byte("m.deps.MatchString"), []byte("regreenMatch(m.deps.MatchString)"), 1)
	return fmt.Appendf(bytes.Clone(src), "\nfunc (m *M) regreenRun(tests []InternalTest) bool {\n\t_, ok := %stests, time.Time{})\n\treturn ok\n}\n", run), nil
}
