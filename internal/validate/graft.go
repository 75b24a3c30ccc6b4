package validate

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// poolSources are the files that package testing gets besides.
//
//go:embed pool*.go.txt
var poolSources embed.FS

// poolFiles gives them by the name that each has there.
func poolFiles() (map[string][]byte, error) {
	entries, err := poolSources.ReadDir(".")
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, e := range entries {
		if files["zz_regreen_"+strings.TrimSuffix(e.Name(), ".txt")], err = poolSources.ReadFile(e.Name()); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// grafts are the changes that make package testing fit for a pool; each place must
// be there exactly once.
var grafts = []struct {
	find string // a pattern
	put  string
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

// errUnknownTesting says that package testing is not as it is known here.
var errUnknownTesting = errors.New("package testing has a form that is not known")

// graftPool gives package testing's file testing.go with a pool grafted on.
func graftPool(src []byte) ([]byte, error) {
	call := runTestsCall().FindSubmatch(src)
	if call == nil {
		return nil, errUnknownTesting
	}
	for _, g := range grafts {
		find := regexp.MustCompile(g.find)
		if len(find.FindAll(src, 2)) != 1 {
			return nil, fmt.Errorf("%w: %s", errUnknownTesting, g.find)
		}
		src = find.ReplaceAll(src, []byte(g.put))
	}
	run := bytes.Replace(call[1], []byte("m.deps.MatchString"), []byte("regreenMatch(m.deps.MatchString)"), 1)
	return fmt.Appendf(bytes.Clone(src), "\nfunc (m *M) regreenRun(tests []InternalTest) bool {\n\t_, ok := %stests, time.Time{})\n\treturn ok\n}\n", run), nil
}
