package template

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// expectations holds the strings that the failing tests mention.
type expectations struct {
	literals []string    // in the test functions
	pairs    [][2]string // got and want, from the failures' output
}

// expectationsOf returns the expectations of the problem's failing tests.
func expectationsOf(p *propose.Problem) *expectations {
	e, _ := propose.Remember(&p.Memo, func() (*expectations, error) { return readExpectations(p), nil })
	return e
}

func readExpectations(p *propose.Problem) *expectations {
	e := new(expectations)
	for _, f := range p.Failures {
		for _, s := range testLiterals(p.Tree.Root, f) {
			if !slices.Contains(e.literals, s) && len(e.literals) < 400 {
				e.literals = append(e.literals, s)
			}
		}
		printed := quotedIn(f.Output)
		want := printed
		if len(e.literals) < 60 {
			want = append(slices.Clone(printed), e.literals...)
		}
		for _, a := range printed {
			for _, b := range want {
				if a != b && len(e.pairs) < 400 && alike(a, b) > 0.5 {
					e.pairs = append(e.pairs, [2]string{a, b})
				}
			}
		}
	}
	return e
}

// testLiterals lists the string literals of the failing test's function and of the
// package-level constants and tables that it uses, followed by the words of those with
// several. A test often expects a long output in one literal, of which one word is wrong.
func testLiterals(root string, failure testrun.Failure) []string {
	dir := path.Dir(failure.File)
	if failure.File == "" {
		return nil
	}
	names, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*_test.go"))
	values := make(map[string]ast.Node) // package-level constants and variables, by name
	var test *ast.FuncDecl
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		file, _ := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if file == nil {
			continue
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.Name == failure.Top() {
					test = d
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok {
						for _, id := range v.Names {
							values[id.Name] = v
						}
					}
				}
			}
		}
	}
	if test == nil {
		return nil
	}
	var whole, words []string
	read := func(lit *ast.BasicLit) {
		s, err := strconv.Unquote(lit.Value)
		if lit.Kind != token.STRING || err != nil {
			return
		}
		if len(s) < 400 {
			whole = append(whole, s)
		}
		if strings.ContainsAny(s, " \n\t") {
			words = append(words, wordsOf(s)...)
		}
	}
	ast.Inspect(test, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			read(n)
		case *ast.Ident:
			value := values[n.Name]
			delete(values, n.Name)
			if value != nil {
				ast.Inspect(value, func(n ast.Node) bool {
					if lit, ok := n.(*ast.BasicLit); ok {
						read(lit)
					}
					return true
				})
			}
		}
		return true
	})
	return append(whole, words...)
}

// wordsOf returns the distinct words of a text that are long enough to be significant.
func wordsOf(text string) []string {
	const shortest, longest, most = 3, 40, 300
	var out []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		word = strings.Trim(word, "-_")
		if len(word) >= shortest && len(word) <= longest && len(out) < most && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

var (
	quotedText = regexp.MustCompile("\"((?:[^\"\\\\\n]|\\\\.)*)\"|`([^`\n]*)`|'([^'\n]*)'")
	labeled    = regexp.MustCompile(`(?i)\b(?:got|want|wanted|expected|actual|have|but was|should be)\b\s*[:=]?\s*(\S[^\n]*)`)
)

// quotedIn lists the strings that a test's output quotes or labels as got or wanted.
func quotedIn(output string) []string {
	if len(output) > 16<<10 {
		output = output[:16<<10]
	}
	var out []string
	add := func(s string) {
		if s != "" && len(s) < 400 && len(out) < 40 && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, m := range quotedText.FindAllStringSubmatch(output, 60) {
		if m[1] != "" {
			if s, err := strconv.Unquote(`"` + m[1] + `"`); err == nil {
				add(s)
				continue
			}
		}
		add(m[1] + m[2] + m[3])
	}
	for _, m := range labeled.FindAllStringSubmatch(output, 40) {
		add(strings.TrimSpace(m[1]))
		for _, cut := range []string{", want", ", got", " want", " but", "; "} {
			if before, _, ok := strings.Cut(m[1], cut); ok {
				add(strings.TrimSpace(before))
			}
		}
	}
	return out
}

// alike returns the combined length of the longest common prefix and suffix of two texts,
// as a share of the longer text.
func alike(a, b string) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	p := 0
	for p < len(a) && p < len(b) && a[p] == b[p] {
		p++
	}
	s := 0
	for s < len(a)-p && s < len(b)-p && a[len(a)-1-s] == b[len(b)-1-s] {
		s++
	}
	return float64(p+s) / float64(max(len(a), len(b)))
}

// expected returns the strings that the failing tests mention, as literals, if sample is a
// string literal.
func (f *function) expected(sample ast.Expr, except map[string]bool) []string {
	lit, ok := ast.Unparen(sample).(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return nil
	}
	var out []string
	for _, s := range expectationsOf(f.Problem).literals {
		if q := strconv.Quote(s); len(s) < 40 && !except[q] && len(out) < 30 {
			out = append(out, q)
		}
	}
	return out
}
