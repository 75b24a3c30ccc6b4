package compile

import (
	"context"
	"fmt"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var signatureStrategy = propose.Strategy{
	Name:  "compile/signature",
	Title: "Adapt callers to changed parameters",
	Text: `Applies when the change since the base altered the parameters of a function.
Every call that still passes what the old ones were gets the new order, loses
the arguments that went, and gets a value for each new parameter: a variable of
its name, another of its type, or the zero value. Check the values filled in.`,
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

// fixSignature follows a signature that the change altered: every call that still
// passes what the old one asked for passes the same to the new one.
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
	f, d, found := cs.st.now(dir, key)
	if old == nil || old.typ == nil || !found || d.typ == nil || len(old.params) != len(call.Args) {
		return nil
	}
	sh, changed := follow(old.params, params(f, d.typ))
	if !changed {
		return nil
	}
	return cs.place(sh, 2.5, fmt.Sprintf("follow the changed parameters of %s", site.Quote(key)))
}

// follow matches new parameters with old ones, by name and then by type.
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
