package resultfile

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/regreen-ci/regreen/internal/report"
)

const ctrfHint = "the format is described at https://ctrf.io"

// ctrfTest is a test of a CTRF document.
type ctrfTest struct {
	Name     string   `json:"name"`
	Status   string   `json:"status"`
	Duration float64  `json:"duration"` // milliseconds
	Suite    ctrfPath `json:"suite"`
	Message  string   `json:"message"`
	Trace    string   `json:"trace"`
	File     string   `json:"filePath"`
	Line     float64  `json:"line"`
	Retries  float64  `json:"retries"`
	Flaky    *bool    `json:"flaky"`
	Raw      string   `json:"rawStatus"`
	Attempts []struct {
		Status  string `json:"status"`
		Message string `json:"message"`
		Trace   string `json:"trace"`
	} `json:"retryAttempts"`
	Extra struct {
		Regreen struct {
			Kind   string `json:"kind"`
			Status string `json:"status"`
			Whole  bool   `json:"package"`
		} `json:"regreen"`
	} `json:"extra"`
}

// retried reports whether a test that passed had failed before: it says so itself, or by its
// tries.
func (t *ctrfTest) retried() bool {
	for _, try := range t.Attempts {
		if try.Status == "failed" {
			return true
		}
	}
	if t.Flaky != nil {
		return *t.Flaky
	}
	return t.Retries > 0
}

// ctrfPath is a list of suites or, in earlier versions, one string.
type ctrfPath []string

func (p *ctrfPath) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var one string
		err := json.Unmarshal(b, &one)
		*p = ctrfPath{one}
		return err
	}
	return json.Unmarshal(b, (*[]string)(p))
}

// ctrfReader reads a CTRF document, one test at a time.
type ctrfReader struct {
	dec    *json.Decoder
	in     *lineByLine
	file   *File
	opt    Options
	keeper keeper
	seen   bool // the document has results.tests
	counts struct {
		Passed  float64 `json:"passed"`
		Skipped float64 `json:"skipped"`
	}
	unlisted bool // regreen wrote the file and did not list all tests
}

func readCTRF(in *input, f *File, opt Options) error {
	r := &ctrfReader{in: &lineByLine{in: in.in, n: in.lines}, file: f, opt: opt}
	r.dec = json.NewDecoder(r.in)
	err := r.object(map[string]func() error{
		"results": func() error {
			return r.object(map[string]func() error{"tests": r.tests, "summary": func() error { return r.value(&r.counts) }})
		},
		"extra": func() error {
			var extra struct {
				Regreen struct {
					Unlisted string `json:"unlisted"`
				} `json:"regreen"`
			}
			err := r.value(&extra)
			r.unlisted = extra.Regreen.Unlisted != ""
			return err
		},
	})
	if err != nil {
		return err
	}
	if !r.seen {
		return fault(0, formatsHint, "not CTRF: JSON without results.tests")
	}
	if r.unlisted {
		f.passed, f.skipped = r.rest(r.counts.Passed, passed), r.rest(r.counts.Skipped, skipped)
	}
	return nil
}

// rest returns how many tests of a status the summary counts in addition to the listed ones.
func (r *ctrfReader) rest(all float64, as status) int {
	n := int(min(max(all, 0), maxLineNumber))
	for _, a := range r.file.attempts {
		if a.status == as || a.status == flaky && as == passed {
			n--
		}
	}
	return max(n, 0)
}

// fault adds the current line to an error of the JSON decoder.
func (r *ctrfReader) fault(err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault(r.in.n, interruptedHint, "unexpected end of file")
	case errors.As(err, &syntax):
		return fault(r.in.n, "", "not JSON: %s", strings.TrimPrefix(syntax.Error(), "json: "))
	case errors.As(err, &typ):
		return fault(r.in.n, ctrfHint, "not CTRF: %s is a %s", cmp.Or(typ.Field, "a value"), typ.Value)
	}
	return fault(r.in.n, "", "cannot parse JSON: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// object reads an object. It calls the function of a key to read its value, and skips the
// values of other keys.
func (r *ctrfReader) object(keys map[string]func() error) error {
	if err := r.begin('{'); err != nil {
		return err
	}
	for r.dec.More() {
		key, err := r.dec.Token()
		if err != nil {
			return r.fault(err)
		}
		name, _ := key.(string)
		if read := keys[name]; read != nil {
			err = read()
		} else {
			err = r.value(new(json.RawMessage))
		}
		if err != nil {
			return err
		}
	}
	_, err := r.dec.Token()
	return r.fault(err)
}

func (r *ctrfReader) begin(delim json.Delim) error {
	t, err := r.dec.Token()
	if err != nil {
		return r.fault(err)
	}
	if t != delim {
		return fault(r.in.n, ctrfHint, "not CTRF: expected %v, got %.40v", delim, t)
	}
	return nil
}

func (r *ctrfReader) value(v any) error { return r.fault(r.dec.Decode(v)) }

func (r *ctrfReader) tests() error {
	r.seen = true
	if err := r.begin('['); err != nil {
		return err
	}
	for r.dec.More() {
		var t ctrfTest
		if err := r.value(&t); err != nil {
			return err
		}
		if err := r.add(&t); err != nil {
			return err
		}
	}
	_, err := r.dec.Token()
	return r.fault(err)
}

func (r *ctrfReader) add(t *ctrfTest) error {
	a := attempt{pkg: name(strings.Join(t.Suite, " > ")), test: name(t.Name), seconds: seconds(t.Duration / 1000), status: passed}
	a.pkg = cmp.Or(a.pkg, name(t.File), baseName(r.file.Name))
	if t.Extra.Regreen.Whole {
		a.test = ""
	}
	if a.file = r.opt.file(t.File, ""); a.file != "" {
		a.declared = true
		a.line = int(min(max(t.Line, 0), maxLineNumber))
	}
	tries := int(min(max(t.Retries, 0), maxLineNumber))
	switch {
	case t.Status == "failed", t.Status == "other" && (t.Message+t.Trace != "" || failing().MatchString(t.Raw)):
		a.status, a.detail, a.more = failed, r.detail(t, a), tries
	case t.Status == "skipped", t.Status == "pending", t.Status == "other": // for example a test that is not written yet
		a.status = skipped
	case t.Status == "passed" && t.retried():
		a.status, a.detail, a.more = flaky, r.detail(t, a), max(tries, 1)
	case t.Status != "passed":
		return fault(r.in.n, ctrfHint, "not CTRF: unknown test status %.40q", t.Status)
	}
	return r.file.add(a, r.in.n)
}

func (r *ctrfReader) detail(t *ctrfTest, a attempt) *detail {
	message, trace := t.Message, t.Trace
	for _, try := range t.Attempts {
		if message == "" && trace == "" && try.Status != "passed" {
			message, trace = try.Message, try.Trace
		}
	}
	own := t.Extra.Regreen
	d := &detail{
		kind: kindOf(cmp.Or(own.Kind, t.Raw), message, trace, false), status: report.FailureStatus(own.Status), message: messageOf(message, trace),
		file: a.file, line: a.line,
	}
	if own.Status == "" {
		if file, line := r.opt.located(message+"\n"+trace, a.pkg); line > 0 && (d.file == "" || d.file == file) {
			d.file, d.line = file, line
		}
	}
	d.output, d.truncated = r.keeper.output(trace)
	return d
}

// lineByLine returns at most one line per Read, so that a decoder that reads no more than
// it needs is always in line n.
type lineByLine struct {
	in   *bufio.Reader
	n    int // lines begun
	rest []byte
	mid  bool // rest is the middle of a line
}

func (l *lineByLine) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		if _, err := l.in.Peek(1); err != nil {
			return 0, err
		}
		l.rest, _ = l.in.Peek(l.in.Buffered())
		if end := bytes.IndexByte(l.rest, '\n'); end >= 0 {
			l.rest = l.rest[:end+1]
		}
		_, _ = l.in.Discard(len(l.rest)) // it stays in the buffer until the next Peek
		if !l.mid {
			l.n++
		}
		l.mid = l.rest[len(l.rest)-1] != '\n'
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
