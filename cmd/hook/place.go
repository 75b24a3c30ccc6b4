package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/syntax"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// placeFlags are the flags for placing hunks and for changing files or only checking.
type placeFlags struct {
	fuzz               int
	approximate, check bool
}

func (f *placeFlags) add(fs *pflag.FlagSet) {
	fs.BoolVar(&f.check, "check", false, "only check whether it applies; change nothing")
	fs.IntVar(&f.fuzz, "fuzz", patch.DefaultFuzz, "let up to `N` lines of context differ; 0 allows offsets only")
	fs.BoolVar(&f.approximate, "approximate", false, "place a hunk that fits nowhere at the most similar lines, if the result parses")
	renamed(fs, "near", "approximate")
}

func (f placeFlags) options() patch.Options {
	opt := patch.Options{Fuzz: f.fuzz}
	if f.approximate {
		opt.Approximate = syntax.Check
	}
	return opt
}

func (f placeFlags) valid() error {
	if f.fuzz < 0 {
		return &usererr.UsageError{What: "--fuzz cannot be negative"}
	}
	return nil
}

// write applies a patch, or with --check only checks that it applies. Done is the word that it
// prints for each file: patched or restored.
func (a *app) write(ctx context.Context, tree *repo.Tree, files []patch.File, editable repo.Editable, place placeFlags, done string) error {
	changes, err := tree.Plan(files, place.options())
	if err != nil {
		return err
	}
	return a.writeChanges(ctx, tree, changes, editable, place.check, done)
}

func (a *app) writeChanges(ctx context.Context, tree *repo.Tree, changes []repo.Change, editable repo.Editable, check bool, done string) error {
	var err error
	if check {
		done, err = "applies to", tree.Check(changes, editable)
	} else {
		err = tree.Write(ctx, changes, editable)
	}
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintf(a.stderr, "%s %s%s\n", done, patch.Quote(c.Path), placements(c.Placed))
	}
	return nil
}

// placements describes the hunks that did not apply exactly.
func placements(placed []patch.Placement) string {
	var out []string
	for _, p := range placed {
		var how []string
		if p.Offset != 0 {
			how = append(how, fmt.Sprintf("offset %d", p.Offset))
		}
		if p.Fuzz != 0 {
			how = append(how, fmt.Sprintf("fuzz %d", p.Fuzz))
		}
		if p.Similarity < 1 {
			how = append(how, fmt.Sprintf("%.0f%% similar", 100*p.Similarity))
		}
		if len(how) > 0 {
			out = append(out, fmt.Sprintf("hunk %d at line %d, %s", p.Hunk, p.Line, strings.Join(how, ", ")))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, "; ") + ")"
}
