package resultfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"

	"golang.org/x/text/encoding/unicode"
)

// input is a file that is being read. Programs print other lines before their results, such as
// downloads and warnings; it keeps as many of them as a reader of lines may need.
type input struct {
	in     *bufio.Reader
	under  *meter // of what was unpacked, or nil
	before []byte // the last lines before the results
	skips  int    // how many lines were before these
	lines  int    // how many lines are before what in returns next
}

const (
	window    = 64 << 10 // bytes that can be looked at without reading them
	maxBefore = 1 << 20  // bytes of lines before the results that are kept
)

// newInput returns a file as UTF-8 text: it unpacks gzip, decodes UTF-16, which PowerShell
// writes, and drops a byte order mark. Unpacked, it may have size bytes, too.
func newInput(r io.Reader, size int64) (*input, error) {
	i := &input{in: bufio.NewReaderSize(r, window)}
	head, err := i.in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		unpacked, err := gzip.NewReader(i.in)
		if err != nil {
			return nil, errDamaged()
		}
		i.under = &meter{r: unpacked, left: size}
		i.in = bufio.NewReaderSize(i.under, window)
		head, _ = i.in.Peek(4)
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, fault(0, "unpack it first", "a ZIP archive")
	case bytes.HasPrefix(head, []byte("\ufeff")):
		_, _ = i.in.Discard(len("\ufeff"))
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), len(head) > 1 && head[0] != 0 && head[1] == 0:
		i.decode(unicode.LittleEndian)
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}), len(head) > 1 && head[0] == 0 && head[1] != 0:
		i.decode(unicode.BigEndian)
	}
	return i, nil
}

func (i *input) decode(order unicode.Endianness) {
	i.in = bufio.NewReaderSize(unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(i.in), window)
}

// read reads the results to the end of the file.
func (i *input) read(f *File, opt Options) error {
	found, err := i.detect()
	if err == nil {
		f.Format = found.name
		err = found.read(i, f, opt)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, i.in)
	}
	if i.under != nil && i.under.err != nil {
		err = i.under.err
	}
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || i.under != nil && errors.Is(err, io.ErrUnexpectedEOF) {
		return errDamaged()
	}
	return err
}

func errDamaged() error {
	return fault(0, interruptedHint, "compressed by gzip, but damaged or incomplete")
}

// each calls do with every line, without its end, and its number from 1. A carriage return ends
// a line, too, since programs use it to draw over what they wrote. Lines that are too long are
// left out.
func (i *input) each(do func(n int, line []byte) error) error {
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(i.before), i.in), window)
	i.before = nil
	var line []byte
	long := false
	for n := i.skips + 1; ; {
		piece, err := in.ReadSlice('\n')
		if long = long || len(line)+len(piece) > maxLine; long {
			line = line[:0]
		} else {
			line = append(line, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		if !long && len(line) > 0 {
			for part := range bytes.SplitSeq(bytes.TrimRight(line, "\r\n"), []byte("\r")) {
				if err := do(n, part); err != nil {
					return err
				}
			}
		}
		if err != nil {
			return nil
		}
		line, long = line[:0], false
		n++
	}
}
