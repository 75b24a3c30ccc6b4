package adaptlog_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"
	"unicode"

	"github.com/regreen-ci/regreen/internal/adaptlog"
)

func TestText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log   func(*slog.Logger)
		want  string
		color string // "" for the same
	}{
		"info has no label": {log: func(l *slog.Logger) { l.Info("3 tests fail") }, want: "3 tests fail\n"},
		"warning": {
			log:   func(l *slog.Logger) { l.Warn("slow", "seconds", 3) },
			want:  "warning: slow seconds=3\n",
			color: "\x1b[33mwarning:\x1b[0m slow seconds=3\n",
		},
		"error": {
			log:   func(l *slog.Logger) { l.Error("no go", "err", errors.New("not found")) },
			want:  "error: no go err=\"not found\"\n",
			color: "\x1b[31merror:\x1b[0m no go err=\"not found\"\n",
		},
		"debug": {
			log:   func(l *slog.Logger) { l.Debug("d") },
			want:  "debug: d\n",
			color: "\x1b[2mdebug:\x1b[0m d\n",
		},
		"groups and attributes of WithAttrs": {
			log: func(l *slog.Logger) {
				l.With("a", 1).WithGroup("g").With("b", 2).Info("m", "c", 3, slog.Group("h", "d", 4), slog.Group("", "e", 5))
			},
			want: "m a=1 g.b=2 g.c=3 g.h.d=4 g.e=5\n",
		},
		"empty attributes are left out": {
			log:  func(l *slog.Logger) { l.WithGroup("").With().Info("m", slog.Attr{}, slog.Group("g")) },
			want: "m\n",
		},
		"a hint has its own line": {
			log:  func(l *slog.Logger) { l.Info("no tests", "dir", "x", "hint", "run it\nelsewhere", "n", 1) },
			want: "no tests dir=x n=1\nhint: run it\n  elsewhere\n",
		},
		"lines are indented":             {log: func(l *slog.Logger) { l.Info("a\nb") }, want: "a\n  b\n"},
		"values are quoted":              {log: func(l *slog.Logger) { l.Info("m", "a", "", "b", "x=y", "c", "\x1b[2J") }, want: "m a=\"\" b=\"x=y\" c=\"\\x1b[2J\"\n"},
		"control characters are escaped": {log: func(l *slog.Logger) { l.Info("\x1b]0;owned\a \u202e\xff") }, want: `\x1b]0;owned\a \u202e\xff` + "\n"},
	} {
		for _, color := range []bool{false, true} {
			var buffer bytes.Buffer
			c.log(slog.New(adaptlog.NewText(&buffer, adaptlog.TextOptions{Level: slog.LevelDebug, Color: color})))
			want := c.want
			if color && c.color != "" {
				want = c.color
			}
			if got := buffer.String(); got != want {
				t.Errorf("%s: wrote %q, want %q", name, got, want)
			}
		}
	}
}

// TestTextIsHandler parses the text back for the conformance suite of slog, except for what a Text
// does not show: the time and the level info.
func TestTextIsHandler(t *testing.T) {
	t.Parallel()
	var buffer *bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buffer = new(bytes.Buffer)
		return adaptlog.NewText(buffer, adaptlog.TextOptions{})
	}, func(t *testing.T) map[string]any {
		words := strings.Fields(buffer.String())
		record := map[string]any{slog.MessageKey: words[0], slog.LevelKey: "INFO"}
		if !strings.HasSuffix(t.Name(), "/zero-time") {
			record[slog.TimeKey] = "not shown"
		}
		for _, word := range words[1:] {
			path, value, _ := strings.Cut(word, "=")
			into, keys := record, strings.Split(path, ".")
			for _, key := range keys[:len(keys)-1] {
				if into[key] == nil {
					into[key] = map[string]any{}
				}
				into = into[key].(map[string]any)
			}
			into[keys[len(keys)-1]] = value
		}
		return record
	})
}

// FuzzText checks that a terminal gets one record without control characters, whatever is logged.
func FuzzText(f *testing.F) {
	f.Add("message", "key", "value")
	f.Add("\x1b[31m\r\x00", "a=b", "\x9b\u2028\xc3")
	f.Fuzz(func(t *testing.T, message, key, value string) {
		var buffer bytes.Buffer
		slog.New(adaptlog.NewText(&buffer, adaptlog.TextOptions{})).Info(message, key, value, "hint", value)
		out := buffer.String()
		if !strings.HasSuffix(out, "\n") {
			t.Errorf("no line end in %q", out)
		}
		for _, r := range out {
			if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
				t.Errorf("%q in %q", r, out)
			}
		}
	})
}
