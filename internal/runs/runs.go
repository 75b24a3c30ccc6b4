// Package runs stores the runs of a repository in its state directory: the report of each
// run, its patches byte for byte, and what applying them wrote to the user's files, so that
// later commands can show, apply and roll back.
//
//	runs/ID.json              the report
//	patches/ID-N.patch        a patch of the run
//	patches/ID-N.written.json what applying the patch wrote
//
// Every file is written whole or not at all.
//
// Non-goals: deciding what a run means or what to learn from it (package repair), and
// writing to the user's files (package repo).
package runs

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/report"
)

// ErrNoRun is the error for the ID of a run or patch that is not stored.
var ErrNoRun = errors.New("no such run or patch")

// noneStored is ErrNoRun in a repository without any stored run.
type noneStored struct{}

func (noneStored) Error() string        { return "no run is stored yet" }
func (noneStored) Is(target error) bool { return target == ErrNoRun }

// idLength is the number of letters and digits of a run's ID: short enough to type.
const idLength = 7

// idText matches the ID of a run or of a patch, which is numbered within its run.
var idText = regexp.MustCompile(`^[a-z2-7]{7}(-[0-9]{1,4})?$`)

// NewID returns a random ID for a run.
func NewID() string { return strings.ToLower(rand.Text()[:idLength]) }

func runFile(state, id string) string     { return filepath.Join(state, "runs", id+".json") }
func patchFile(state, id string) string   { return filepath.Join(state, "patches", id+".patch") }
func writtenFile(state, id string) string { return filepath.Join(state, "patches", id+".written.json") }

// Save stores the report of a run, or replaces the stored one.
func Save(state string, rep *report.Report) error {
	doc, err := report.JSON(rep)
	if err != nil {
		return err
	}
	return writeFile(runFile(state, rep.ID), doc)
}

// Load reads the report of a stored run by the ID of the run or of one of its patches; ""
// means the latest run.
func Load(state, id string) (*report.Report, error) {
	if id == "" {
		latest, err := latestID(state)
		if err != nil {
			return nil, err
		}
		id = latest
	}
	if !idText.MatchString(id) {
		return nil, fmt.Errorf("%q: %w", id, ErrNoRun)
	}
	doc, err := os.ReadFile(runFile(state, id[:idLength]))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q: %w", id, ErrNoRun)
	}
	if err != nil {
		return nil, err
	}
	return report.Read(doc)
}

// latestID returns the ID of the run that was stored last.
func latestID(state string) (string, error) {
	entries, err := os.ReadDir(filepath.Join(state, "runs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var newest time.Time
	id := ""
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || filepath.Ext(e.Name()) != ".json" {
			continue
		}
		if info.ModTime().After(newest) {
			newest, id = info.ModTime(), strings.TrimSuffix(e.Name(), ".json")
		}
	}
	if id == "" {
		return "", noneStored{}
	}
	return id, nil
}

// List reads the latest stored runs, newest first. It leaves out those that cannot be read.
func List(state string, limit int) ([]*report.Report, error) {
	entries, err := os.ReadDir(filepath.Join(state, "runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// There may be many large reports: read only those that were written last.
	written := func(e fs.DirEntry) time.Time {
		info, err := e.Info()
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return written(b).Compare(written(a)) })
	var out []*report.Report
	for _, e := range entries {
		if len(out) == limit {
			break
		}
		doc, err := os.ReadFile(filepath.Join(state, "runs", e.Name()))
		if err != nil {
			continue
		}
		if rep, err := report.Read(doc); err == nil {
			out = append(out, rep)
		}
	}
	slices.SortFunc(out, func(a, b *report.Report) int { return b.Started.Compare(a.Started) })
	return out, nil
}

// lowestRank is the last rank of a plausible patch that is stored.
const lowestRank = 10

// SavePatches stores the patches of a run that a user may want to apply: the verified ones
// and the best of the plausible ones. Call it before the report is redacted: a redacted
// patch no longer applies.
func SavePatches(state string, rep *report.Report) error {
	for _, p := range rep.Patches {
		if p.State != report.PatchVerified && p.Rank > lowestRank {
			continue
		}
		if err := writeFile(patchFile(state, p.ID), []byte(p.Diff)); err != nil {
			return err
		}
	}
	return nil
}

// LoadPatch reads a patch of a stored run, byte for byte as it was proposed. The text in the
// report may be redacted or changed to be valid UTF-8.
func LoadPatch(state string, p *report.Patch) ([]patch.File, error) {
	text, err := os.ReadFile(patchFile(state, p.ID))
	if errors.Is(err, fs.ErrNotExist) && !p.Redacted && !strings.ContainsRune(p.Diff, '\uFFFD') {
		text, err = []byte(p.Diff), nil
	}
	if err != nil {
		return nil, err
	}
	return patch.Parse(text)
}

// writeFile writes the whole file or nothing.
func writeFile(name string, content []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
