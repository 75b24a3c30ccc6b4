package validate

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/propose"
)

// selector is the environment variable that tells a woven test binary which
// candidate to be; 0 or nothing is the code as it stands.
const selector = "REGREEN_CANDIDATE"

// weaver builds mutant schemata (Untch, Offutt, Harrold 1993): one package in
// which many candidates stand side by side, so that they cost one build. Candidates
// go into copies of their function, the carriers, each under a name of its own, and
// the function begins with a choice among them. So what the function was stays as
// it is, line by line.
type weaver struct {
	pooled bool // for a binary that tries many candidates in one process
	// indirect has functions call their carriers through variables that are set when
	// the program starts: so what a candidate refers to makes no initialization cycle.
	// While variables get their initial values there are no candidates then.
	indirect bool
	alone    map[int]bool // candidates that a pool cannot try
	solo     map[int]bool // candidates that get a carrier of their own
	// late are the directories of packages whose variables nothing takes the initial
	// values of before a pool begins.
	late map[string]bool
	// sites tells the candidates of a function, by the first of them.
	sites map[int][]int
	// spans tells which candidates a line of a woven file belongs to, the closest first.
	spans map[string][]span
	// picks tells the place at which a candidate picks a value, by its number in the binary.
	picks    map[int]int
	pickings int
	types    []string // of the values that are picked in the package that was woven last
	// tails are the carriers of each file, which are its end.
	tails map[string]tail
	// probed tells whether a file needs no probes; nil for no probes at all. probes
	// are those that were woven in.
	probed func(file string) bool
	probes map[string][]stretch
}

func newWeaver(pooled bool, solo map[int]bool) *weaver {
	return &weaver{
		pooled: pooled, solo: solo, alone: make(map[int]bool), late: make(map[string]bool), sites: make(map[int][]int),
		spans: make(map[string][]span), picks: make(map[int]int), tails: make(map[string]tail), probes: make(map[string][]stretch),
	}
}

// span is a range of lines and the candidates that stand there.
type span struct {
	start, end int
	numbers    []int
}

// tail is what is woven into a file behind its own text.
type tail struct {
	text string
	line int // of the file, at which it begins
}

// pick is a candidate with its number in the binary.
type pick struct {
	number int
	cand   *propose.Candidate
}

// group is a function with its candidates.
type group struct {
	decl     *ast.FuncDecl
	picker   *carrier // of those that pick values; nil for none
	carriers []*carrier
}

func (g *group) all() []*carrier {
	if g.picker == nil {
		return g.carriers
	}
	return append([]*carrier{g.picker}, g.carriers...)
}

// weave gives the files that hold the candidates, all of one package. Candidates
// that cannot be woven come back in rest, those that do not parse in broken.
func (w *weaver) weave(pkg *propose.Package, picks []pick) (files map[string][]byte, rest []pick, broken map[int]error) {
	broken = make(map[int]error)
	w.types = nil
	var order []*propose.File
	groups := make(map[*propose.File][]*group)
	values := make(map[*propose.File][]choice)
	byDecl := make(map[*ast.FuncDecl]*group)
	seen := func(file *propose.File) {
		if !slices.Contains(order, file) {
			order = append(order, file)
		}
	}
	var loom loom
	for _, p := range picks {
		file := pkg.File(p.cand.File())
		if text, ok := valueVariant(file, p); ok {
			seen(file)
			values[file] = append(values[file], choice{p.number, text})
			w.alone[p.number] = !w.late[pkg.Dir] // it has its say when the program starts
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
			g = &group{decl: decl}
		}
		if err := loom.put(w, pkg, file, g, p); err != nil {
			broken[p.number] = err
			continue
		}
		if byDecl[decl] == nil {
			byDecl[decl] = g
			seen(file)
			groups[file] = append(groups[file], g)
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
	choice := choosing
	if w.pooled {
		choice = choosingInPool
	}
	files[path.Join(pkg.Dir, choosingFile)] = []byte("package " + pkg.Types.Name() + "\n" + choice + w.pickers() + w.setting(order, groups))
	return files, rest, broken
}

// loom keeps what is worked out once for a function.
type loom struct {
	decl   *ast.FuncDecl
	blocks []block
	steps  []propose.Edit
}

// put finds a carrier for a candidate.
func (l *loom) put(w *weaver, pkg *propose.Package, file *propose.File, g *group, p pick) error {
	if l.decl != g.decl {
		*l = loom{decl: g.decl, blocks: blocksOf(file, g.decl)}
		if w.pooled {
			l.steps = stepEdits(file, g.decl.Body)
		}
	}
	delete(w.picks, p.number) // it may have been woven before
	if !w.solo[p.number] {
		if at, text, ok := picked(pkg, file, g.decl, l.blocks, p.cand.Edits); ok && (g.picker == nil || g.picker.size < mostPicked) {
			if g.picker == nil {
				g.picker = &carrier{file: file, decl: g.decl, steps: l.steps, name: fmt.Sprintf("regreen%d_%s", p.number, g.decl.Name.Name)}
			}
			g.picker.pick(w, at, p, text)
			return nil
		}
	}
	declared := func(id *ast.Ident) token.Pos {
		if pkg.Info == nil || pkg.Info.Uses[id] == nil {
			return token.NoPos
		}
		return pkg.Info.Uses[id].Pos()
	}
	start, end, text, ok, err := place(file, l.blocks, declared, p.cand.Edits, l.steps)
	if err != nil {
		return err
	}
	if n := len(g.carriers); n == 0 || !ok || w.solo[p.number] || !g.carriers[n-1].roomy() {
		g.carriers = append(g.carriers, &carrier{
			file: file, decl: g.decl, steps: l.steps, name: fmt.Sprintf("regreen%d_%s", p.number, g.decl.Name.Name),
		})
	}
	c := g.carriers[len(g.carriers)-1]
	if !ok || w.solo[p.number] {
		if _, err := statements(splice(file.Src, file.Offset(g.decl.Body.Lbrace)+1, file.Offset(g.decl.Body.Rbrace), p.cand.Edits)); err != nil {
			g.carriers = g.carriers[:len(g.carriers)-1]
			return err
		}
		c.whole, c.picks = p.cand, []pick{p}
		return nil
	}
	c.add(p, start, end, text)
	return nil
}

// file weaves one file: a choice at the head of each function that has candidates,
// and the carriers at its end.
func (w *weaver) file(file *propose.File, groups []*group, values []choice) []byte {
	var edits []propose.Edit
	var b strings.Builder
	var spans []span
	line := 1
	put := func(text string, of []span) {
		b.WriteString("\n" + text + "\n")
		for _, s := range of {
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
		if g.picker != nil {
			g.picker.probes = probes
		}
		edits = append(edits, dispatch(file, g, w.pooled, w.indirect)...)
		first := g.all()[0].picks[0].number
		for _, c := range g.all() {
			w.sites[first] = append(w.sites[first], c.numbers()...)
			text, of := c.write()
			put(text, of)
			if w.indirect && !generic(g.decl) {
				put(c.variable(), nil)
			}
		}
	}
	for _, v := range values {
		put(v.text, []span{{1, 1 + strings.Count(v.text, "\n"), []int{v.number}}})
	}
	if w.pooled { // a step before the choice, or an endless recursion of a carrier would not count
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
	w.spans[file.Name], w.tails[file.Name] = spans, tail{b.String(), at + 1}
	return []byte(src + b.String())
}

// probe puts a probe at the head of each stretch of a file's functions, unless it is
// known already which of them are reached.
func (w *weaver) probe(file *propose.File) []propose.Edit {
	if w.probed == nil || w.probed(file.Name) {
		return nil
	}
	n := 0
	for name, stretches := range w.probes { // a file may be woven again
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
			edits = append(edits, propose.Edit{File: file.Name, Start: s.start, End: s.start, New: fmt.Sprintf(" regreenReach[%d] = true;", s.number)})
		}
	}
	w.probes[file.Name] = stretches
	return edits
}

// valueVariant is a candidate that changes the initial value of a package-level
// variable: the variable is set again when the program starts, or when a pool comes to
// the candidate (see late). What other variables took from it before then stays as it
// was, which can only reject.
func valueVariant(file *propose.File, p pick) (string, bool) {
	if file == nil || p.cand.Whole {
		return "", false
	}
	name, value := file.Value(p.cand.Edits)
	if value == nil {
		return "", false
	}
	text, err := file.ValueWith(value, p.cand.Edits)
	if err != nil {
		return "", false
	}
	return fmt.Sprintf("func init() {\n\tregreenSet(%d, func() func() {\n\t\tregreenWas := %s\n\t\t%[2]s = %s\n\t\treturn func() { %[2]s = regreenWas }\n\t})\n}", p.number, name.Name, text), true
}

// weavable tells whether a function can be copied: not one that asks how it was
// called, and only where the body changes.
func weavable(decl *ast.FuncDecl, file *propose.File, c *propose.Candidate) bool {
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
	naming []propose.Edit // gives names to parameters that lack one
	recv   string
	args   []string
	targs  []string
}

// dispatch gives the edits that have a function begin with a choice among its
// carriers: right behind the opening brace, on its line, so that the lines of the
// rest stay what they were.
func dispatch(file *propose.File, g *group, pooled, indirect bool) []propose.Edit {
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
	b.WriteString(" switch *regreenCandidate {")
	if pooled {
		fmt.Fprintf(&b, " case -1: regreenReached(%d);", g.all()[0].picks[0].number)
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
		if c == g.picker && pooled { // to find out what comes to the same
			if !indirect {
				fmt.Fprintf(&b, " %s;", call)
			}
			cases = []string{"-2"}
		}
		for _, n := range c.numbers() {
			cases = append(cases, strconv.Itoa(n))
		}
		fmt.Fprintf(&b, " case %s: %s;", strings.Join(cases, ", "), call)
	}
	b.WriteString(" };")
	at := file.Offset(decl.Body.Lbrace) + 1
	return append(slices.Clone(d.naming), propose.Edit{File: file.Name, Start: at, End: at, New: b.String()})
}

// generic tells whether a function or the type it is a method of has type parameters.
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

// call calls a carrier with what the function was called with.
func (d *dispatcher) call(name string) string {
	if d.recv != "" {
		name = d.recv + "." + name
	}
	if len(d.targs) > 0 {
		name += "[" + strings.Join(d.targs, ", ") + "]"
	}
	return name + "(" + strings.Join(d.args, ", ") + ")"
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

// carrying gives the candidates of the carrier with the name that the number makes.
func (w *weaver) carrying(number int) []int {
	most := []int{number}
	for _, spans := range w.spans {
		for _, s := range spans {
			if s.numbers[0] == number && len(s.numbers) > len(most) {
				most = s.numbers
			}
		}
	}
	return most
}

// at names the candidates that stand at a line of a woven file: one, or all of a
// carrier where the line is none's own.
func (w *weaver) at(file string, line int) []int {
	var best span
	for _, s := range w.spans[file] {
		if line >= s.start && line <= s.end && (best.numbers == nil || len(s.numbers) < len(best.numbers)) {
			best = s
		}
	}
	return best.numbers
}
