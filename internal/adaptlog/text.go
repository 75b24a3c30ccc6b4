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

// TextOptions configures a Text. The zero value is valid.
type TextOptions struct {
	Level slog.Leveler // the lowest; nil for info
	Color bool         // ANSI colors for the level
}

// Text is the sink for humans: one short line per record, without the time. It prints an attribute
// "hint", and the hint of an error, on its own line, as for an error that ends a command. It
// escapes control characters.
type Text struct {
	opts   TextOptions
	out    *output
	prefix string // of keys: the open groups
	attrs  string // from WithAttrs, formatted
	hints  string
}

// output is shared by a Text and those derived from it.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

// NewText returns a Text that writes each record to w with one Write.
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

// label returns the name of the level. The level info is the usual one and has none.
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

// quoted returns a word unchanged, and other text in quotes.
func quoted(s string) string {
	plain := s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '"' || r == '=' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
	if plain {
		return s
	}
	return strconv.Quote(s)
}

// visible escapes what would control a terminal, except line ends and tabs.
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
