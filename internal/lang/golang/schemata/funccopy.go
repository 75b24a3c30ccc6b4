package schemata

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// funcCopy is a copy of a function that holds many mutants. Where a mutant differs from the
// function, the copy chooses between statements:
//
//	if *regreenMutant == 7 { the statement of mutant 7 } else { the original statement }
//
// (An if, because break would mean something else in a switch.) So a mutant costs the
// compiler a statement or two, and not a function. If a statement declares something, the
// choice includes everything that follows in its block. If a choice would change the meaning
// of the code (see findSite), the mutant gets a copy of its own: the whole mutated function.
// Mutants that only change the value of an expression share a copy; see valueSite.
type funcCopy struct {
	file    *source.File
	decl    *ast.FuncDecl
	name    string
	steps   []propose.Edit // see stepEdits
	mutants []mutant
	size    int // of the mutants' text

	sites    []*stmtSite
	switches []*valueSwitch     // in a copy of mutants that choose values
	probes   []propose.Edit     // of the file, in the same
	whole    *propose.Candidate // in a copy for a single mutant
}

// stmtSite is a range of the source, whole statements of one block, with the texts that
// mutants replace it by.
type stmtSite struct {
	start, end int
	texts      []piece
}

// piece is text of one mutant, or of none if id is 0.
type piece struct {
	id   int
	text string
}

// roomy reports whether a copy can hold more mutants. The function should be a small part of
// its copy, but very long functions are slow to compile.
func (c *funcCopy) roomy() bool {
	length := c.file.Offset(c.decl.End()) - c.file.Offset(c.decl.Pos())
	return c.whole == nil && len(c.mutants) < 250 && c.size < max(4*length, 6000)
}

func (c *funcCopy) add(m mutant, start, end int, text string) {
	c.mutants = append(c.mutants, m)
	c.size += len(text) + 40
	i := slices.IndexFunc(c.sites, func(s *stmtSite) bool { return s.start == start && s.end == end })
	if i < 0 {
		i = len(c.sites)
		c.sites = append(c.sites, &stmtSite{start: start, end: end})
	}
	c.sites[i].texts = append(c.sites[i].texts, piece{m.ID, text})
}

// insertion is text that is inserted into the function.
type insertion struct {
	at      int
	rank    int // order at one offset: closing text, then steps, then opening text; -1 for statements after a choice
	nested  int // order at one rank: the inner site closes first and opens last
	pieces  []piece
	mutants []int // the mutants that share all of it; nil means all of the copy
}

// write returns the copy's source, and the lines (from 1) of each mutant in it.
func (c *funcCopy) write() (string, []span) {
	start, end := c.file.Offset(c.decl.Pos()), c.file.Offset(c.decl.End())
	rename := insertion{at: c.file.Offset(c.decl.Name.Pos()), pieces: []piece{{0, c.name}}}
	skip := c.file.Offset(c.decl.Name.End())
	inserts := []insertion{rename}
	if c.whole != nil {
		return c.writeWhole()
	}
	for _, s := range slices.Concat(c.steps, c.probes) {
		if s.Start > start && s.Start < end {
			inserts = append(inserts, insertion{at: s.Start, rank: 1, pieces: []piece{{0, s.New}}})
		}
	}
	for _, s := range c.switches {
		inserts = append(inserts, s.inserts()...)
	}
	closes := make(map[int]bool) // where sites end
	for _, s := range c.sites {
		closes[s.end] = closes[s.end] || s.start < s.end
	}
	for _, s := range c.sites {
		opening := insertion{at: s.start, rank: 2, nested: s.start - s.end}
		if s.start == s.end && closes[s.end] {
			opening.rank = -1 // it may use declarations of the statements before it
		}
		for i, ch := range s.texts {
			head := "\nif *regreenMutant == %d {\n"
			if i > 0 {
				head = "\n} else if *regreenMutant == %d {\n"
			}
			opening.pieces = append(opening.pieces, piece{0, fmt.Sprintf(head, ch.id)}, ch)
		}
		if s.start == s.end {
			opening.pieces = append(opening.pieces, piece{0, "\n}\n"})
			inserts = append(inserts, opening)
			continue
		}
		opening.pieces = append(opening.pieces, piece{0, "\n} else {\n"})
		inserts = append(inserts, opening, insertion{at: s.end, nested: s.end - s.start, pieces: []piece{{0, "\n}\n"}}})
	}
	slices.SortStableFunc(inserts, func(a, b insertion) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank), cmp.Compare(a.nested, b.nested))
	})
	var b strings.Builder
	var spans []span
	line := 1
	put := func(text string) {
		b.WriteString(text)
		line += strings.Count(text, "\n")
	}
	at := start
	for _, in := range inserts {
		if in.at > at {
			put(string(c.file.Src[at:in.at]))
			at = in.at
		}
		begin := line
		for _, p := range in.pieces {
			first := line
			put(p.text)
			if p.id > 0 {
				spans = append(spans, span{first, line, []int{p.id}})
			}
		}
		if in.mutants != nil {
			spans = append(spans, span{begin, line, in.mutants})
		}
		if in.at == rename.at {
			at = skip
		}
	}
	put(string(c.file.Src[at:end]))
	return b.String(), append(spans, span{1, line, c.ids()})
}

// variable declares the variable through which the function calls its copy.
func (c *funcCopy) variable() string {
	text := func(n ast.Node) string { return string(c.file.Src[c.file.Offset(n.Pos()):c.file.Offset(n.End())]) }
	params := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(text(c.decl.Type.Params), "("), ")"))
	if c.decl.Recv != nil {
		recv := text(c.decl.Recv.List[0].Type)
		if list := c.decl.Type.Params.List; len(list) > 0 && len(list[0].Names) > 0 {
			recv = "_ " + recv
		}
		if params != "" {
			recv += ", "
		}
		params = recv + params
	}
	results := ""
	if c.decl.Type.Results != nil {
		results = " " + text(c.decl.Type.Results)
	}
	return fmt.Sprintf("var %s_var func(%s)%s", c.name, params, results)
}

// value returns the copy as a value for that variable.
func (c *funcCopy) value() string {
	if c.decl.Recv == nil {
		return c.name
	}
	recv := c.decl.Recv.List[0].Type
	return "(" + string(c.file.Src[c.file.Offset(recv.Pos()):c.file.Offset(recv.End())]) + ")." + c.name
}

// writeWhole returns the function of a copy with a single mutant.
func (c *funcCopy) writeWhole() (string, []span) {
	start, end := c.file.Offset(c.decl.Pos()), c.file.Offset(c.decl.End())
	edits := append([]propose.Edit{{Start: c.file.Offset(c.decl.Name.Pos()), End: c.file.Offset(c.decl.Name.End()), New: c.name}}, c.whole.Edits...)
	text := splice(c.file.Src, start, end, withSteps(edits, c.steps))
	return text, []span{{1, 1 + strings.Count(text, "\n"), c.ids()}}
}

func (c *funcCopy) ids() []int {
	out := make([]int, 0, len(c.mutants))
	for _, m := range c.mutants {
		out = append(out, m.ID)
	}
	return out
}

// withSteps returns a mutant's edits together with the steps outside of the replaced text.
func withSteps(edits, steps []propose.Edit) []propose.Edit {
	out := slices.Clone(edits)
	for _, s := range steps {
		inside := slices.ContainsFunc(edits, func(e propose.Edit) bool { return e.Start < s.Start && s.Start < e.End })
		if !inside {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b propose.Edit) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	return out
}

// splice returns a range of a source, with the edits inside that range applied.
func splice(src []byte, start, end int, edits []propose.Edit) string {
	var inside []propose.Edit
	for _, e := range edits {
		if e.Start >= start && e.End <= end {
			e.Start, e.End = e.Start-start, e.End-start
			inside = append(inside, e)
		}
	}
	text, err := propose.Splice(src[start:end], inside)
	if err != nil {
		return "" // impossible: the edits of a candidate fit
	}
	return string(text)
}

// block is a list of statements with its range in the source.
type block struct {
	list       []ast.Stmt
	start, end int // from after the opening brace or colon to the closing brace or the end of the clause
}

// blocksOf lists the blocks of a function, outer ones before inner ones.
func blocksOf(file *source.File, decl *ast.FuncDecl) []block {
	var out []block
	clauses := make(map[*ast.BlockStmt]bool) // bodies that hold only clauses
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SwitchStmt:
			clauses[n.Body] = true
		case *ast.TypeSwitchStmt:
			clauses[n.Body] = true
		case *ast.SelectStmt:
			clauses[n.Body] = true
		case *ast.BlockStmt:
			if !clauses[n] {
				out = append(out, block{n.List, file.Offset(n.Lbrace) + 1, file.Offset(n.Rbrace)})
			}
		case *ast.CaseClause:
			out = append(out, block{n.Body, file.Offset(n.Colon) + 1, file.Offset(n.End())})
		case *ast.CommClause:
			out = append(out, block{n.Body, file.Offset(n.Colon) + 1, file.Offset(n.End())})
		}
		return true
	})
	return out
}

// findSite returns the smallest range of whole statements that a mutant changes, and the text
// that replaces it. ok is false if a choice between statements would not mean the same as the
// mutant:
//
//   - labels would be declared twice;
//   - a := that also sets a variable from outside would declare a new one;
//   - the declarations of a new := would end with the choice.
//
// The error means that the mutant does not parse.
func findSite(file *source.File, blocks []block, uses func(*ast.Ident) token.Pos, edits, steps []propose.Edit) (start, end int, text string, ok bool, err error) {
	from, to := edits[0].Start, edits[len(edits)-1].End
	var failure error
	for _, b := range slices.Backward(blocks) {
		if from < b.start || to > b.end || len(b.list) == 0 {
			continue
		}
		first := slices.IndexFunc(b.list, func(s ast.Stmt) bool {
			end := file.Offset(s.End())
			return end > from || end == from && continues(edits[0].New)
		})
		if first < 0 {
			first = len(b.list)
		}
		// A statement inserted on lines of its own needs no copy of its neighbors.
		between := first == len(b.list) || from <= file.Offset(b.list[first].Pos())
		if len(edits) == 1 && from == to && between && ownLines(edits[0].New, first < len(b.list) && from == file.Offset(b.list[first].Pos())) {
			list, err := statements(edits[0].New)
			if err == nil && !declares(list) {
				return from, from, edits[0].New, true, nil
			}
		}
		if first == len(b.list) {
			first--
		}
		last := first
		for last+1 < len(b.list) && file.Offset(b.list[last+1].Pos()) < to {
			last++
		}
		start = b.start
		if first > 0 {
			start = file.Offset(b.list[first-1].End())
		}
		touched := b.list[first : last+1]
		if last > first || declares(touched) {
			last = len(b.list) - 1
		}
		if slices.ContainsFunc(b.list[first:last+1], func(s ast.Stmt) bool {
			branch, ok := s.(*ast.BranchStmt)
			return ok && branch.Tok == token.FALLTHROUGH
		}) {
			continue // must stay the last of its clause
		}
		// If a site extended past its last statement, it would cross the next one's.
		end = file.Offset(b.list[last].End())
		if edits[len(edits)-1].Start > end {
			return 0, 0, "", false, nil
		}
		edits = upTo(edits, end)
		text = splice(file.Src, start, end, withSteps(edits, steps))
		list, err := statements(text)
		if err != nil { // it may fit the outer block: a new clause after this one's last statement
			failure = cmp.Or(failure, err)
			continue
		}
		ok = !labeled(b.list[first:last+1]) && defines(list) == defines(b.list[first:last+1]) &&
			!redeclares(b.list[first:last+1], uses, b.list[first].Pos()) && !editsTargets(file, touched, edits)
		return start, end, text, ok, nil
	}
	return 0, 0, "", false, failure
}

// continues reports whether text inserted after a statement continues it, like "|| b" after
// "return a".
func continues(text string) bool {
	text = strings.TrimLeft(text, " \t")
	return text != "" && text[0] != '\n' && text[0] != ';' && text[0] != '}'
}

// upTo cuts edits off at an offset, after which there are only space and comments.
func upTo(edits []propose.Edit, end int) []propose.Edit {
	out := slices.Clone(edits)
	for i := range out {
		out[i].End = min(out[i].End, end)
	}
	return out
}

// ownLines reports whether text inserted between statements is on lines of its own.
func ownLines(text string, beforeStatement bool) bool {
	trimmed := strings.Trim(text, " \t")
	return strings.HasPrefix(trimmed, "\n") || beforeStatement && strings.HasSuffix(trimmed, "\n")
}

// statements parses a list of statements.
func statements(text string) ([]ast.Stmt, error) {
	src := "package p; func _() {\n" + text + "\n}"
	f, err := parser.ParseFile(token.NewFileSet(), "", src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if len(f.Decls) != 1 || int(f.Decls[0].End())-1 != len(src) {
		return nil, fmt.Errorf("does not stay within its block")
	}
	return f.Decls[0].(*ast.FuncDecl).Body.List, nil
}

// declares reports whether a statement of a list declares something for those after it.
func declares(list []ast.Stmt) bool {
	return slices.ContainsFunc(list, func(s ast.Stmt) bool {
		a, assigns := s.(*ast.AssignStmt)
		_, decl := s.(*ast.DeclStmt)
		_, label := s.(*ast.LabeledStmt)
		return assigns && a.Tok == token.DEFINE || decl || label
	})
}

// defines counts the statements of a list that declare something.
func defines(list []ast.Stmt) int {
	n := 0
	for i := range list {
		if declares(list[i : i+1]) {
			n++
		}
	}
	return n
}

func labeled(list []ast.Stmt) bool {
	found := false
	for _, s := range list {
		ast.Inspect(s, func(n ast.Node) bool {
			_, label := n.(*ast.LabeledStmt)
			found = found || label
			return !found
		})
	}
	return found
}

// redeclares reports whether a := of the list sets a variable declared before it. Inside a
// choice it would declare a new one.
func redeclares(list []ast.Stmt, uses func(*ast.Ident) token.Pos, before token.Pos) bool {
	for _, s := range list {
		a, ok := s.(*ast.AssignStmt)
		if !ok || a.Tok != token.DEFINE {
			continue
		}
		for _, e := range a.Lhs {
			if id, ok := e.(*ast.Ident); ok {
				if pos := uses(id); pos.IsValid() && pos < before {
					return true
				}
			}
		}
	}
	return false
}

// editsTargets reports whether an edit touches the left side or the operator of an
// assignment that may declare.
func editsTargets(file *source.File, list []ast.Stmt, edits []propose.Edit) bool {
	for _, s := range list {
		a, ok := s.(*ast.AssignStmt)
		if !ok {
			continue
		}
		from, to := file.Offset(a.Pos()), file.Offset(a.TokPos)+len(a.Tok.String())
		for _, e := range edits {
			if e.Start < to && e.End > from && (a.Tok == token.DEFINE || strings.Contains(e.New, ":")) {
				return true
			}
		}
	}
	return false
}
