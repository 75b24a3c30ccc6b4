package resultfile

import (
	"bufio"
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// xmlText is a stream of XML that encoding/xml accepts. Tools copy the output of tests into
// their files, often with what XML does not allow: control characters, literally or as
// references, and bytes that are not UTF-8. Each becomes U+FFFD. Line numbers do not change.
type xmlText struct {
	in  *bufio.Reader
	out []byte // the next piece
}

var (
	encodingDecl = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*<\?xml[^>]*\bencoding\s*=\s*["']([^"']+)["']`)
	})
	reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^&#(x[0-9A-Fa-f]{1,8}|[0-9]{1,8});`) })
)

// charset returns an encoding other than UTF-8 that Windows and old tools write, or nil.
func charset(name string) encoding.Encoding {
	switch strings.ToLower(name) {
	case "iso-8859-1", "latin1":
		return charmap.ISO8859_1
	case "iso-8859-15":
		return charmap.ISO8859_15
	case "windows-1252", "cp1252":
		return charmap.Windows1252
	}
	return nil
}

// newXMLText returns the text of in as clean XML in UTF-8, whatever encoding it declares.
func newXMLText(in *bufio.Reader) (io.Reader, error) {
	head, _ := in.Peek(256)
	if m := encodingDecl().FindSubmatch(head); m != nil {
		declared := string(m[1])
		switch e := charset(declared); {
		case e != nil:
			in = bufio.NewReader(e.NewDecoder().Reader(in))
		case !slices.Contains([]string{"utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be"}, strings.ToLower(declared)): // UTF-16 is decoded by now
			return nil, fault(1, "convert it to UTF-8", "unknown encoding %.40q", declared)
		}
	}
	return &xmlText{in: in}, nil
}

const replacement = "\ufffd"

func (x *xmlText) Read(p []byte) (int, error) {
	for len(x.out) == 0 {
		if err := x.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, x.out)
	x.out = x.out[n:]
	return n, nil
}

// fill reads the next piece.
func (x *xmlText) fill() error {
	if _, err := x.in.Peek(1); err != nil {
		return err
	}
	piece, _ := x.in.Peek(x.in.Buffered())
	// Everything before the first suspicious character is fine.
	if n := bytes.IndexFunc(piece, func(r rune) bool { return r == '&' || r == utf8.RuneError || !inXML(r) }); n != 0 {
		if n < 0 {
			n = len(piece)
		}
		x.out = append(x.out[:0], piece[:n]...)
		_, _ = x.in.Discard(n)
		return nil
	}
	if piece[0] == '&' {
		long, _ := x.in.Peek(12)
		m := reference().FindSubmatch(long)
		if m != nil && !inXML(referred(string(m[1]))) {
			x.out = append(x.out[:0], replacement...)
			_, _ = x.in.Discard(len(m[0]))
			return nil
		}
		x.out = append(x.out[:0], '&')
		_, _ = x.in.Discard(1)
		return nil
	}
	whole, _ := x.in.Peek(utf8.UTFMax)
	r, size := utf8.DecodeRune(whole)
	if r == utf8.RuneError && size == 1 || !inXML(r) {
		x.out = append(x.out[:0], replacement...)
	} else {
		x.out = append(x.out[:0], whole[:size]...)
	}
	_, _ = x.in.Discard(size)
	return nil
}

// referred returns the character of a reference, for instance x1b or 27.
func referred(digits string) rune {
	base := 10
	if rest, hex := strings.CutPrefix(digits, "x"); hex {
		digits, base = rest, 16
	}
	n := 0
	for _, d := range strings.ToLower(digits) {
		n = n*base + strings.IndexRune("0123456789abcdef", d)
	}
	return rune(min(n, utf8.MaxRune+1))
}

// inXML reports whether XML 1.0 allows a character.
func inXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}
