package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/syntax"
)

// maxPatchFile bounds a patch that is read from a file.
const maxPatchFile = 64 << 20

// patchFlags are the flags of `apply --patch`.
type patchFlags struct {
	file, dir        string
	strip            int
	reverse, protect bool
	place            placeFlags
}

// placeFlags say how patches are put on files, or only tried.
type placeFlags struct {
	fuzz        int
	near, check bool
}

func (f *placeFlags) add(fs *pflag.FlagSet) {
	fs.IntVar(&f.fuzz, "fuzz", patch.DefaultFuzz, "lines of context that may differ; 0 allows offsets only")
	fs.BoolVar(&f.near, "near", false, "place by likeness what fits nowhere, if the result still parses")
	fs.BoolVar(&f.check, "check", false, "only tell whether it applies")
}

func (f placeFlags) options() patch.Options {
	opt := patch.Options{Fuzz: f.fuzz}
	if f.near {
		opt.Near = syntax.Check
	}
	return opt
}

func (f placeFlags) valid() error {
	if f.fuzz < 0 {
		return &session.UsageError{Msg: "--fuzz cannot be negative"}
	}
	return nil
}

func (a *app) applyCommand() *cobra.Command {
	var f patchFlags
	cmd := &cobra.Command{
		Use:   "apply ID | apply --patch FILE",
		Short: "Apply a proposed patch, or any diff, all or nothing",
		Long: `Apply writes a patch to the working tree in one transaction: either every file is
changed, or none. It refuses when a file no longer fits.

ID is that of a patch, or of a run for all the patches it verified. What regreen itself
never edits is not written then. With --patch any diff is applied, with hunks placed as
GNU patch places them, or a patch as language models write them, to any file of the tree
unless --protect is given. Where a hunk went that is not where it says is told.`,
		Example: `  regreen apply k3f9a2x-1
  regreen apply --patch fix.diff --check
  git diff HEAD~1 | regreen apply --patch - --reverse`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.file != "" && len(args) > 0:
				return &session.UsageError{Msg: "an ID and --patch exclude each other"}
			case f.file != "":
				return a.applyFile(cmd.Context(), f)
			case len(args) == 0:
				return &session.UsageError{Msg: "apply needs the ID of a patch", Hint: "regreen report shows the patches of the latest run"}
			}
			for _, name := range []string{"dir", "strip", "reverse", "protect"} {
				if cmd.Flags().Changed(name) {
					return &session.UsageError{Msg: "--" + name + " goes with --patch"}
				}
			}
			return a.applyID(cmd.Context(), args[0], f.place)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.file, "patch", "", "apply the patch in `FILE` (- for standard input): a diff, an apply_patch envelope or search/replace blocks")
	fs.StringVar(&f.dir, "dir", "", "the `DIR` that the diff's paths are relative to (default the repository's root, or this folder)")
	fs.IntVar(&f.strip, "strip", patch.StripAuto, "leading folders to take off paths (default: a/ and b/ where both sides have them)")
	fs.Lookup("strip").DefValue = "0" // so that help does not show what means by itself
	fs.BoolVar(&f.reverse, "reverse", false, "undo the diff instead")
	fs.BoolVar(&f.protect, "protect", false, "refuse files that regreen itself never edits: tests, CI configuration, lock files, snapshots")
	f.place.add(fs)
	return cmd
}

func exactID(command string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return &session.UsageError{Msg: command + " needs one ID", Hint: "regreen report shows the patches of the latest run"}
		}
		return nil
	}
}

// applyFile is `regreen apply --patch`.
func (a *app) applyFile(ctx context.Context, f patchFlags) error {
	text, err := a.readPatch(f.file)
	if err != nil {
		return err
	}
	if err := f.place.valid(); err != nil {
		return err
	}
	if f.strip < patch.StripAuto {
		return &session.UsageError{Msg: "--strip cannot be negative"}
	}
	read, err := patch.Read(text, patch.ParseOptions{Strip: f.strip})
	if err != nil {
		return err
	}
	files := read.Files
	if len(files) == 0 {
		return &session.UsageError{Msg: "there is no patch in " + f.file, Hint: "regreen reads diffs, apply_patch envelopes and search/replace blocks"}
	}
	for _, part := range read.Parts {
		if len(part.Notes) > 0 {
			fmt.Fprintln(a.stderr, "read", report.Visible(part.String()))
		}
	}
	if f.reverse {
		files = patch.Reverse(files)
	}
	tree, below, err := a.patchTree(ctx, f.dir)
	if err != nil {
		return err
	}
	if files, err = tree.Below(below, files); err != nil {
		return err
	}
	var policy repo.Policy // a person decides
	if f.protect {
		cfg, err := config.Load(tree.Root(), config.Getenv(a.environ))
		if err != nil {
			return err
		}
		policy = cfg.Editable
	}
	err = a.write(ctx, tree, files, policy, f.place)
	return explained(err, f, read)
}

// explained adds to an error what a person who gave the patch wants to know of it.
func explained(err error, f patchFlags, read patch.Reading) error {
	var conflict *patch.ConflictError
	var refused *repo.Error
	switch {
	case errors.As(err, &conflict):
		part := conflict.Part - 1
		if f.reverse {
			part = len(read.Parts) - conflict.Part
		}
		if len(read.Parts) > 1 && part >= 0 && part < len(read.Parts) {
			conflict.Reason += fmt.Sprintf(" (line %d of the patch)", read.Parts[part].First)
		}
		if f.reverse && conflict.Applied {
			conflict.Reason = "the patch is not applied"
		}
	case errors.Is(err, repo.ErrProtected) && errors.As(err, &refused):
		refused.Hint = "nothing was written; without --protect it would be"
	}
	return err
}

func (a *app) readPatch(name string) ([]byte, error) {
	in := a.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, &session.UsageError{Msg: err.Error()}
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPatchFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPatchFile {
		return nil, &session.UsageError{Msg: fmt.Sprintf("the patch is larger than %d MiB", maxPatchFile>>20)}
	}
	return text, nil
}

// patchTree is the tree that a diff is for, and the folder of it where the diff's paths
// begin: DIR, the repository's root, or here.
func (a *app) patchTree(ctx context.Context, dir string) (tree *repo.Tree, below string, err error) {
	from := dir
	if from == "" {
		from = a.dir
	}
	rp, err := repo.Open(ctx, from, a.environ)
	switch {
	case errors.Is(err, repo.ErrGitsOwn):
		return nil, "", err
	case errors.Is(err, repo.ErrNotRepository), errors.Is(err, repo.ErrNoGit):
		if tree, err = repo.Dir(from); err != nil && dir != "" {
			err = &session.UsageError{Msg: "--dir: " + err.Error()}
		}
		return tree, ".", err
	case err != nil:
		return nil, "", err
	case dir == "":
		return &rp.Tree, ".", nil
	}
	if dir, err = filepath.EvalSymlinks(dir); err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, "", err
	}
	below, err = filepath.Rel(rp.Root(), dir)
	return &rp.Tree, filepath.ToSlash(below), err
}

// write carries a patch out, or only says that it could.
func (a *app) write(ctx context.Context, tree *repo.Tree, files []patch.File, policy repo.Policy, place placeFlags) error {
	changes, err := tree.Plan(files, place.options())
	if err != nil {
		return err
	}
	return a.writeChanges(ctx, tree, changes, policy, place.check)
}

func (a *app) writeChanges(ctx context.Context, tree *repo.Tree, changes []repo.Change, policy repo.Policy, check bool) error {
	verb, err := "patched", error(nil)
	if check {
		verb, err = "applies to", tree.Check(changes, policy)
	} else {
		err = tree.Write(ctx, changes, policy)
	}
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintf(a.stderr, "%s %s%s\n", verb, report.Visible(c.Path), placements(c.Placed))
	}
	return nil
}

// placements tells where hunks went that did not go where they say.
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
			how = append(how, fmt.Sprintf("%.0f %% alike", 100*p.Similarity))
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

// applyID applies the patch of a stored run.
func (a *app) applyID(ctx context.Context, id string, place placeFlags) error {
	stored, err := a.stored(ctx, id, place, false)
	if err != nil {
		return err
	}
	defer stored.close()
	s, state := stored.session, stored.session.Repo.StateDir()
	files, err := stored.files()
	if err != nil {
		return err
	}
	changes, err := s.Repo.Plan(files, place.options())
	if err != nil {
		return err
	}
	if !place.check {
		if err := runs.RecordWritten(state, changes, stored.patches, place.options()); err != nil {
			s.Log.Warn("a later rollback will go by the patch's lines alone", "error", err)
		}
	}
	if err := a.writeChanges(ctx, &s.Repo.Tree, changes, s.Config.Editable, place.check); err != nil || place.check {
		return err
	}
	stored.becomes(ctx, learn.Kept)
	fmt.Fprintf(a.stderr, "to take it back: regreen rollback %s\n", id)
	return nil
}

// storedPatches are patches of a stored run that a person chose.
type storedPatches struct {
	session *session.Session
	run     *report.Report
	patches []*report.Patch
}

func (a *app) stored(ctx context.Context, id string, place placeFlags, back bool) (*storedPatches, error) {
	if err := place.valid(); err != nil {
		return nil, err
	}
	s, err := a.open(ctx, "", nil, session.Flags{})
	if err != nil {
		return nil, err
	}
	x := &storedPatches{session: s}
	if x.run, err = runs.Load(s.Repo.StateDir(), id); err == nil {
		x.patches, err = choose(x.run, id, back)
	}
	if err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

func (x *storedPatches) close() { _ = x.session.Close() }

// files are the patches as one.
func (x *storedPatches) files() ([]patch.File, error) {
	var files []patch.File
	for _, p := range x.patches {
		parsed, err := runs.LoadPatch(x.session.Repo.StateDir(), p)
		if err != nil {
			return nil, err
		}
		files = append(files, parsed...)
	}
	return files, nil
}

// becomes notes in the run what became of the patches, and learns from it.
func (x *storedPatches) becomes(ctx context.Context, event learn.Event) {
	for _, p := range x.patches {
		p.Applied, p.Staged = event == learn.Kept, false
	}
	x.run.Settle()
	if err := runs.Save(x.session.Repo.StateDir(), x.run); err != nil {
		x.session.Log.Warn("the run cannot be updated", "error", err)
	}
	if err := x.session.Store.Record(ctx, repair.Aftermath(x.run, x.patches, event, time.Now())); err != nil {
		x.session.Log.Warn("the outcome could not be recorded", "error", err)
	}
}

// choose picks the patches an id means.
func choose(rep *report.Report, id string, back bool) ([]*report.Patch, error) {
	var out []*report.Patch
	for i := range rep.Patches {
		p := &rep.Patches[i]
		switch {
		case p.ID == id && back && !p.Applied:
			return nil, &session.UsageError{Msg: "patch " + id + " is not applied"}
		case p.ID == id:
			return []*report.Patch{p}, nil
		case rep.ID == id && back && p.Applied, rep.ID == id && !back && p.State == "verified" && p.Rank == 1:
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		hint := "regreen report " + rep.ID + " shows what it found"
		if back {
			return nil, &session.UsageError{Msg: "nothing of " + id + " is applied", Hint: hint}
		}
		return nil, &session.UsageError{Msg: "run " + rep.ID + " has no such verified patch", Hint: hint}
	}
	return out, nil
}
