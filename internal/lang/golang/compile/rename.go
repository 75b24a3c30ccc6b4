package compile

import (
	"context"
	"fmt"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

var renameStrategy = propose.Strategy{
	Name:  "compile/rename",
	Title: "Follow a rename, or undo it where a test needs the old name",
	Text: `Applies when the change since the base renamed something but code still uses
the old name. Updates every use in the failing packages to the new name. If a
test uses the old name, renames the declaration back instead.`,
	Before: `func lookup(key string) string { return data[key] }

var data = map[string]string{}

func show(key string) string { return get(key) }`,
	After: `func lookup(key string) string { return data[key] }

var data = map[string]string{}

func show(key string) string { return lookup(key) }`,
	Share: compileShare, Kinds: compileKinds,
	Propose: remediesOf("compile/rename"),
}

var renameFixers = []fixer{
	{"compile/rename", nameCodes, fixRename},
}

// fixRename follows a rename made by the change: it updates uses of the old name.
// If a test uses the old name, or the declaration was not renamed, it renames the
// declaration to the name in use.
func fixRename(_ context.Context, cs *cause) []site.Option {
	first := cs.sites[0]
	id := first.ident()
	if id == nil {
		return nil
	}
	var out []site.Option
	for _, sub := range cs.st.c.substitutions(id.Name) {
		other, weight := sub.to, 2*float64(sub.count)/float64(sub.count+1)
		if id.Name == sub.to {
			other, weight = sub.from, weight/2
		}
		if sites := cs.editable(); len(sites) > 0 {
			o := respell(sites, spelling{other, weight})
			o.Title = fmt.Sprintf("follow the rename of %s to %s", site.Quote(sub.from), site.Quote(sub.to))
			if id.Name == sub.to {
				o.Title = site.ReplaceTitle(sub.to, sub.from)
			}
			out = append(out, o)
		}
		for _, obj := range first.scopeObjects() {
			if obj.Name() != other || (!cs.readOnly() && id.Name == sub.from) {
				continue
			}
			if edits := cs.st.rename(obj, id.Name); len(edits) > 0 {
				out = append(out, site.Option{Weight: weight, Title: fmt.Sprintf("rename %s to %s", site.Quote(other), site.Quote(id.Name)), Edits: edits, Alike: 1})
			}
		}
	}
	return out
}
