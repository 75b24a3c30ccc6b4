package schemata

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// selector is the environment variable with the mutant that a process runs as; 0 or empty means
// the unchanged code.
const selector = "REGREEN_MUTANT"

// writer writes mutant schemata: packages that contain many mutants, so that one build serves
// all. Mutants go into copies of their function. Each copy has a name of its own, and the
// function begins with a choice between them. So the original function keeps its lines.
type writer struct {
	pooled bool // for a program that runs many mutants in one process
	// indirect makes functions call their copies through variables that are set when the
	// program starts, so that references of a mutant cause no initialization cycle. No mutant
	// is then active while package variables are initialized.
	indirect  bool
	ownCopy   map[int]bool // mutants that get a copy of their own
	notPooled map[int]bool // mutants that a pool cannot run
	// settable holds the directories of packages in which nothing reads the initial values of
	// variables before a pool begins.
	settable map[string]bool
	// functions maps the first mutant of a function to all its mutants.
	functions map[int][]int
	// spans holds the lines of each file that belong to mutants.
	spans map[string][]span
	// valueSites maps a mutant to its value site's number in the program.
	valueSites map[int]int
	nextSite   int
	types      []string // of the values that are chosen in the last package written
	// added is the text written after each file's own text: the copies.
	added map[string]addition
	// probed reports whether a file needs no probes; nil means no probes at all.
	probed func(file string) bool
	probes map[string][]stretch // the probes that were written
}

func newWriter(pooled bool, ownCopy map[int]bool) *writer {
	return &writer{
		pooled: pooled, ownCopy: ownCopy, notPooled: make(map[int]bool), settable: make(map[string]bool), functions: make(map[int][]int),
		spans: make(map[string][]span), valueSites: make(map[int]int), added: make(map[string]addition), probes: make(map[string][]stretch),
	}
}

// metamutant returns the metamutant for a program that was built from the written files.
func (w *writer) metamutant(binary *gotest.Binary, options gotest.BuildOptions) *metamutant {
	return &metamutant{
		binary: binary, options: options, pooled: w.pooled, notPooled: w.notPooled, functions: w.functions,
		valueSites: w.valueSites, skipsStart: w.indirect, probes: w.probes,
	}
}

// span is a range of lines and the mutants that they belong to.
type span struct {
	start, end int
	ids        []int
}

// addition is text that is written after a file's own text.
type addition struct {
	text string
	line int // the line of the file at which it begins
}

// group is a function with its mutants.
type group struct {
	file      *source.File
	decl      *ast.FuncDecl
	blocks    []block
	steps     []propose.Edit
	valueCopy *funcCopy // for mutants that choose values; nil if none does
	copies    []*funcCopy
}

func (w *writer) newGroup(file *source.File, decl *ast.FuncDecl) *group {
	g := &group{file: file, decl: decl, blocks: blocksOf(file, decl)}
	if w.pooled {
		g.steps = stepEdits(file, decl.Body)
	}
	return g
}

func (g *group) all() []*funcCopy {
	if g.valueCopy == nil {
		return g.copies
	}
	return append([]*funcCopy{g.valueCopy}, g.copies...)
}

// newCopy returns a copy of the function, named after its first mutant.
func (g *group) newCopy(first mutant) *funcCopy {
	return &funcCopy{file: g.file, decl: g.decl, steps: g.steps, name: fmt.Sprintf("regreen%d_%s", first.ID, g.decl.Name.Name)}
}

// write returns the files of one package that contain the mutants. rest holds the candidates
// that cannot be mutants, broken those that do not parse.
func (w *writer) write(pkg *source.Package, mutants []mutant) (files map[string][]byte, rest []mutant, broken map[int]error) {
	broken = make(map[int]error)
	w.types = nil
	var order []*source.File
	groups := make(map[*source.File][]*group)
	values := make(map[*source.File][]piece)
	byDecl := make(map[*ast.FuncDecl]*group)
	seen := func(file *source.File) {
		if !slices.Contains(order, file) {
			order = append(order, file)
		}
	}
	for _, m := range mutants {
		file := pkg.File(m.Candidate.File())
		if text, ok := variableSetter(file, m); ok {
			seen(file)
			values[file] = append(values[file], piece{m.ID, text})
			w.notPooled[m.ID] = !w.settable[pkg.Dir] // it takes effect when the program starts
			continue
		}
		parts := byFunction(pkg, m)
		if len(parts) == 0 {
			rest = append(rest, m)
			continue
		}
		for _, p := range parts {
			g := byDecl[p.decl]
			if g == nil {
				g = w.newGroup(p.file, p.decl)
				byDecl[p.decl] = g
			}
			first := len(g.all()) == 0
			if err := w.addMutant(pkg, g, p.mutant, len(parts) == 1); err != nil {
				broken[m.ID] = err
				break
			}
			if first {
				seen(p.file)
				groups[p.file] = append(groups[p.file], g)
			}
		}
	}
	if len(order) == 0 {
		return nil, rest, broken
	}
	if w.pooled { // the steps of all functions count
		for _, file := range pkg.Files {
			if !strings.HasSuffix(file.Name, "_test.go") {
				seen(file)
			}
		}
	}
	files = make(map[string][]byte)
	for _, file := range order {
		files[file.Name] = w.file(file, groups[file], values[file])
	}
	selection := selectorText
	if w.pooled {
		selection = selectorTextInPool
	}
	files[path.Join(pkg.Dir, selectorFile)] = []byte("package " + pkg.Types.Name() + "\n" + selection + w.valueFuncs() + w.setVariables(order, groups))
	return files, rest, broken
}

// mutation is the part of a mutant that changes one function.
type mutation struct {
	file   *source.File
	decl   *ast.FuncDecl
	mutant mutant
}

// byFunction splits a mutant by the functions that it changes. It returns nil if the mutant
// changes anything else, or a function that cannot be copied.
func byFunction(pkg *source.Package, m mutant) []mutation {
	if m.Candidate.Whole {
		return nil
	}
	var out []mutation
	for _, e := range m.Candidate.Edits {
		file := pkg.File(e.File)
		if file == nil {
			return nil
		}
		decl := file.Function([]propose.Edit{e})
		if decl == nil {
			return nil
		}
		i := slices.IndexFunc(out, func(p mutation) bool { return p.decl == decl })
		if i < 0 {
			i = len(out)
			part := *m.Candidate
			part.Edits = nil
			out = append(out, mutation{file, decl, mutant{m.ID, &part}})
		}
		part := out[i].mutant.Candidate
		if part.Edits = append(part.Edits, e); !copyable(decl, file, part) {
			return nil
		}
	}
	return out
}

// addMutant adds a mutant, or a part of one, to the copies of a function.
func (w *writer) addMutant(pkg *source.Package, g *group, m mutant, all bool) error {
	file, edits := g.file, m.Candidate.Edits
	delete(w.valueSites, m.ID) // from an earlier write
	if all && !w.ownCopy[m.ID] {
		if at, text, ok := valueSiteOf(pkg, file, g.decl, g.blocks, edits); ok && (g.valueCopy == nil || g.valueCopy.size < mostValueText) {
			if g.valueCopy == nil {
				g.valueCopy = g.newCopy(m)
			}
			g.valueCopy.addValue(w, at, m, text)
			return nil
		}
	}
	declared := func(id *ast.Ident) token.Pos {
		if pkg.Info == nil || pkg.Info.Uses[id] == nil {
			return token.NoPos
		}
		return pkg.Info.Uses[id].Pos()
	}
	start, end, text, ok, err := findSite(file, g.blocks, declared, edits, g.steps)
	if err != nil {
		return err
	}
	if n := len(g.copies); n == 0 || !ok || w.ownCopy[m.ID] || !g.copies[n-1].roomy() {
		g.copies = append(g.copies, g.newCopy(m))
	}
	c := g.copies[len(g.copies)-1]
	if !ok || w.ownCopy[m.ID] {
		if _, err := statements(splice(file.Src, file.Offset(g.decl.Body.Lbrace)+1, file.Offset(g.decl.Body.Rbrace), edits)); err != nil {
			g.copies = g.copies[:len(g.copies)-1]
			return err
		}
		c.whole, c.mutants = m.Candidate, []mutant{m}
		return nil
	}
	c.add(m, start, end, text)
	return nil
}

// file returns the source of one file, with a choice at the start of each function that has
// mutants, and the copies at its end.
func (w *writer) file(file *source.File, groups []*group, values []piece) []byte {
	var edits []propose.Edit
	var b strings.Builder
	var spans []span
	line := 1
	put := func(text string, within []span) {
		b.WriteString("\n" + text + "\n")
		for _, s := range within {
			s.start, s.end = s.start+line, s.end+line
			spans = append(spans, s)
		}
		line += 2 + strings.Count(text, "\n")
	}
	var probes []propose.Edit
	if w.pooled {
		probes = w.probe(file)
	}
	for _, g := range groups {
		if g.valueCopy != nil {
			g.valueCopy.probes = probes
		}
		edits = append(edits, dispatch(file, g, w.pooled, w.indirect)...)
		first := g.all()[0].mutants[0].ID
		for _, c := range g.all() {
			w.functions[first] = append(w.functions[first], c.ids()...)
			put(c.write())
			if w.indirect && !generic(g.decl) {
				put(c.variable(), nil)
			}
		}
	}
	for _, v := range values {
		put(v.text, []span{{1, 1 + strings.Count(v.text, "\n"), []int{v.id}}})
	}
	if w.pooled { // steps precede the choice, to count endless recursion of a copy
		edits = append(stepEdits(file, file.Syntax), edits...)
		edits = append(edits, probes...)
	}
	slices.SortStableFunc(edits, func(a, b propose.Edit) int { return cmp.Compare(a.Start, b.Start) })
	src := splice(file.Src, 0, len(file.Src), edits)
	if !strings.HasSuffix(src, "\n") {
		src += "\n"
	}
	at := strings.Count(src, "\n")
	for i := range spans {
		spans[i].start, spans[i].end = spans[i].start+at, spans[i].end+at
	}
	w.spans[file.Name], w.added[file.Name] = spans, addition{b.String(), at + 1}
	return []byte(src + b.String())
}

// probe returns edits that insert a probe at the start of each stretch of a file's functions,
// unless the file's results are already known.
func (w *writer) probe(file *source.File) []propose.Edit {
	if w.probed == nil || w.probed(file.Name) {
		return nil
	}
	n := 0
	for name, stretches := range w.probes { // a file may be written again
		if name != file.Name {
			n += len(stretches)
		}
	}
	var stretches []stretch
	var edits []propose.Edit
	for _, d := range file.Syntax.Decls {
		decl, ok := d.(*ast.FuncDecl)
		if !ok || decl.Body == nil {
			continue
		}
		for _, s := range stretchesOf(file, decl) {
			if n == maxProbes {
				return nil
			}
			s.number, n = n, n+1
			stretches = append(stretches, s)
			edits = append(edits, propose.Edit{File: file.Name, Start: s.start, End: s.start, New: fmt.Sprintf(" regreenProbes[%d] = true;", s.number)})
		}
	}
	w.probes[file.Name] = stretches
	return edits
}

// variableSetter returns the text of a mutant that changes the initial value of a package-level
// variable: it sets the variable again when the program starts, or when a pool gets to the
// mutant (see settable). Other variables keep what they took from the original value, which can
// only lead to a rejection.
func variableSetter(file *source.File, m mutant) (string, bool) {
	if file == nil || m.Candidate.Whole {
		return "", false
	}
	name, value := file.Value(m.Candidate.Edits)
	if value == nil {
		return "", false
	}
	text, err := file.ValueWith(value, m.Candidate.Edits)
	if err != nil {
		return "", false
	}
	return fmt.Sprintf("func init() {\n\tregreenSet(%d, func() func() {\n\t\tregreenOld := %s\n\t\t%[2]s = %s\n\t\treturn func() { %[2]s = regreenOld }\n\t})\n}", m.ID, name.Name, text), true
}

// copyable reports whether a candidate can be in a copy of a function: only its body changes,
// and it does not ask for its caller.
func copyable(decl *ast.FuncDecl, file *source.File, c *propose.Candidate) bool {
	if decl.Recv == nil && (decl.Name.Name == "_" || decl.Name.Name == "main") {
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

// asksForCaller reports whether a body calls recover, which works only in the deferred function
// itself, or runtime.Caller and similar functions: a copy runs one call deeper than the function.
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

// dispatcher writes the choice at the start of one function.
type dispatcher struct {
	file   *source.File
	naming []propose.Edit // edits that name parameters without a name
	recv   string
	args   []string
	targs  []string
}

// dispatch returns the edits that make a function begin with a choice between its copies, on the
// line of the opening brace, so that the other lines keep their numbers.
func dispatch(file *source.File, g *group, pooled, indirect bool) []propose.Edit {
	decl := g.decl
	d := &dispatcher{file: file}
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
	returns := decl.Type.Results != nil && len(decl.Type.Results.List) > 0
	var b strings.Builder
	b.WriteString(" switch *regreenMutant {")
	if pooled {
		fmt.Fprintf(&b, " case -1: regreenEarly(%d);", g.all()[0].mutants[0].ID)
	}
	for _, c := range g.all() {
		var cases []string
		call := d.call(c.name)
		if indirect && !generic(decl) {
			args := d.args
			if d.recv != "" {
				args = append([]string{d.recv}, args...)
			}
			call = c.name + "_var(" + strings.Join(args, ", ") + ")"
		}
		if returns {
			call = "return " + call
		} else {
			call += "; return"
		}
		if indirect && !generic(decl) {
			call = "if " + c.name + "_var != nil { " + call + " }"
		}
		if c == g.valueCopy && pooled { // to compare the values of mutants
			if !indirect {
				fmt.Fprintf(&b, " %s;", call)
			}
			cases = []string{"-2"}
		}
		for _, n := range c.ids() {
			cases = append(cases, strconv.Itoa(n))
		}
		fmt.Fprintf(&b, " case %s: %s;", strings.Join(cases, ", "), call)
	}
	b.WriteString(" };")
	at := file.Offset(decl.Body.Lbrace) + 1
	return append(slices.Clone(d.naming), propose.Edit{File: file.Name, Start: at, End: at, New: b.String()})
}

// generic reports whether a function or its receiver's type has type parameters.
func generic(decl *ast.FuncDecl) bool {
	if decl.Type.TypeParams != nil {
		return true
	}
	if decl.Recv == nil {
		return false
	}
	t := decl.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	_, plain := ast.Unparen(t).(*ast.Ident)
	return !plain
}

// call returns a call of a copy with the arguments of the function.
func (d *dispatcher) call(name string) string {
	if d.recv != "" {
		name = d.recv + "." + name
	}
	if len(d.targs) > 0 {
		name += "[" + strings.Join(d.targs, ", ") + "]"
	}
	return name + "(" + strings.Join(d.args, ", ") + ")"
}

// name returns the names of parameters, and names those without one or with _.
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

// inCopy returns the mutants of the copy that is named after its first mutant.
func (w *writer) inCopy(first int) []int {
	most := []int{first}
	for _, spans := range w.spans {
		for _, s := range spans {
			if s.ids[0] == first && len(s.ids) > len(most) {
				most = s.ids
			}
		}
	}
	return most
}

// at returns the mutants at a line of a file: one, or all of the copy if the line belongs to no
// single mutant.
func (w *writer) at(file string, line int) []int {
	var best span
	for _, s := range w.spans[file] {
		if line >= s.start && line <= s.end && (best.ids == nil || len(s.ids) < len(best.ids)) {
			best = s
		}
	}
	return best.ids
}
