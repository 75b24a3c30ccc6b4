package resultfile

import (
	"cmp"
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

// places match how tools write a place: x.go:3, x.java:[3,1], x.ts(3,1), File "x.py",
// line 3, x.t line 3.
var places = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`File "([^"\n]+)", line (\d+)`),
		regexp.MustCompile(`\bat (\S+\.(?:t|p[lm])) line (\d+)`),
		regexp.MustCompile(`((?:file://)?(?:[A-Za-z]:)?[\w./\\@+~-]*\w\.(?:` + sources + `)):\[?(\d+)\b`),
		regexp.MustCompile(`((?:[A-Za-z]:)?[\w./\\@+~-]*\w\.(?:` + sources + `))\((\d+)[,)]`),
	}
})

// Place is where a text names a line of a file.
type Place struct {
	Name       string // of the file, as the text has it
	Line       int
	Start, End int // of the bytes that name it
}

// Places returns what names a line of a file in text, in its order. Of a very long text
// only the beginning is searched.
func Places(text string) []Place {
	const most = 200 // of a form
	var found []Place
	for _, form := range places() {
		found = append(found, matches(form, text[:min(len(text), maxOutput)], most)...)
	}
	slices.SortStableFunc(found, func(a, b Place) int { return cmp.Compare(a.Start, b.Start) })
	return found
}

// matches are the places of one form in text, not more than most.
func matches(form *regexp.Regexp, text string, most int) []Place {
	var found []Place
	for _, m := range form.FindAllStringSubmatchIndex(text, most) {
		if n := lineNumber(text[m[4]:m[5]]); n > 0 {
			found = append(found, Place{Name: text[m[2]:m[3]], Line: n, Start: m[0], End: m[1]})
		}
	}
	return found
}

// located finds the first place in text that is in the tree; of more than maxSearched
// bytes only the beginning is searched.
func (o Options) located(text, pkg string) (file string, line int) {
	const maxSearched, most = 16 << 10, 40
	text = text[:min(len(text), maxSearched)]
	for _, form := range places() {
		for _, p := range matches(form, text, most) {
			if file := o.file(p.Name, pkg); file != "" {
				return file, p.Line
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
