package compile

import (
	"context"
	"fmt"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var signatureStrategy = propose.Strategy{
	Name:  "compile/signature",
	Title: "Update calls of a function whose parameters changed",
	Text: `Applies when the change since the base altered the parameters of a function.
Reorders the arguments of calls that still pass the old ones, drops those of
removed parameters, and fills in each new parameter: with a variable of its
name, another of its type, or the zero value. Check the values filled in.`,
	Before: `import "fmt"

func describe(name string, age int, verbose bool) string {
	if verbose {
		return fmt.Sprintf("%s is %d years old", name, age)
	}
	return fmt.Sprint(name, age)
}

func short(name string, age int) string { return describe(name, age) }`,
	After: `import "fmt"

func describe(name string, age int, verbose bool) string {
	if verbose {
		return fmt.Sprintf("%s is %d years old", name, age)
	}
	return fmt.Sprint(name, age)
}

func short(name string, age int) string { return describe(name, age, false) }`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/signature"),
}

var signatureFixers = []fixer{
	{"compile/signature", []errorCode{wrongArgCount, incompatibleAssign, invalidIfaceAssign}, fixSignature},
}

// fixSignature updates the calls of a function whose signature the change altered.
func fixSignature(_ context.Context, cs *cause) []site.Option {
	at := cs.sites[0]
	call := at.call()
	if call == nil || len(cs.editable()) == 0 {
		return nil
	}
	dir, key, ok := cs.st.keyOf(at.callee(call))
	if !ok {
		return nil
	}
	old := cs.st.c.baseOf(dir)[key]
	f, d, found := cs.st.current(dir, key)
	if old == nil || old.typ == nil || !found || d.typ == nil || len(old.params) != len(call.Args) {
		return nil
	}
	sh, changed := follow(old.params, params(f, d.typ))
	if !changed {
		return nil
	}
	return cs.place(sh, 2.5, fmt.Sprintf("update the call for the new parameters of %s", site.Quote(key)))
}

// follow matches new parameters with old ones, first by name, then by type. It also
// reports whether anything changed.
func follow(old, now []param) (shape, bool) {
	sh := make(shape, len(now))
	used := make([]bool, len(old))
	match := func(same func(a, b param) bool) {
		for j, b := range now {
			for i, a := range old {
				if sh[j] < 0 && !used[i] && same(a, b) {
					sh[j], used[i] = i, true
				}
			}
		}
	}
	for j := range sh {
		sh[j] = -1
	}
	match(func(a, b param) bool { return a == b && a.name != "" })
	match(func(a, b param) bool { return a.name == b.name && a.name != "" && a.name != "_" })
	match(func(a, b param) bool { return a.typ == b.typ })
	changed := len(old) != len(now)
	for j, i := range sh {
		changed = changed || i != j
	}
	return sh, changed
}
