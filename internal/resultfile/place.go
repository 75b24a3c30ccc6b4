package resultfile

import (
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// file is a name that a tool gave as a slash-separated path of the tree, or "" when
// it is outside, or belongs to others. When it is from text, where Go and Java leave out the
// folder, pkg is the package of the test, which tells it for Go.
func (o Options) file(name, pkg string) string {
	name = strings.TrimPrefix(name, "file://")
	if filepath.IsAbs(name) {
		rel, err := filepath.Rel(o.Root, filepath.Clean(name))
		if o.Root == "" || err != nil || !filepath.IsLocal(rel) {
			return ""
		}
		name = rel
	}
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if strings.HasSuffix(name, ".go") {
		name = o.goFile(name, pkg)
	} else if bare := []string{".java", ".kt", ".scala", ".groovy"}; pkg != "" && !strings.Contains(name, "/") && slices.Contains(bare, path.Ext(name)) {
		return "" // of a stack trace, which leaves out the folder
	}
	if name == "" || name == "." || !fs.ValidPath(name) {
		return ""
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "node_modules" || part == "site-packages" || part == "vendor" {
			return ""
		}
	}
	return name
}

// goFile puts a file in its folder when only its base name is told, and a path of a
// module's, as -trimpath gives it, in the module's folder.
func (o Options) goFile(name, pkg string) string {
	if !strings.Contains(name, "/") && pkg != "" {
		name = pkg + "/" + name
	}
	best, dir := "", ""
	for _, m := range o.Modules {
		if m.Path != "" && len(m.Path) > len(best) && strings.HasPrefix(name, m.Path+"/") {
			best, dir = m.Path, m.Dir
		}
	}
	if best != "" {
		return path.Join(dir, strings.TrimPrefix(name, best+"/"))
	}
	if pkg != "" && strings.HasPrefix(name, pkg+"/") {
		return ""
	}
	return name
}

// sources are the names that places in text have: without the list an address with a
// port would be one.
const sources = `go|py|[mc]?[jt]sx?|java|kts?|scala|groovy|rs|rb|php|c|cc|cpp|cxx|h|hpp|cs|fs|vb|swift|mm?|exs?|erl|cljs?|dart|lua|p[lm]|t|r|jl|hs|ml|sh|bats|vue|svelte|zig|nim`

// places match how tools write a place: x.go:3, File "x.py", line 3, x.t line 3.
var places = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`File "([^"\n]+)", line (\d+)`),
		regexp.MustCompile(`\bat (\S+\.(?:t|p[lm])) line (\d+)`),
		regexp.MustCompile(`((?:file://)?(?:[A-Za-z]:)?[\w./\\@+~-]*\w\.(?:` + sources + `)):(\d+)\b`),
	}
})

// located finds the first place in text that is in the tree; of more than maxSearched
// bytes only the beginning is searched.
func (o Options) located(text, pkg string) (file string, line int) {
	const maxSearched = 16 << 10
	text = text[:min(len(text), maxSearched)]
	for _, form := range places() {
		for _, m := range form.FindAllStringSubmatch(text, 40) {
			n, err := strconv.Atoi(m[2])
			if err != nil || n < 1 || n > maxLineNumber {
				continue
			}
			if file := o.file(m[1], pkg); file != "" {
				return file, n
			}
		}
	}
	return "", 0
}

// maxLineNumber is more than any file has, and less than what overflows anywhere.
const maxLineNumber = 1 << 30

// lineNumber reads a line number; 0 stands for none.
func lineNumber(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n > maxLineNumber {
		return 0
	}
	return n
}
