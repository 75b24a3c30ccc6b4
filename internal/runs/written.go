package runs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
)

// RecordWritten stores, for patches that are applied one after the other, what each of them
// writes to the files of the changes. With it, a rollback can undo a patch even if the files
// were edited since.
func RecordWritten(state string, changes []repo.Change, patches []*report.Patch, opt patch.Options) error {
	type file struct {
		content []byte
		exists  bool
	}
	files := make(map[string]file)
	modes := make(map[string]fs.FileMode)
	for _, c := range changes {
		files[c.Path] = file{c.Old, c.OldExists}
		modes[c.Path] = c.OldMode
	}
	for _, p := range patches {
		parsed, err := LoadPatch(state, p)
		if err != nil {
			return err
		}
		var written []repo.Change
		for _, f := range parsed {
			if f.Rename || f.Copy {
				return fmt.Errorf("patch %s moves or copies files", p.ID)
			}
			before := files[f.Name()]
			content, _, err := patch.Apply(before.content, f, opt)
			if err != nil {
				return err
			}
			after := file{content, !f.Delete}
			files[f.Name()] = after
			written = append(written, repo.Change{
				Path: f.Name(), Old: before.content, OldExists: before.exists, OldMode: modes[f.Name()],
				New: after.content, NewExists: after.exists, Mode: f.NewMode,
			})
		}
		doc, err := json.Marshal(written)
		if err != nil {
			return err
		}
		if err := writeFile(writtenFile(state, p.ID), doc); err != nil {
			return err
		}
	}
	return nil
}

// Written returns what RecordWritten stored for patches that were applied in this order, as
// one change per file. ok is false unless all of them are stored.
func Written(state string, patches []*report.Patch) (written []repo.Change, ok bool, err error) {
	at := make(map[string]int)
	for _, p := range patches {
		doc, err := os.ReadFile(writtenFile(state, p.ID))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		var changes []repo.Change
		if err := json.Unmarshal(doc, &changes); err != nil {
			return nil, false, fmt.Errorf("%s: %w", writtenFile(state, p.ID), err)
		}
		for _, c := range changes {
			if i, again := at[c.Path]; again {
				written[i].New, written[i].NewExists, written[i].Mode = c.New, c.NewExists, cmp.Or(c.Mode, written[i].Mode)
				continue
			}
			at[c.Path] = len(written)
			written = append(written, c)
		}
	}
	return written, true, nil
}

// ForgetWritten removes what RecordWritten stored for a patch that was rolled back.
func ForgetWritten(state, id string) error {
	if err := os.Remove(writtenFile(state, id)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
