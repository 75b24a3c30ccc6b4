package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/regreen-ci/regreen/internal/plural"
)

// MaxSize is the largest report that Read accepts, in bytes.
const MaxSize = 32 << 20

// bounds limit a document. The limits on objects and commas keep a small hostile one, such
// as a list of a million empty objects, from growing into gigabytes.
type bounds struct{ size, objects, commas int }

// readable limits the documents that Read accepts.
var readable = bounds{size: MaxSize, objects: 200_000, commas: 4_000_000}

// JSON returns the report for programs, as schema/report.v1.json describes it: indented, in
// a stable order, with empty lists instead of null, and valid UTF-8 whatever a test printed
// (other bytes become U+FFFD). A report that is too large for Read loses its list of tests
// and, if that is not enough, the output of its failures, which Failure.Truncated then
// counts. JSON does not check the report; see Check.
func JSON(r *Report) ([]byte, error) {
	full := complete(r)
	if len(full.Results) > readable.objects/2 {
		full = withoutResults(full)
	}
	b, err := encode(full)
	if err == nil && len(b) > MaxSize && full.Results != nil {
		full = withoutResults(full)
		b, err = encode(full)
	}
	if err == nil && len(b) > MaxSize {
		b, err = encode(withoutOutput(full))
	}
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", r.ID, err)
	}
	return b, nil
}

func encode(r *Report) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // keeps a diff readable; the HTML writer escapes its own text
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// complete returns a copy of r without nil lists, at any level.
func complete(r *Report) *Report {
	c := *r
	c.Schema = Schema
	c.Environment.ModeReasons = list(r.Environment.ModeReasons)
	c.Failures = list(r.Failures)
	c.Clusters = list(r.Clusters)
	for i := range c.Clusters {
		c.Clusters[i].Failures = list(c.Clusters[i].Failures)
	}
	if r.Culprit != nil {
		culprit := *r.Culprit
		culprit.Files = list(culprit.Files)
		c.Culprit = &culprit
	}
	c.Patches = list(r.Patches)
	for i := range c.Patches {
		c.Patches[i].Files = list(c.Patches[i].Files)
		c.Patches[i].Evidence = list(c.Patches[i].Evidence)
	}
	c.Suspects = list(r.Suspects)
	for i := range c.Suspects {
		c.Suspects[i].Why = list(c.Suspects[i].Why)
	}
	c.Attempts = list(r.Attempts)
	if r.Learning != nil {
		c.Learning = &Learning{Strategies: list(r.Learning.Strategies), Trend: list(r.Learning.Trend)}
	}
	if r.Replay != nil {
		replay := *r.Replay
		replay.Args = list(replay.Args)
		c.Replay = &replay
	}
	if c.Stats.Seconds = maps.Clone(r.Stats.Seconds); c.Stats.Seconds == nil {
		c.Stats.Seconds = map[string]float64{}
	}
	return &c
}

// list returns a copy of s that is never nil.
func list[T any](s []T) []T { return append([]T{}, s...) }

// withoutResults drops the list of the tests of r, which must be a copy.
func withoutResults(r *Report) *Report {
	r.Notes = append(slices.Clip(r.Notes), plural.Count(len(r.Results), "test")+" not listed: too many for a report")
	r.Results = nil
	return r
}

// withoutOutput drops the output of the failures of r, which must be a copy.
func withoutOutput(r *Report) *Report {
	for i := range r.Failures {
		r.Failures[i].Truncated += len(r.Failures[i].Output)
		r.Failures[i].Output = ""
	}
	return r
}

// ErrVersion is the error for a report in another version of the schema.
var ErrVersion = errors.New("not a " + Schema + " report")

// Read reads the output of JSON. It limits the size and the number of values, and refuses
// other versions (ErrVersion) and every value that Check refuses. It skips unknown fields,
// which later releases can add. Text stays untrusted; the renderers escape it. Use
// ReadForeign for a report that others could change.
func Read(b []byte) (*Report, error) { return readable.read(b) }

func (limit bounds) read(b []byte) (*Report, error) {
	if err := limit.check(b); err != nil {
		return nil, err
	}
	var version struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return nil, fmt.Errorf("report: not JSON: %w", err)
	}
	if version.Schema != Schema {
		return nil, fmt.Errorf("report: schema %.40q: %w", version.Schema, ErrVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	r := new(Report)
	if err := dec.Decode(r); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("report: text after the end of the report")
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	return complete(r), nil
}

// check refuses a document that takes much more memory than it has bytes.
func (limit bounds) check(b []byte) error {
	if len(b) > limit.size {
		return fmt.Errorf("report: %d bytes, more than %d", len(b), limit.size)
	}
	var objects, commas int
	inString := false
	for i := 0; i < len(b); i++ {
		switch {
		case inString && b[i] == '\\':
			i++
		case b[i] == '"':
			inString = !inString
		case inString:
		case b[i] == '{':
			objects++
		case b[i] == ',':
			commas++
		}
	}
	if objects > limit.objects || commas > limit.commas {
		return fmt.Errorf("report: %d objects and %d values, more than %d and %d", objects, commas, limit.objects, limit.commas)
	}
	return nil
}
