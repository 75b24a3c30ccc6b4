package validate

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/propose"
)

// selector is the environment variable that tells a woven test binary which
// candidate to be; 0 or nothing is the code as it stands.
const selector = "REGREEN_CANDIDATE"

// weaver builds mutant schemata (Untch, Offutt, Harrold 1993): one package in
// which many candidates stand side by side, so that they cost one build. Each
// candidate of a function becomes a copy of the whole function under a name of its
// own, and the original begins with a choice among them. Whole functions keep
// defer, recover, labels and := as they are, which choices inside a body would not.
type weaver struct {
	tree *propose.Tree
	// spans tells which candidate a line of a woven file belongs to.
	spans map[string][]span
}

type span struct {
	start, end int // lines
	number     int // of the candidate
}

// pick is a candidate with its number in the binary.
type pick struct {
	number int
	cand   *propose.Candidate
}

// weave gives the files that hold the candidates, all of one package. Candidates
// that cannot be woven come back in rest.
func (w *weaver) weave(pkg *propose.Package, picks []pick) (files map[string][]byte, rest []pick) {
	type group struct {
		file *propose.File
		decl *ast.FuncDecl
		of   []pick
	}
	var groups []*group
	byDecl := make(map[*ast.FuncDecl]*group)
	edits := make(map[*propose.File][]propose.Edit)
	copies := make(map[*propose.File][]variant)
	for _, p := range picks {
		file := pkg.File(p.cand.File())
		if v, ok := valueVariant(file, p); ok {
			copies[file] = append(copies[file], v)
			continue
		}
		var decl *ast.FuncDecl
		if file != nil && !p.cand.Whole {
			decl = file.Function(p.cand.Edits)
		}
		if decl == nil || !weavable(decl, file, p.cand) {
			rest = append(rest, p)
			continue
		}
		g := byDecl[decl]
		if g == nil {
			g = &group{file: file, decl: decl}
			byDecl[decl] = g
			groups = append(groups, g)
		}
		g.of = append(g.of, p)
	}
	if len(groups) == 0 && len(copies) == 0 {
		return nil, rest
	}
	files = make(map[string][]byte)
	for _, g := range groups {
		d := newDispatcher(g.file, g.decl)
		edits[g.file] = append(edits[g.file], d.edits(g.of)...)
		for _, p := range g.of {
			copies[g.file] = append(copies[g.file], variant{p.number, d.variant(p)})
		}
	}
	for file := range copies {
		list := edits[file]
		slices.SortFunc(list, func(a, b propose.Edit) int { return a.Start - b.Start })
		src, err := propose.Splice(file.Src, list)
		if err != nil {
			continue // cannot be: the dispatchers' edits do not overlap
		}
		var b strings.Builder
		b.Write(src)
		line := 1 + strings.Count(string(src), "\n")
		for _, v := range copies[file] {
			b.WriteString("\n")
			line++
			lines := strings.Count(v.text, "\n")
			w.spans[file.Name] = append(w.spans[file.Name], span{line, line + lines, v.number})
			b.WriteString(v.text)
			line += lines
		}
		b.WriteString("\n")
		files[file.Name] = []byte(b.String())
	}
	dir := pkg.Dir + "/"
	if pkg.Dir == "." {
		dir = ""
	}
	files[dir+"zz_regreen_candidate.go"] = fmt.Appendf(nil, `package %s

import (
	regreenOS "os"
	regreenConv "strconv"
)

var regreenCandidate = func() int {
	n, _ := regreenConv.Atoi(regreenOS.Getenv(%q))
	return n
}()
`, pkg.Types.Name(), selector)
	return files, rest
}

type variant struct {
	number int
	text   string
}

// valueVariant is a candidate that changes the initial value of a package-level
// variable: the variable is set again when the program starts. What other variables
// took from it before then stays as it was, which can only reject.
func valueVariant(file *propose.File, p pick) (variant, bool) {
	if file == nil || p.cand.Whole {
		return variant{}, false
	}
	name, value := file.Value(p.cand.Edits)
	if value == nil {
		return variant{}, false
	}
	text, err := file.ValueWith(value, p.cand.Edits)
	if err != nil {
		return variant{}, false
	}
	return variant{p.number, fmt.Sprintf("func init() {\n\tif regreenCandidate == %d {\n\t\t%s = %s\n\t}\n}", p.number, name.Name, text)}, true
}

// weavable tells whether a function can be copied: not init, not one that asks how
// it was called, and only where the body changes.
func weavable(decl *ast.FuncDecl, file *propose.File, c *propose.Candidate) bool {
	if decl.Recv == nil && (decl.Name.Name == "init" || decl.Name.Name == "_") || decl.Name.Name == "main" {
		return false
	}
	if decl.Type.TypeParams != nil {
		for _, field := range decl.Type.TypeParams.List {
			for _, name := range field.Names {
				if name.Name == "_" {
					return false
				}
			}
		}
	}
	return c.Edits[0].Start > file.Offset(decl.Body.Lbrace) && !asksForCaller(decl.Body)
}

// asksForCaller tells whether a body calls recover, which works only where the
// deferred function itself does, or runtime.Caller and the like: a copy stands one
// call deeper than the function.
func asksForCaller(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			switch fun := n.Fun.(type) {
			case *ast.Ident:
				found = found || fun.Name == "recover"
			case *ast.SelectorExpr:
				x, ok := fun.X.(*ast.Ident)
				found = found || ok && x.Name == "runtime" && strings.HasPrefix(fun.Sel.Name, "Caller")
			}
		}
		return !found
	})
	return found
}

// dispatcher writes the choice at the head of one function.
type dispatcher struct {
	file   *propose.File
	decl   *ast.FuncDecl
	naming []propose.Edit // gives names to parameters that lack one
	recv   string
	args   []string
	targs  []string
}

func newDispatcher(file *propose.File, decl *ast.FuncDecl) *dispatcher {
	d := &dispatcher{file: file, decl: decl}
	if decl.Recv != nil {
		d.recv = d.name(decl.Recv, "regreenRecv")[0]
	}
	d.args = d.name(decl.Type.Params, "regreenArg")
	if n := len(decl.Type.Params.List); n > 0 {
		if _, variadic := decl.Type.Params.List[n-1].Type.(*ast.Ellipsis); variadic {
			d.args[len(d.args)-1] += "..."
		}
	}
	if decl.Type.TypeParams != nil {
		for _, field := range decl.Type.TypeParams.List {
			for _, name := range field.Names {
				d.targs = append(d.targs, name.Name)
			}
		}
	}
	return d
}

// name lists the names of parameters; those without one, or named _, get one.
func (d *dispatcher) name(list *ast.FieldList, prefix string) []string {
	var out []string
	for _, field := range list.List {
		if len(field.Names) == 0 {
			name := fmt.Sprintf("%s%d", prefix, len(out))
			at := d.file.Offset(field.Type.Pos())
			d.naming = append(d.naming, propose.Edit{File: d.file.Name, Start: at, End: at, New: name + " "})
			out = append(out, name)
			continue
		}
		for _, id := range field.Names {
			name := id.Name
			if name == "_" {
				name = fmt.Sprintf("%s%d", prefix, len(out))
				d.naming = append(d.naming, propose.Edit{File: d.file.Name, Start: d.file.Offset(id.Pos()), End: d.file.Offset(id.End()), New: name})
			}
			out = append(out, name)
		}
	}
	return out
}

func (d *dispatcher) variantName(number int) string {
	return fmt.Sprintf("regreen%d_%s", number, d.decl.Name.Name)
}

// edits put the choice right behind the opening brace, on its line, so that the
// lines of the rest stay what they were.
func (d *dispatcher) edits(picks []pick) []propose.Edit {
	returns := d.decl.Type.Results != nil && len(d.decl.Type.Results.List) > 0
	var b strings.Builder
	b.WriteString(" switch regreenCandidate {")
	for _, p := range picks {
		call := d.variantName(p.number)
		if d.recv != "" {
			call = d.recv + "." + call
		}
		if len(d.targs) > 0 {
			call += "[" + strings.Join(d.targs, ", ") + "]"
		}
		call += "(" + strings.Join(d.args, ", ") + ")"
		if returns {
			fmt.Fprintf(&b, " case %d: return %s;", p.number, call)
		} else {
			fmt.Fprintf(&b, " case %d: %s; return;", p.number, call)
		}
	}
	b.WriteString(" };")
	at := d.file.Offset(d.decl.Body.Lbrace) + 1
	return append(slices.Clone(d.naming), propose.Edit{File: d.file.Name, Start: at, End: at, New: b.String()})
}

// variant is the function as the candidate has it, under its own name.
func (d *dispatcher) variant(p pick) string {
	start, end := d.file.Offset(d.decl.Pos()), d.file.Offset(d.decl.End())
	edits := append([]propose.Edit{{
		Start: d.file.Offset(d.decl.Name.Pos()), End: d.file.Offset(d.decl.Name.End()), New: d.variantName(p.number),
	}}, p.cand.Edits...)
	for i := range edits {
		edits[i].Start -= start
		edits[i].End -= start
	}
	src, err := propose.Splice(d.file.Src[start:end], edits)
	if err != nil {
		return "" // cannot be: admitted candidates hold edits that fit
	}
	return string(src)
}

// at names the candidates that stand at the given lines of a woven file.
func (w *weaver) at(file string, line int) (number int, ok bool) {
	for _, s := range w.spans[file] {
		if line >= s.start && line <= s.end {
			return s.number, true
		}
	}
	return 0, false
}
