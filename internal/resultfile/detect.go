package resultfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
)

// format is a supported format.
type format struct {
	name string
	read func(in *input, f *File, opt Options) error
}

var (
	goTest = &format{"go test -json", readGoTest}
	junit  = &format{"JUnit XML", readJUnit}
	tap    = &format{"TAP", readTAP}
	ctrf   = &format{"CTRF", readCTRF}
)

const formatsHint = "supported formats are go test -json, JUnit XML, TAP and CTRF"

// detector recognizes the format of a file by its lines, one by one.
type detector struct {
	in     *input
	text   bool // a line with text was seen
	json   bool // the first one begins an object
	goText bool // a line of go test without -json was seen
	maybe  bool // a line that could be from TAP was seen
	xml    bool // the first one begins an element
	looks  int  // how often more than a line was looked at
	inside int  // bytes of an object that are still to come
}

// detect reads to the first line of the results, and returns their format. The lines before it
// are kept in i.before, as far as they matter.
func (i *input) detect() (*format, error) {
	d := &detector{in: i}
	for {
		line, whole, err := i.peekLine()
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			return d.atEnd()
		}
		if d.inside <= 0 {
			if found, err := d.judge(line, whole); found != nil || err != nil {
				return found, err
			}
		}
		d.inside -= len(line)
		if d.maybe && len(i.before)+len(line) > maxBefore {
			return tap, nil
		}
		if err := i.skip(len(line), whole); err != nil {
			return nil, err
		}
	}
}

// peekLine returns the next line with its end, but does not read it. whole is false if it is
// longer than what can be looked at.
func (i *input) peekLine() (line []byte, whole bool, err error) {
	for {
		line, _ = i.in.Peek(i.in.Buffered())
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			return line[:end+1], true, nil
		}
		if len(line) >= window {
			return line, false, nil
		}
		switch _, err := i.in.Peek(len(line) + 1); {
		case errors.Is(err, io.EOF):
			return line, true, nil
		case err != nil:
			return nil, false, err
		}
	}
}

// skip reads the line of this size that peekLine returned, and keeps it unless it is too long.
func (i *input) skip(size int, whole bool) error {
	line, _ := i.in.Peek(size)
	if !whole {
		line = []byte("\n")
	}
	i.before = append(i.before, line...)
	if surplus := len(i.before) - maxBefore; surplus > 0 {
		surplus = max(surplus, maxBefore/2)
		cut := len(i.before)
		if end := bytes.IndexByte(i.before[surplus:], '\n'); end >= 0 {
			cut = surplus + end + 1
		}
		i.skips += bytes.Count(i.before[:cut], []byte("\n"))
		i.before = append(i.before[:0], i.before[cut:]...)
	}
	i.lines++
	if _, err := i.in.Discard(size); err != nil || whole {
		return err
	}
	for {
		switch _, err := i.in.ReadSlice('\n'); {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

// forget drops the lines that are kept.
func (i *input) forget() { i.before, i.skips = nil, i.lines }

// rewind goes back to the lines that are kept.
func (i *input) rewind() {
	i.in, i.before, i.lines = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(i.before), i.in), window), nil, i.skips
}

// The lines by which formats are recognized.
var signs = sync.OnceValue(func() (s struct{ goEvent, goText, xml, html *regexp.Regexp }) {
	s.goEvent = regexp.MustCompile(`^\{.*"Action":"`)
	s.goText = regexp.MustCompile(`^(FAIL\t|--- (FAIL|PASS|SKIP): |=== RUN   )`)
	s.xml = regexp.MustCompile(`^<(\?xml\s|([\w.-]+:)?testsuites?([\s/>]|$))`)
	s.html = regexp.MustCompile(`(?i)^<(!doctype )?html`)
	return s
})

// judge returns the format of the results if they begin with this line.
func (d *detector) judge(raw []byte, whole bool) (*format, error) {
	line := bytes.TrimRight(raw, "\r\n")
	line = line[bytes.LastIndexByte(line, '\r')+1:]
	text := strings.TrimSpace(withoutEscapes(string(line)))
	if text == "" {
		return nil, nil
	}
	first := !d.text
	d.text = true
	if _, _, isEvent := gotest.ParseEvent(line); isEvent || !whole && signs().goEvent.MatchString(text) {
		return goTest, nil
	}
	switch text[0] {
	case '{':
		return d.object(line, first)
	case '<':
		if first && signs().html.MatchString(text) {
			return nil, fault(0, formatsHint, "an HTML page")
		}
		if signs().xml.MatchString(text) {
			return junit, nil
		}
		d.xml = d.xml || first
	case 'F', '-', '=':
		d.goText = d.goText || signs().goText.MatchString(text)
	default:
		return d.plain(text), nil
	}
	return nil, nil
}

// plain returns TAP if the document begins with this line.
func (d *detector) plain(text string) *format {
	forms := tapForms()
	if forms.version.MatchString(text) {
		d.in.forget()
		return tap
	}
	if strings.HasPrefix(text, "ok  \t") || strings.HasPrefix(text, "?   \t") {
		d.goText = true
	}
	if d.goText { // its "ok" is not TAP's
		return nil
	}
	if forms.plan.MatchString(text) {
		return tap
	}
	switch p, number, ok := parsePoint(text); {
	case ok && number > 0:
		return tap
	case ok:
		d.maybe = d.maybe || p.name == "" || p.name[0] == '#' || strings.Contains(text, "ok - ")
	default:
		d.maybe = d.maybe || strings.Contains(text, " ..") && proveForms().start.MatchString(text)
	}
	return nil
}

// object returns CTRF if a document of it begins with this line. The log of a program can
// consist of objects, too.
func (d *detector) object(line []byte, first bool) (*format, error) {
	const mostLooks = 10_000
	if !json.Valid(line) {
		if d.looks++; d.looks > mostLooks {
			return nil, nil
		}
		line, _ = d.in.in.Peek(window)
	}
	if first && bytes.Contains(line, []byte(`"regreen.report/v1"`)) {
		return nil, fault(0, "to show a report again, run regreen report ID", "a report of regreen, not test results")
	}
	has, known, size := hasResults(line)
	if has || first && !known {
		return ctrf, nil
	}
	d.inside = size
	d.json = d.json || first
	return nil, nil
}

// hasResults reports whether the object that text begins with has the results of CTRF. known is
// false if text is too short to say. If the object is complete and has none, size is its length.
func hasResults(text []byte) (has, known bool, size int) {
	dec := json.NewDecoder(bytes.NewReader(text))
	unknown := func(err error) (bool, bool, int) {
		return false, !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF), 0
	}
	if _, err := dec.Token(); err != nil {
		return unknown(err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return unknown(err)
		}
		if key == "results" {
			value, err := dec.Token()
			return value == json.Delim('{'), err == nil || !errors.Is(err, io.EOF), 0
		}
		if err := dec.Decode(new(json.RawMessage)); err != nil {
			return unknown(err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return unknown(err)
	}
	return false, true, int(dec.InputOffset())
}

// atEnd returns the format of a file in which no line is a sign of one.
func (d *detector) atEnd() (*format, error) {
	switch {
	case d.goText:
		return nil, fault(0, "run go test -json", "the output of go test without -json")
	case d.maybe:
		return tap, nil
	case d.xml: // its reader says what is wrong
		d.in.rewind()
		return junit, nil
	case d.json:
		return nil, foreign(formatsHint, "not CTRF: JSON without results.tests")
	case !d.text:
		return nil, foreign("was the test program killed before it wrote its results?", "empty file")
	}
	return nil, foreign(formatsHint, "unknown format")
}
