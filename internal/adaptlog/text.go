package adaptlog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// TextOptions says how a Text looks. The zero value is good.
type TextOptions struct {
	Level slog.Leveler // what it takes; nil for info
	Color bool         // ANSI colours for the level
}

// Text is the sink for people: one short line a record, without a time. An
// attribute "hint", and the hint of an error, is printed on a line of its own, as for an
// error that ends a command. Control characters are shown, never sent.
type Text struct {
	opts   TextOptions
	out    *output
	prefix string // of keys: the open groups
	attrs  string // those of WithAttrs, formatted
	hints  string
}

// output is shared by a Text and those derived from it.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

// NewText gives a Text that writes to w, each record by one Write.
func NewText(w io.Writer, opts TextOptions) *Text {
	if opts.Level == nil {
		opts.Level = slog.LevelInfo
	}
	return &Text{opts: opts, out: &output{w: w}}
}

// Enabled implements slog.Handler.
func (t *Text) Enabled(_ context.Context, level slog.Level) bool {
	return level >= t.opts.Level.Level()
}

// WithGroup implements slog.Handler.
func (t *Text) WithGroup(name string) slog.Handler {
	if name == "" {
		return t
	}
	derived := *t
	derived.prefix += name + "."
	return &derived
}

// WithAttrs implements slog.Handler.
func (t *Text) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := *t
	line := textLine{attrs: []byte(t.attrs), hints: []byte(t.hints)}
	for _, a := range attrs {
		line.attr(t.prefix, a)
	}
	derived.attrs, derived.hints = string(line.attrs), string(line.hints)
	return &derived
}

// Handle implements slog.Handler.
func (t *Text) Handle(_ context.Context, r slog.Record) error {
	line := textLine{attrs: []byte(t.attrs), hints: []byte(t.hints)}
	r.Attrs(func(a slog.Attr) bool {
		line.attr(t.prefix, a)
		return true
	})
	var b bytes.Buffer
	b.WriteString(t.label(r.Level))
	b.WriteString(strings.ReplaceAll(visible(r.Message), "\n", "\n  "))
	b.Write(line.attrs)
	b.Write(line.hints)
	b.WriteByte('\n')

	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	_, err := t.out.w.Write(b.Bytes())
	return err
}

// label names the level; information is what people expect and needs no name.
func (t *Text) label(level slog.Level) string {
	name, color := "debug", "\x1b[2m" // faint
	switch {
	case level >= slog.LevelError:
		name, color = "error", "\x1b[31m" // red
	case level >= slog.LevelWarn:
		name, color = "warning", "\x1b[33m" // yellow
	case level >= slog.LevelInfo:
		return ""
	}
	if !t.opts.Color {
		return name + ": "
	}
	return color + name + ":\x1b[0m "
}

// textLine collects the attributes of one line.
type textLine struct{ attrs, hints []byte }

func (l *textLine) attr(prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range value.Group() {
			l.attr(prefix, member)
		}
		return
	}
	text := value.String()
	if a.Key == "hint" {
		l.hint(text)
		return
	}
	if err, ok := value.Any().(error); ok {
		if hint := usererr.Hint(err); hint != "" {
			l.hint(hint)
		}
	}
	l.attrs = fmt.Appendf(l.attrs, " %s=%s", quoted(prefix+a.Key), quoted(text))
}

func (l *textLine) hint(text string) {
	l.hints = fmt.Appendf(l.hints, "\nhint: %s", strings.ReplaceAll(visible(text), "\n", "\n  "))
}

// quoted gives a word as it is, and anything else in quotes.
func quoted(s string) string {
	plain := s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '"' || r == '=' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
	if plain {
		return s
	}
	return strconv.Quote(s)
}

// visible escapes what would control a terminal, but for line ends and tabs.
func visible(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '\n' || r == '\t' || (unicode.IsPrint(r) && (r != utf8.RuneError || size > 1)):
			b.WriteString(s[:size])
		default:
			quoted := strconv.Quote(s[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}
