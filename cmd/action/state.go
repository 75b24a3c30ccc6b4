package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/confine"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/runner"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// Runs on different machines share state: a directory with the store of outcomes and some small
// files. It is stored in the actions cache as one archive, in which the outcomes are text,
// because a foreign database would be untrusted code.
//
// Cache entries are immutable and belong to a branch. So every run merges the newest entry that
// it sees, and saves a new one under its own key. Entries of a pull request's run are visible
// only to later runs of this pull request, those of the default branch to all.

const (
	stateStore    = "learn.db"
	stateOutcomes = "outcomes.jsonl" // in the archive
	maxOutcomes   = 100_000          // the newest, a few MB in the archive
	maxArchive    = 50 << 20         // a repository's caches may have 10 GB together
)

// stateLimits bound the files in an archive, when it is packed and unpacked.
var stateLimits = runner.Limits{Files: 50, File: 64 << 20, Total: 128 << 20}

// mergeFile merges two versions of a file. Ours is nil if none exists; theirs is untrusted.
type mergeFile = func(ours, theirs []byte) ([]byte, error)

// errUnusable says that a state is damaged or malicious. It is then ignored.
var errUnusable = errors.New("unusable state of an earlier run")

// restoreState restores the newest state whose key has the prefix into a directory, and returns
// its key, or "" if none exists. It adds the outcomes to the directory's store, and the files
// that the directory does not have yet. It takes nothing from a state that is errUnusable.
func restoreState(ctx context.Context, cache *runner.Client, dir, prefix string) (found string, err error) {
	found, theirs, err := fetchState(ctx, cache, prefix)
	if err != nil || found == "" {
		return "", err
	}
	if err := importOutcomes(ctx, dir, theirs); err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		// Never the store itself or a file that belongs to it, in any spelling.
		if name == stateOutcomes || strings.HasPrefix(confine.Seen(name), stateStore) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			continue
		}
		if err := replaceFile(filepath.Join(dir, name), theirs[name]); err != nil {
			return "", err
		}
	}
	return found, nil
}

// saveState saves the state of a directory: the store's outcomes, and the files that merge has
// functions for. The key is the prefix and a part that is unique to this run. First it merges
// what another run has saved meanwhile, if that is usable. It saves nothing if the newest state
// already has everything.
func saveState(ctx context.Context, cache *runner.Client, dir, prefix, unique string, merge map[string]mergeFile) error {
	_, theirs, err := fetchState(ctx, cache, prefix)
	if err == nil {
		err = mergeState(ctx, dir, theirs, merge)
	}
	if err != nil && !errors.Is(err, errUnusable) { // what is saved now would hide it
		return err
	}
	ours, err := readState(ctx, dir, slices.Collect(maps.Keys(merge)))
	if err != nil || len(ours) == 0 || maps.EqualFunc(ours, theirs, bytes.Equal) {
		return err
	}
	archive, done, err := packState(ours, maxArchive)
	if err != nil {
		return err
	}
	defer done()
	return cache.SaveCache(ctx, prefix+unique, archive)
}

// fetchState returns the newest state: the regular files at the top level of its archive.
func fetchState(ctx context.Context, cache *runner.Client, prefix string) (found string, files map[string][]byte, err error) {
	scratch, err := os.MkdirTemp("", "regreen-state-*")
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	archive, dir := filepath.Join(scratch, "state.zip"), filepath.Join(scratch, "state")
	if found, err = cache.RestoreCache(ctx, prefix, []string{prefix}, archive, maxArchive); err == nil && found != "" {
		err = unzipFile(archive, dir)
	}
	switch {
	case errors.Is(err, runner.ErrBroken):
		return "", nil, fmt.Errorf("%w: %w", errUnusable, err)
	case err != nil || found == "":
		return "", nil, err
	}
	files, err = plainFiles(dir)
	return found, files, err
}

func unzipFile(archive, dir string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return runner.Unzip(file, info.Size(), dir, stateLimits)
}

func plainFiles(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		if files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// mergeState merges a state into a directory. It merges what is usable, and returns an error for
// the rest.
func mergeState(ctx context.Context, dir string, theirs map[string][]byte, merge map[string]mergeFile) error {
	err := importOutcomes(ctx, dir, theirs)
	for _, name := range slices.Sorted(maps.Keys(merge)) {
		if text, ok := theirs[name]; ok {
			err = errors.Join(err, mergeInto(filepath.Join(dir, name), text, merge[name]))
		}
	}
	return err
}

func mergeInto(file string, theirs []byte, merge mergeFile) error {
	ours, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	merged, err := merge(ours, theirs)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errUnusable, filepath.Base(file), err)
	}
	return replaceFile(file, merged)
}

// importOutcomes records the outcomes of a state in the store of a directory.
func importOutcomes(ctx context.Context, dir string, theirs map[string][]byte) error {
	text, ok := theirs[stateOutcomes]
	if !ok {
		return nil
	}
	return withStore(dir, func(store learn.Store) error {
		err := learn.Import(ctx, store, bytes.NewReader(text))
		if err != nil && ctx.Err() == nil && !errors.As(err, new(*learn.Error)) { // not the store's
			return fmt.Errorf("%w: %w", errUnusable, err)
		}
		return err
	})
}

// readState returns the files of a directory to save. The map is empty if nothing is known.
func readState(ctx context.Context, dir string, names []string) (map[string][]byte, error) {
	files := map[string][]byte{}
	if _, err := os.Stat(filepath.Join(dir, stateStore)); err == nil {
		var text bytes.Buffer
		err := withStore(dir, func(store learn.Store) error {
			n, err := learn.Export(ctx, store, learn.Query{Limit: maxOutcomes}, &text)
			if n > 0 {
				files[stateOutcomes] = text.Bytes()
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case err == nil:
			files[name] = text
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return files, nil
}

func withStore(dir string, do func(learn.Store) error) error {
	store, err := learn.OpenSQLite(filepath.Join(dir, stateStore), learn.SQLiteOptions{})
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}

// packState creates an archive of at most so many bytes. Done removes it.
func packState(files map[string][]byte, most int64) (archive string, done func(), err error) {
	scratch, err := os.MkdirTemp("", "regreen-state-*")
	if err != nil {
		return "", nil, err
	}
	remove := func() { _ = os.RemoveAll(scratch) }
	defer func() {
		if err != nil {
			remove()
		}
	}()
	dir := filepath.Join(scratch, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, err
	}
	for name, text := range files {
		if int64(len(text)) > stateLimits.File {
			return "", nil, tooLarge(name, int64(len(text)), stateLimits.File)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return "", nil, err
		}
	}
	file, err := os.Create(filepath.Join(scratch, "state.zip"))
	if err != nil {
		return "", nil, err
	}
	if err := errors.Join(runner.Zip(file, dir), file.Close()); err != nil {
		return "", nil, err
	}
	info, err := os.Stat(file.Name())
	if err == nil && info.Size() > most {
		err = tooLarge("the archive", info.Size(), most)
	}
	return file.Name(), remove, err
}

func tooLarge(what string, size, most int64) error {
	return &usererr.Error{
		What:   fmt.Sprintf("the state is too large to save: %s has %d bytes, the limit is %d", what, size, most),
		Advice: "delete regreen's caches of the repository; it then starts to learn again",
	}
}

// replaceFile writes a file as a whole or not at all.
func replaceFile(name string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(draft.Name()))
		}
	}()
	_, err = draft.Write(text)
	if err := errors.Join(err, draft.Close()); err != nil {
		return err
	}
	return os.Rename(draft.Name(), name)
}
