package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

// maxPatchFile bounds a patch that is read from a file.
const maxPatchFile = 64 << 20

// patchFlags are the flags of `apply --patch`.
type patchFlags struct {
	file, dir      string
	strip, fuzz    int
	reverse, check bool
	protect        bool
}

func (a *app) applyCommand() *cobra.Command {
	var f patchFlags
	cmd := &cobra.Command{
		Use:   "apply ID | apply --patch FILE",
		Short: "Apply a proposed patch, or any unified diff, all or nothing",
		Long: `Apply writes a patch to the working tree in one transaction: either every file is
changed, or none. It refuses when a file no longer fits.

ID is that of a patch, or of a run for all the patches it verified. What regreen itself
never edits is not written then. With --patch any unified diff is applied, with hunks
placed as GNU patch places them, to any file of the tree, unless --protect is given.`,
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
			return a.applyID(cmd.Context(), args[0], f.fuzz, f.check, false)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.file, "patch", "", "apply the unified diff in `FILE` (- for standard input)")
	fs.StringVar(&f.dir, "dir", "", "the `DIR` that the diff's paths are relative to (default the repository's root, or this folder)")
	fs.IntVar(&f.strip, "strip", patch.StripAuto, "leading folders to take off paths (default: a/ and b/ where both sides have them)")
	fs.IntVar(&f.fuzz, "fuzz", patch.DefaultFuzz, "lines of context that may differ; 0 allows offsets only")
	fs.BoolVar(&f.reverse, "reverse", false, "undo the diff instead")
	fs.BoolVar(&f.protect, "protect", false, "refuse files that regreen itself never edits: tests, CI configuration, lock files, snapshots")
	fs.BoolVar(&f.check, "check", false, "only tell whether it applies")
	return cmd
}

func (a *app) rollbackCommand() *cobra.Command {
	fuzz := patch.DefaultFuzz
	cmd := &cobra.Command{
		Use:     "rollback ID",
		Short:   "Take back a patch that was applied, and learn from it",
		Example: "  regreen rollback k3f9a2x-1",
		Args:    exactID("rollback"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.applyID(cmd.Context(), args[0], fuzz, false, true)
		},
	}
	cmd.Flags().IntVar(&fuzz, "fuzz", patch.DefaultFuzz, "lines of context that may differ; 0 allows offsets only")
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
	if f.fuzz < 0 || f.strip < patch.StripAuto {
		return &session.UsageError{Msg: "--fuzz and --strip cannot be negative"}
	}
	files, err := patch.Parse(text, patch.ParseOptions{Strip: f.strip})
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return &session.UsageError{Msg: "there is no diff in " + f.file}
	}
	if f.reverse {
		files = patch.Reverse(files)
	}
	tree, err := a.patchTree(ctx, f.dir)
	if err != nil {
		return err
	}
	var policy repo.Policy // a person decides
	if f.protect {
		if policy, err = a.protection(ctx, tree); err != nil {
			return err
		}
	}
	return a.write(ctx, tree, files, policy, f.fuzz, f.check)
}

// protection is the policy of the configuration for a folder, which may lie below the
// top of the tree that the policy's paths begin at.
func (a *app) protection(ctx context.Context, tree *repo.Tree) (repo.Policy, error) {
	top, below := tree.Root(), ""
	rp, err := repo.Open(ctx, tree.Root(), a.environ)
	switch {
	case errors.Is(err, repo.ErrNotRepository), errors.Is(err, repo.ErrNoGit):
	case err != nil:
		return nil, err
	default:
		dir, err := filepath.EvalSymlinks(tree.Root())
		if err != nil {
			return nil, err
		}
		top = rp.Root()
		if below, err = filepath.Rel(top, dir); err != nil {
			return nil, err
		}
	}
	cfg, err := config.Load(top, config.Getenv(a.environ))
	if err != nil {
		return nil, err
	}
	return func(name string) (bool, string) { return cfg.Editable(path.Join(filepath.ToSlash(below), name)) }, nil
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

// patchTree is where a diff's paths begin: DIR, the repository's root, or here.
func (a *app) patchTree(ctx context.Context, dir string) (*repo.Tree, error) {
	if dir != "" {
		tree, err := repo.Dir(dir)
		if err != nil {
			return nil, &session.UsageError{Msg: "--dir: " + err.Error()}
		}
		return tree, nil
	}
	rp, err := repo.Open(ctx, a.dir, a.environ)
	if errors.Is(err, repo.ErrNotRepository) || errors.Is(err, repo.ErrNoGit) {
		return repo.Dir(a.dir)
	}
	if err != nil {
		return nil, err
	}
	return &rp.Tree, nil
}

// write carries a patch out, or only says that it could.
func (a *app) write(ctx context.Context, tree *repo.Tree, files []patch.File, policy repo.Policy, fuzz int, check bool) error {
	changes, err := tree.Plan(files, patch.Options{Fuzz: fuzz})
	if err != nil {
		return err
	}
	verb := "patched"
	if check {
		verb, err = "applies to", tree.Check(changes, policy)
	} else {
		err = tree.Write(ctx, changes, policy)
	}
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintf(a.stderr, "%s %s\n", verb, c.Path)
	}
	return nil
}

// applyID applies the patch of a stored run, or takes it back.
func (a *app) applyID(ctx context.Context, id string, fuzz int, check, back bool) error {
	s, err := a.open(ctx, "", nil, session.Flags{})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	rep, err := repair.Stored(s.Repo.StateDir(), id)
	if err != nil {
		return err
	}
	chosen, err := choose(rep, id, back)
	if err != nil {
		return err
	}
	var files []patch.File
	for _, p := range chosen {
		parsed, err := patchOf(s.Repo.StateDir(), p)
		if err != nil {
			return err
		}
		files = append(files, parsed...)
	}
	var policy repo.Policy = s.Config.Editable
	if back {
		files, policy = patch.Reverse(files), nil // what was written must be taken back
	}
	if back && !check && a.staged(ctx, s.Repo, chosen) {
		err = a.unstage(ctx, s.Repo, files, fuzz)
	} else {
		err = a.write(ctx, &s.Repo.Tree, files, policy, fuzz, check)
	}
	if err != nil {
		return err
	}
	if check {
		return nil
	}
	for _, p := range chosen {
		p.Applied, p.Staged = !back, false
	}
	if err := repair.Restore(s.Repo.StateDir(), rep); err != nil {
		s.Log.Warn("the run cannot be updated", "error", err)
	}
	event := learn.Kept
	if back {
		event = learn.RolledBack
	}
	if err := s.Store.Record(ctx, repair.Aftermath(rep, chosen, event, time.Now())); err != nil {
		s.Log.Warn("the outcome could not be recorded", "error", err)
	}
	if !back {
		fmt.Fprintf(a.stderr, "to take it back: regreen rollback %s\n", id)
	}
	return nil
}

// staged tells whether patches that a hook put into the index are there to be taken
// back: what was committed since, or never, is not.
func (a *app) staged(ctx context.Context, rp *repo.Repo, patches []*report.Patch) bool {
	names, err := rp.ChangedNames(ctx, "HEAD", repo.Index(""))
	if err != nil {
		return false
	}
	for _, p := range patches {
		if !p.Staged {
			return false
		}
		for _, span := range p.Files {
			if !slices.Contains(names, span.File) {
				return false
			}
		}
	}
	return true
}

// unstage takes a patch back out of index and working tree.
func (a *app) unstage(ctx context.Context, rp *repo.Repo, files []patch.File, fuzz int) error {
	index := repo.Index("")
	tree, err := rp.TreeHash(ctx, index)
	if err != nil {
		return err
	}
	changes, err := rp.PlanStaged(ctx, index, files, patch.Options{Fuzz: fuzz})
	if err != nil {
		return err
	}
	if _, err := rp.WriteStaged(ctx, index, tree, changes, nil); err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintf(a.stderr, "patched %s, in the index and in the working tree\n", c.Path)
	}
	return nil
}

// choose picks the patches an id means.
func choose(rep *report.Report, id string, back bool) ([]*report.Patch, error) {
	var out []*report.Patch
	for i := range rep.Patches {
		p := &rep.Patches[i]
		switch {
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

// patchOf reads a patch from where its bytes are kept as they were; the report's
// text of it may have been made valid UTF-8.
func patchOf(state string, p *report.Patch) ([]patch.File, error) {
	text, err := os.ReadFile(filepath.Join(state, "patches", p.ID+".patch"))
	if errors.Is(err, os.ErrNotExist) && !strings.ContainsRune(p.Diff, '\uFFFD') {
		text, err = []byte(p.Diff), nil
	}
	if err != nil {
		return nil, err
	}
	return patch.Parse(text)
}
