package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/usererr"
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

func (a *app) applyCommand() *cobra.Command {
	var f patchFlags
	cmd := &cobra.Command{
		Use:   "apply (ID | --patch FILE)",
		Short: "Apply a proposed patch, or any diff, all or nothing",
		Long: `Write a patch to the working tree: either every file changes, or none. If the
patch does not fit a file, apply reports the conflict and changes nothing.

ID is a patch or a run; given a run, apply applies all of its verified patches.
Files that regreen never edits, such as tests and lock files, are refused.

With --patch, apply takes any diff, and the patch formats of language models, and
writes to any file unless --protect is given. It places hunks like GNU patch, and
reports each hunk that it placed elsewhere than the patch says.`,
		Example: `  regreen apply k3f9a2x-1
  regreen apply --patch fix.diff --check
  git diff HEAD~1 | regreen apply --patch - --reverse`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.file != "" && len(args) > 0:
				return &usererr.UsageError{What: "expected either an ID or --patch, got both"}
			case f.file != "":
				return a.applyFile(cmd.Context(), f)
			case len(args) == 0:
				return &usererr.UsageError{What: "expected the ID of a patch or run", Advice: "regreen report shows the patches of the latest run"}
			}
			for _, name := range []string{"dir", "strip", "reverse", "protect"} {
				if cmd.Flags().Changed(name) {
					return &usererr.UsageError{What: "--" + name + " needs --patch"}
				}
			}
			return a.applyID(cmd.Context(), args[0], f.place)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.file, "patch", "", "apply the patch in `FILE` (- for standard input): a diff, an apply_patch envelope or search/replace blocks")
	fs.StringVar(&f.dir, "dir", "", "take the paths of the diff as relative to `DIR` (default: the root of the repository, or the current directory)")
	fs.IntVar(&f.strip, "strip", patch.StripAuto, "strip `N` leading directories from paths (default: a/ and b/ where both sides have them)")
	fs.Lookup("strip").DefValue = "0" // the help describes the default in words
	fs.BoolVar(&f.reverse, "reverse", false, "undo the diff instead")
	fs.BoolVar(&f.protect, "protect", false, "refuse files that regreen never edits: tests, CI configuration, lock files, snapshots")
	f.place.add(fs)
	return cmd
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
		return &usererr.UsageError{What: "--strip cannot be negative"}
	}
	read, err := patch.Read(text, patch.ParseOptions{Strip: f.strip})
	if err != nil {
		return err
	}
	files := read.Files
	if len(files) == 0 {
		name := f.file
		if name == "-" {
			name = "standard input"
		}
		return &usererr.UsageError{What: "no patch in " + name, Advice: "regreen reads diffs, apply_patch envelopes and search/replace blocks"}
	}
	for _, part := range read.Parts {
		if len(part.Notes) > 0 {
			fmt.Fprintln(a.stderr, "read", part)
		}
	}
	tree, below, err := a.patchTree(ctx, f.dir)
	if err != nil {
		return err
	}
	if files, read, err = a.chooseFiles(tree, below, text, read, f); err != nil {
		return err
	}
	if f.reverse {
		files = patch.Reverse(files)
	}
	if files, err = tree.Below(below, files); err != nil {
		return err
	}
	var editable repo.Editable // none: the user chose this patch
	if f.protect {
		cfg, err := config.Load(tree.Root(), config.Getenv(a.environ))
		if err != nil {
			return err
		}
		editable = cfg.Editable
	}
	err = a.write(ctx, tree, files, editable, f.place, "patched")
	return explain(err, f, read)
}

// maxStrip is how many leading directories are left out of paths to find the files of a patch.
const maxStrip = 8

// chooseFiles returns the files of a patch with the names that they have in the tree. If some do not
// exist, it looks for all of them with fewer or more leading directories, unless --strip says how
// many to leave out.
func (a *app) chooseFiles(tree *repo.Tree, below string, text []byte, read patch.Reading, f patchFlags) ([]patch.File, patch.Reading, error) {
	files, missing, err := tree.Choose(below, read, f.reverse)
	if err != nil || missing == 0 || f.strip != patch.StripAuto {
		return files, read, err
	}
	for strip := range maxStrip {
		again, err := patch.Read(text, patch.ParseOptions{Strip: strip})
		if err != nil {
			break // too few directories
		}
		found, missing, err := tree.Choose(below, again, f.reverse)
		if err == nil && missing == 0 {
			fmt.Fprintf(a.stderr, "read the paths like --strip %d, which is where the files are\n", strip)
			return found, again, nil
		}
	}
	return files, read, nil
}

// explain adds to an error where in the patch it is, and which flag would help.
func explain(err error, f patchFlags, read patch.Reading) error {
	var conflict *patch.ConflictError
	var refused *repo.Error
	switch {
	case errors.As(err, &conflict):
		part := conflict.Part - 1
		if f.reverse {
			part = len(read.Parts) - conflict.Part
		}
		if len(read.Parts) > 1 && !conflict.Whole && part >= 0 && part < len(read.Parts) {
			conflict.Reason += fmt.Sprintf(" (line %d of the patch)", read.Parts[part].First)
		}
		if part >= 0 && part < len(read.Parts) && conflict.Missing {
			conflict.Reason = nowhere(read.Parts[part].Names)
		}
		if f.reverse && conflict.Applied {
			conflict.Reason = "the patch is not applied"
			if conflict.Whole {
				conflict.Reason = "not applied"
			}
		}
	case errors.Is(err, repo.ErrProtected) && errors.As(err, &refused):
		refused.Advice = "nothing was written; leave out --protect to change it"
	}
	return err
}

// nowhere says that no file has one of the names in a header.
func nowhere(names []string) string {
	var others []string
	for _, name := range slices.Compact(slices.Clone(names)) {
		others = append(others, patch.Quote(name))
	}
	if len(others) < 2 {
		return "the file does not exist"
	}
	return "the file does not exist, under none of its names: " + strings.Join(others, ", ")
}

func (a *app) readPatch(name string) ([]byte, error) {
	in := a.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, &usererr.UsageError{Where: "--patch", Err: err}
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPatchFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPatchFile {
		return nil, &usererr.UsageError{What: fmt.Sprintf("the patch is larger than %d MiB", maxPatchFile>>20)}
	}
	return text, nil
}

// patchTree returns the tree that a diff applies to, and the directory in it that the diff's
// paths are relative to: --dir, the repository's root, or the current directory.
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
			err = &usererr.UsageError{Where: "--dir", Err: err}
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
			s.Log.Warn("cannot record what the patch writes; rollback will reverse its lines", "error", err)
		}
	}
	if err := a.writeChanges(ctx, &s.Repo.Tree, changes, s.Config.Editable, place.check, "patched"); err != nil || place.check {
		return err
	}
	stored.record(ctx, learn.Kept)
	fmt.Fprintf(a.stderr, "to undo: regreen rollback %s\n", id)
	return nil
}
