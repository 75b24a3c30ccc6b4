package report

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/patch"
)

// foreign limits the documents that ReadForeign reads. They can hold 50,000 tests, and take
// at most about 300 MB of memory.
var foreign = bounds{size: MaxSize, objects: 150_000, commas: 1_000_000}

// The limits for the lists of a foreign report. No report of regreen comes near them.
const (
	maxForeignFailures = 20_000
	maxForeignClusters = 1_000
	maxForeignPatches  = 2_000
	maxForeignList     = 20_000 // of anything except attempts and results
	maxForeignKeys     = 1_000  // of a map
)

// The limits for the texts of a foreign report, in bytes.
const (
	maxForeignDiff   = 1 << 20
	maxForeignOutput = 256 << 10
	maxForeignPath   = 4096
	maxForeignText   = maxLine
)

// ReadForeign reads a report that others could change, such as the artifact of a fork's
// workflow or a file that a user names. It reads at most limit bytes (and never more than
// MaxSize) and is stricter than Read:
//
//   - the IDs of the run, its patches and attempts are letters and digits, with single
//     dashes and underscores between them, so they are safe in commands, file names and
//     HTML comments. Patch IDs are unique, and the patch of a cluster is one of the patches;
//   - commits and trees are hashes, and paths have no backslashes, control characters or
//     invisible characters;
//   - the diff of a patch is valid, and edits nothing outside the tree;
//   - lists are not longer, and numbers not larger, than those of real runs.
//
// ReadForeign refuses a report that breaks these rules. It cuts long texts, with an
// ellipsis, and removes what only the reader knows: the receipts of channels, and the
// command line of the replay. Everything else, such as that a patch is verified, is only a
// claim of whoever wrote the report. Texts stay untrusted; the renderers escape them.
func ReadForeign(r io.Reader, limit int64) (*Report, error) {
	limit = max(min(limit, MaxSize), 0)
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("report: more than %d bytes", limit)
	}
	rep, err := foreign.read(b)
	if err != nil {
		return nil, err
	}
	rep.Receipts = nil
	if rep.Replay != nil {
		rep.Replay.Command, rep.Replay.Args = "regreen replay "+rep.ID, []string{}
	}
	if err := rep.checkForeign(); err != nil {
		return nil, err
	}
	if err := shorten(reflect.ValueOf(rep).Elem()); err != nil {
		return nil, err
	}
	return rep, nil
}

// strictIDs matches the IDs of a foreign report. They cannot leave a directory or close an
// HTML comment.
var strictIDs = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*$`) })

const maxForeignID = 64

var hashes = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[0-9a-f]{7,64})?$`) })

// checkForeign returns an error for the first value that is valid in a report of our own but
// not in a foreign one.
func (r *Report) checkForeign() error {
	c := checker{}
	c.foreignLists(r)
	c.foreignID("id", r.ID)
	c.hash("fingerprint", r.Fingerprint)
	c.hash("environment.head", r.Environment.Head)
	c.hash("environment.base", r.Environment.Base)
	for i, f := range r.Failures {
		c.plainPath(fmt.Sprintf("failures[%d].file", i), f.File)
	}
	if o := r.Origin; o != nil {
		c.hash("origin.commit", o.Commit)
	}
	if r.Culprit != nil {
		c.hash("culprit.commit", r.Culprit.Commit)
		c.plainSpans("culprit.files", r.Culprit.Files)
	}
	c.foreignPatches(r)
	for i, s := range r.Suspects {
		c.plainPath(fmt.Sprintf("suspects[%d].file", i), s.File)
	}
	for i := range r.Attempts {
		if c.err != nil {
			break // there can be many
		}
		c.foreignID(fmt.Sprintf("attempts[%d].id", i), r.Attempts[i].ID)
		if candidate := r.Attempts[i].Candidate; candidate != "" {
			c.foreignID(fmt.Sprintf("attempts[%d].candidate", i), candidate)
		}
		c.plainPath(fmt.Sprintf("attempts[%d].file", i), r.Attempts[i].File)
	}
	for i, b := range r.Bypasses {
		c.hash(fmt.Sprintf("bypasses[%d].commit", i), b.Commit)
	}
	if r.Replay != nil {
		c.hash("replay.tree", r.Replay.Tree)
		c.hash("replay.config", r.Replay.Config)
	}
	for i := range r.Results {
		if c.err != nil {
			break
		}
		c.plainPath(fmt.Sprintf("results[%d].file", i), r.Results[i].File)
	}
	return c.err
}

func (c *checker) foreignLists(r *Report) {
	for _, l := range []struct {
		name      string
		got, most int
	}{
		{"failures", len(r.Failures), maxForeignFailures},
		{"clusters", len(r.Clusters), maxForeignClusters},
		{"patches", len(r.Patches), maxForeignPatches},
		{"suspects", len(r.Suspects), maxForeignList},
		{"bypasses", len(r.Bypasses), maxForeignList},
		{"missing", len(r.Missing), maxForeignList},
		{"notes", len(r.Notes), maxForeignList},
		{"outside", len(r.Outside), maxForeignList},
		{"alerts", len(r.Alerts), maxForeignList},
	} {
		if l.got > l.most {
			c.fail(l.name, "has %d entries, more than %d", l.got, l.most)
		}
	}
}

func (c *checker) foreignPatches(r *Report) {
	clusterOf := make(map[string]int, len(r.Patches)) // by patch ID
	for i := range r.Patches {
		p, at := &r.Patches[i], fmt.Sprintf("patches[%d].", i)
		c.foreignID(at+"id", p.ID)
		c.foreignID(at+"attempt", p.Attempt)
		for _, id := range p.StackedOn {
			c.foreignID(at+"stacked_on", id)
		}
		if _, twice := clusterOf[p.ID]; twice {
			c.fail(at+"id", "is %s, the ID of another patch", p.ID)
		}
		clusterOf[p.ID] = p.Cluster
		c.plainSpans(at+"files", p.Files)
		if c.err == nil && !p.Redacted {
			c.diff(at+"diff", p.Diff)
		}
	}
	for i, cl := range r.Clusters {
		if cluster, ok := clusterOf[cl.Patch]; cl.Patch != "" && (!ok || cluster != i+1) {
			c.fail(fmt.Sprintf("clusters[%d].patch", i), "is %.40q, not one of its patches", cl.Patch)
		}
	}
}

func (c *checker) foreignID(at, got string) {
	if len(got) > maxForeignID || !strictIDs().MatchString(got) {
		c.fail(at, "is %.40q, not a regreen ID", got)
	}
}

func (c *checker) hash(at, got string) {
	if !hashes().MatchString(got) {
		c.fail(at, "is %.40q, not a hash", got)
	}
}

// plainPath accepts the paths that path accepts, except those that would look like another.
func (c *checker) plainPath(at, got string) {
	c.path(at, got)
	if len(got) > maxForeignPath || strings.ContainsAny(got, "\\\n\t") || strings.IndexFunc(got, isActive) >= 0 {
		c.fail(at, "is %.80q, not a plain path", got)
	}
}

func (c *checker) plainSpans(at string, spans []Span) {
	for _, s := range spans {
		c.plainPath(at, s.File)
	}
}

// diff accepts a unified diff of files in the tree.
func (c *checker) diff(at, got string) {
	if len(got) > maxForeignDiff {
		c.fail(at, "has %d bytes, more than %d", len(got), maxForeignDiff)
		return
	}
	files, err := patch.Parse([]byte(got))
	if err != nil {
		c.fail(at, "cannot be read: %.200s", Visible(err.Error()))
		return
	}
	for _, f := range files {
		c.plainPath(at, f.OldName)
		c.plainPath(at, f.NewName)
	}
}

// shorten cuts the long texts of a foreign report, and refuses large maps.
func shorten(v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(ellipsis(v.String(), maxForeignText))
	case reflect.Pointer:
		if !v.IsNil() {
			return shorten(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := shorten(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		return checkMap(v)
	case reflect.Struct:
		var errs []error
		for i := range v.NumField() {
			f, name := v.Field(i), v.Type().Field(i).Name
			switch {
			case !f.CanSet():
			case f.Kind() == reflect.String && name == "Output":
				f.SetString(ellipsis(f.String(), maxForeignOutput))
			case f.Kind() == reflect.String && name == "Diff": // a patch's was checked
				f.SetString(ellipsis(f.String(), maxForeignDiff))
			default:
				errs = append(errs, shorten(f))
			}
		}
		return errors.Join(errs...)
	}
	return nil
}

func checkMap(m reflect.Value) error {
	if m.Len() > maxForeignKeys {
		return fmt.Errorf("report: a map of %d keys, more than %d", m.Len(), maxForeignKeys)
	}
	for _, key := range m.MapKeys() {
		if len(key.String()) > maxForeignPath {
			return fmt.Errorf("report: a key of %d bytes, more than %d", len(key.String()), maxForeignPath)
		}
		if value := m.MapIndex(key); value.Kind() == reflect.Map {
			if err := checkMap(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// ellipsis cuts s after n bytes, between characters, and appends an ellipsis.
func ellipsis(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
