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
	Flaky    bool     `json:"flaky"`
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

// ctrfPath is a list of suites, or, as earlier versions had it, one string.
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

// ctrfReader reads a CTRF document, a test at a time.
type ctrfReader struct {
	dec    *json.Decoder
	in     *lineByLine
	file   *File
	opt    Options
	keeper keeper
	names  *numbers
	seen   bool // results.tests
	counts struct {
		Passed  float64 `json:"passed"`
		Skipped float64 `json:"skipped"`
	}
	unlisted bool // regreen says that not all tests are listed
}

func readCTRF(in *bufio.Reader, f *File, opt Options) error {
	r := &ctrfReader{in: &lineByLine{in: in}, file: f, opt: opt, names: newNumbers()}
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
		return fault(0, formatsHint, "is JSON without results.tests, so it is not CTRF")
	}
	if r.unlisted {
		f.passed, f.skipped = r.rest(r.counts.Passed, passed), r.rest(r.counts.Skipped, skipped)
	}
	return nil
}

// rest is how many tests of a status the summary counts beyond those that are listed.
func (r *ctrfReader) rest(all float64, as status) int {
	n := int(min(max(all, 0), maxLineNumber))
	for _, a := range r.file.attempts {
		if a.status == as {
			n--
		}
	}
	return max(n, 0)
}

// fault makes errors of JSON those of the line where they are.
func (r *ctrfReader) fault(err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault(r.in.n, "was the program ended while it wrote it?", "ends in the middle")
	case errors.As(err, &syntax):
		return fault(r.in.n, "", "is not JSON: %s", strings.TrimPrefix(syntax.Error(), "json: "))
	case errors.As(err, &typ):
		return fault(r.in.n, "https://ctrf.io has the format", "is not CTRF: %s is a %s", cmp.Or(typ.Field, "a value"), typ.Value)
	}
	return fault(r.in.n, "", "cannot be read as JSON: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// object reads an object; of is what to do with the values of some keys, the others are
// passed over.
func (r *ctrfReader) object(of map[string]func() error) error {
	if err := r.begin('{'); err != nil {
		return err
	}
	for r.dec.More() {
		key, err := r.dec.Token()
		if err != nil {
			return r.fault(err)
		}
		name, _ := key.(string)
		if do := of[name]; do != nil {
			err = do()
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
		return fault(r.in.n, "https://ctrf.io has the format", "is not CTRF: %.40v stands where %v should", t, delim)
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
	switch k := (testKey{a.pkg, a.test}); {
	case a.test == "": // the package as a whole
	case t.File == "": // retries are counted, so that it is another test
		a.test = r.names.another(k)
	default:
		a.test = r.names.same(k, t.File)
	}
	tries := int(min(max(t.Retries, 0), maxLineNumber))
	switch {
	case t.Status == "failed", t.Status == "other" && (t.Message+t.Trace != "" || wentWrong().MatchString(t.Raw)):
		a.status, a.detail, a.more = failed, r.detail(t, a), tries
	case t.Status == "skipped", t.Status == "pending", t.Status == "other": // such as one that is to be written
		a.status = skipped
	case t.Status == "passed" && t.Flaky:
		before := a
		before.status, before.detail, before.more = failed, r.detail(t, a), max(tries-1, 0)
		if err := r.file.add(before, r.in.n); err != nil {
			return err
		}
	case t.Status != "passed":
		return fault(r.in.n, "https://ctrf.io has the format", "is not CTRF: the status of a test is %.40q", t.Status)
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

// lineByLine hands out at most one line at a time: so a decoder that reads no more than
// it needs is in the line that was handed out last.
type lineByLine struct {
	in   *bufio.Reader
	n    int // of lines begun
	rest []byte
	mid  bool // rest does not begin a line
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
