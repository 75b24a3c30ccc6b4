package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
)

// jsonStream writes a JSON document piece by piece, so that a long list is never in memory
// at once. It keeps the first error.
type jsonStream struct {
	out   *bufio.Writer
	piece bytes.Buffer
	enc   *json.Encoder // into piece
	err   error
}

func newJSONStream(w io.Writer) *jsonStream {
	s := &jsonStream{out: bufio.NewWriterSize(w, 64<<10)}
	s.enc = json.NewEncoder(&s.piece)
	s.enc.SetEscapeHTML(false)
	return s
}

// text writes JSON unchanged.
func (s *jsonStream) text(text string) {
	if s.err == nil {
		_, s.err = s.out.WriteString(text)
	}
}

func (s *jsonStream) value(v any) {
	if s.err != nil {
		return
	}
	s.piece.Reset()
	if s.err = s.enc.Encode(v); s.err == nil {
		_, s.err = s.out.Write(bytes.TrimSuffix(s.piece.Bytes(), []byte("\n")))
	}
}

// field writes a field of an object that already has fields.
func (s *jsonStream) field(name string, v any) {
	s.text(",\n\"" + name + "\":")
	s.value(v)
}

// item writes the item at index i of a list.
func (s *jsonStream) item(i int, v any) {
	if i > 0 {
		s.text(",")
	}
	s.text("\n")
	s.value(v)
}

func (s *jsonStream) flush() error {
	if s.err == nil {
		s.err = s.out.Flush()
	}
	return s.err
}
