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

// file returns a file name from a tool as a slash-separated path in the tree, or "" if it is
// outside or third-party code. For names in text, pkg is the package of the test: there, Go and
// Java leave out the directory, and for Go the package has it.
func (o Options) file(name, pkg string) string {
	file, exists := o.resolve(name, pkg)
	if !exists && o.Tree != nil {
		return o.Tree.Find(file)
	}
	return file
}

// resolve returns the path in the tree that a name means. exists is false if the tree may not
// have it.
func (o Options) resolve(name, pkg string) (file string, exists bool) {
	name, abs := parseName(name)
	if abs {
		rel, inside := o.inRoot(name)
		if !inside {
			return o.elsewhere(name), true
		}
		name = rel
	}
	if strings.HasSuffix(name, ".go") {
		name = o.goFile(name, pkg)
	} else if bare := []string{".java", ".kt", ".scala", ".groovy"}; o.Tree == nil && pkg != "" && !strings.Contains(name, "/") && slices.Contains(bare, path.Ext(name)) {
		return "", false // from a stack trace, which leaves out the directory
	}
	if name == "" || name == "." || !fs.ValidPath(name) || hasForeignDir(name) {
		return "", false
	}
	return name, abs
}

// elsewhere returns the file in the tree that a path of another machine means, or "".
func (o Options) elsewhere(name string) string {
	if name, abs := parseName(name); abs && o.Tree != nil {
		return o.Tree.FindForeign(name)
	}
	return ""
}

// inRoot returns an absolute name relative to the root, if it is in it.
func (o Options) inRoot(name string) (rel string, ok bool) {
	name = filepath.FromSlash(name)
	if o.Root == "" || !filepath.IsAbs(name) {
		return "", false
	}
	for _, root := range []string{o.Root, resolved(o.Root)} {
		if rel, err := filepath.Rel(root, name); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel), true
		}
	}
	return "", false
}

// resolved returns a directory with symbolic links resolved.
func resolved(dir string) string {
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		return target
	}
	return dir
}

// goFile adds the directory of the package to a base name, and replaces a module path at the
// beginning, which -trimpath writes, with the module's directory.
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

// sources are the file extensions of places in text. Without this list, an address with a
// port would match.
const sources = `go|py|[mc]?[jt]sx?|java|kts?|scala|groovy|rs|rb|php|c|cc|cpp|cxx|h|hpp|cs|fs|vb|swift|mm?|exs?|erl|cljs?|dart|lua|p[lm]|t|r|jl|hs|ml|sh|bats|vue|svelte|zig|nim`

// longestSource is the length of the longest of these.
const longestSource = len("groovy")

// places matches the forms in which tools write a place: x.go:3, x.java:[3,1], x.ts(3,1),
// File "x.py", line 3, x.t line 3.
var places = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`File "([^"\n]+)", line (\d+)`),
		regexp.MustCompile(`\bat (\S+\.(?:t|p[lm])) line (\d+)`),
		regexp.MustCompile(`((?:[a-z][a-z-]+://)?(?:[A-Za-z]:)?[\w./\\@+~%-]*\w\.(?:` + sources + `)):\[?(\d+)\b`),
		regexp.MustCompile(`((?:[a-z][a-z-]+://)?(?:[A-Za-z]:)?[\w./\\@+~%-]*\w\.(?:` + sources + `))\((\d+)[,)]`),
	}
})

// Place is a mention of a line of a file in a text.
type Place struct {
	Name       string // of the file, as written in the text
	Line       int
	Start, End int // offsets of the mention in the text
}

// Places returns the places in text, in order. It searches only the beginning of a very
// long text.
func Places(text string) []Place {
	const most = 200 // for each form
	var found []Place
	for _, form := range places() {
		found = append(found, matches(form, text[:min(len(text), maxOutput)], most)...)
	}
	slices.SortStableFunc(found, func(a, b Place) int { return cmp.Compare(a.Start, b.Start) })
	return found
}

// matches returns up to most places of one form in text.
func matches(form *regexp.Regexp, text string, most int) []Place {
	var found []Place
	at := 0
	for line := range strings.Lines(text) {
		if mayHavePlace(line) {
			for _, m := range form.FindAllStringSubmatchIndex(line, most-len(found)) {
				if n := lineNumber(line[m[4]:m[5]]); n > 0 {
					found = append(found, Place{Name: line[m[2]:m[3]], Line: n, Start: at + m[0], End: at + m[1]})
				}
			}
			if len(found) >= most {
				break
			}
		}
		at += len(line)
	}
	return found
}

// mayHavePlace reports whether a line may match one of the forms, which takes long to find out.
func mayHavePlace(line string) bool {
	if strings.Contains(line, " line ") {
		return true
	}
	for rest := line; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			return false
		}
		rest = rest[dot+1:]
		end := strings.IndexAny(rest[:min(len(rest), longestSource+1)], ":(")
		if end > 0 && end+1 < len(rest) && (rest[end+1] == '[' || rest[end+1] >= '0' && rest[end+1] <= '9') {
			return true
		}
	}
}

// located returns the first place in text that is in the tree. It searches only the first
// maxSearched bytes.
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

// maxLineNumber is more lines than any file has, and cannot overflow anywhere.
const maxLineNumber = 1 << 30

// lineNumber parses a line number. It returns 0 if s is not a valid one.
func lineNumber(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n > maxLineNumber {
		return 0
	}
	return n
}
