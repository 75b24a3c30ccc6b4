package adaptlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/adaptlog"
)

// lines is a sink that keeps each record as a line, without time and level.
type lines struct {
	slog.Handler
	buffer *bytes.Buffer
}

func newLines() lines {
	buffer := new(bytes.Buffer)
	return lines{
		buffer: buffer,
		Handler: slog.NewTextHandler(buffer, &slog.HandlerOptions{
			Level: slog.LevelDebug - 8,
			ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
				if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
					return slog.Attr{}
				}
				return a
			},
		}),
	}
}

func (l lines) all() []string {
	var all []string
	for line := range strings.Lines(l.buffer.String()) {
		all = append(all, strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "msg="))
	}
	return all
}

// records returns the lines without the handler's own.
func (l lines) records() []string {
	return slices.DeleteFunc(l.all(), func(line string) bool {
		return strings.HasPrefix(line, `"log level`)
	})
}

// clock is a time that moves only when a test sets it.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time { return c.now }

func wantLines(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestQuietUntilAnError(t *testing.T) {
	t.Parallel()
	sink, clock := newLines(), newClock()
	log := slog.New(adaptlog.New(adaptlog.Options{Now: clock.Now, Raised: time.Minute}, sink))
	log.Debug("d1")
	log.Info("i1")
	log.Debug("d2")
	wantLines(t, sink.all(), []string{"i1"})

	log.Error("e1")
	log.Debug("d3")
	clock.now = clock.now.Add(time.Minute - 1)
	log.Debug("d4")
	raised := []string{"i1", `"log level raised to debug" cause=error for=1m0s kept=2 dropped=0`, "d1", "d2", "e1", "d3", "d4"}
	wantLines(t, sink.all(), raised)

	clock.now = clock.now.Add(1)
	log.Debug("d5")
	log.Debug("d6")
	log.Info("i2")
	wantLines(t, sink.all(), append(raised, `"log level lowered again"`, "i2"))
}

func TestErrorKeepsLevelRaised(t *testing.T) {
	t.Parallel()
	sink, clock := newLines(), newClock()
	log := slog.New(adaptlog.New(adaptlog.Options{Now: clock.Now, Raised: time.Minute}, sink))
	log.Error("e1")
	clock.now = clock.now.Add(50 * time.Second)
	log.Error("e2")
	clock.now = clock.now.Add(50 * time.Second)
	log.Debug("d")
	wantLines(t, sink.records(), []string{"e1", "e2", "d"})
}

func TestWarningsOverThreshold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		warnings int
		apart    time.Duration
		want     bool
	}{
		"enough, close together":    {3, 29 * time.Second, true},
		"enough, but too far apart": {3, 30 * time.Second, false},
		"too few":                   {4, time.Second, false},
		"one is enough":             {1, time.Hour, true},
		"never":                     {-1, 0, false},
		"the default is five":       {0, 0, false},
	} {
		sink, clock := newLines(), newClock()
		log := slog.New(adaptlog.New(adaptlog.Options{Now: clock.Now, Warnings: c.warnings, Within: time.Minute}, sink))
		log.Debug("before")
		for range 3 {
			log.Warn("w")
			clock.now = clock.now.Add(c.apart)
		}
		if got := slices.Contains(sink.all(), "before"); got != c.want {
			t.Errorf("%s: wrote the ring: got %v, want %v", name, got, c.want)
		}
	}
}

func TestWarningsCountAgainAfterAlarm(t *testing.T) {
	t.Parallel()
	sink, clock := newLines(), newClock()
	log := slog.New(adaptlog.New(adaptlog.Options{Now: clock.Now, Warnings: 2, Within: time.Hour, Raised: time.Minute}, sink))
	log.Warn("w1")
	log.Warn("w2")
	clock.now = clock.now.Add(50 * time.Second)
	log.Warn("w3") // one is not enough to keep the level raised
	clock.now = clock.now.Add(50 * time.Second)
	log.Debug("d")
	wantLines(t, sink.records(), []string{"w1", "w2", "w3"})
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level][]string{
		slog.LevelDebug: {"debug", "info", "warn"},
		slog.LevelInfo:  {"info", "warn"},
		slog.LevelWarn:  {"warn"},
		slog.LevelError: nil,
	} {
		sink := newLines()
		log := slog.New(adaptlog.New(adaptlog.Options{Level: level}, sink))
		log.Debug("debug")
		log.Info("info")
		log.Warn("warn")
		wantLines(t, sink.records(), want)
		log.Error("error")
		wantLines(t, sink.records(), slices.Concat(want, without([]string{"debug", "info", "warn"}, want), []string{"error"}))
	}
	trace := adaptlog.New(adaptlog.Options{}, newLines())
	if trace.Enabled(t.Context(), slog.LevelDebug-1) {
		t.Errorf("accepts records below debug")
	}
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

func TestRingKeepsAttributesAndGroups(t *testing.T) {
	t.Parallel()
	sink := newLines()
	log := slog.New(adaptlog.New(adaptlog.Options{}, sink))
	derived := log.With("run", 7).WithGroup("test").With("name", "TestX")
	derived.Debug("d", "n", 1, slog.Group("at", "line", 3))
	log.Debug("plain", "n", 2)
	derived.WithGroup("deep").Error("e", "n", 3)
	wantLines(t, sink.records(), []string{
		"d run=7 test.name=TestX test.n=1 test.at.line=3",
		"plain n=2",
		"e run=7 test.name=TestX test.deep.n=3",
	})
	if got := sink.all()[0]; strings.Contains(got, "run=") {
		t.Errorf("the handler's own line has a logger's attributes: %s", got)
	}
}

// TestRingKeepsValues checks that a value that changes after it was logged does not change in the
// log.
func TestRingKeepsValues(t *testing.T) {
	t.Parallel()
	sink := newLines()
	log := slog.New(adaptlog.New(adaptlog.Options{}, sink))
	words := []string{"then"}
	log.Debug("d", "words", words)
	words[0] = "now"
	log.Error("e")
	wantLines(t, sink.records(), []string{"d words=[then]", "e"})
}

func TestSlog(t *testing.T) {
	t.Parallel()
	var buffer *bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buffer = new(bytes.Buffer)
		return adaptlog.New(adaptlog.Options{}, slog.NewJSONHandler(buffer, nil))
	}, func(t *testing.T) map[string]any {
		var record map[string]any
		if err := json.Unmarshal(buffer.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		return record
	})
}

type failing struct{ slog.Handler }

var errFailing = errors.New("the disk is full")

func (failing) Handle(context.Context, slog.Record) error { return errFailing }

func TestFailingSink(t *testing.T) {
	t.Parallel()
	before, after := newLines(), newLines()
	h := adaptlog.New(adaptlog.Options{}, before, failing{before.Handler}, after)
	log := slog.New(h)
	log.Debug("d")
	log.Info("i")
	log.Error("e")
	want := []string{"i", "d", "e"}
	wantLines(t, before.records(), want)
	wantLines(t, after.records(), want)
	record := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	if err := h.Handle(t.Context(), record); !errors.Is(err, errFailing) {
		t.Errorf("the error is %v, want %v", err, errFailing)
	}
}

func TestSinkChoosesLevel(t *testing.T) {
	t.Parallel()
	var quiet bytes.Buffer
	loud := newLines()
	log := slog.New(adaptlog.New(adaptlog.Options{}, adaptlog.NewText(&quiet, adaptlog.TextOptions{}), loud))
	log.Debug("d")
	log.Error("e")
	wantLines(t, loud.records(), []string{"d", "e"})
	if got := quiet.String(); got != "error: e\n" {
		t.Errorf("the quiet sink wrote %q", got)
	}
}

// TestRecordsAreWrittenOnce drives a handler at random and compares its output with a simple model:
// debug records wait, an alarm writes the newest of them, and none is written twice.
func TestRecordsAreWrittenOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sink, clock := newLines(), newClock()
		size := rapid.IntRange(1, 8).Draw(t, "records")
		root := slog.New(adaptlog.New(adaptlog.Options{
			Now: clock.Now, Records: size, Bytes: 1 << 30, Warnings: -1, Raised: time.Minute,
		}, sink))
		loggers := []*slog.Logger{root, root.With("a", 1), root.WithGroup("g").With("b", 2)}
		suffixes := []string{"", " a=1", " g.b=2"}

		var waiting, want []string
		var raised time.Time
		for i := range rapid.IntRange(0, 60).Draw(t, "steps") {
			step := rapid.SampledFrom([]string{"debug", "debug", "debug", "info", "error", "wait"}).Draw(t, "step")
			if step == "wait" {
				clock.now = clock.now.Add(time.Duration(rapid.IntRange(1, 70).Draw(t, "seconds")) * time.Second)
				continue
			}
			which := rapid.IntRange(0, len(loggers)-1).Draw(t, "logger")
			line := fmt.Sprint(step, i, suffixes[which])
			switch step {
			case "debug":
				loggers[which].Debug(fmt.Sprint(step, i))
				if clock.now.Before(raised) {
					want = append(want, line)
				} else {
					waiting = append(waiting, line)
				}
			case "info":
				loggers[which].Info(fmt.Sprint(step, i))
				want = append(want, line)
			case "error":
				loggers[which].Error(fmt.Sprint(step, i))
				want = append(want, waiting[max(0, len(waiting)-size):]...)
				want = append(want, line)
				waiting, raised = nil, clock.now.Add(time.Minute)
			}
		}
		if got := sink.records(); !slices.Equal(got, want) {
			t.Fatalf("got:\n%v\nwant:\n%v", got, want)
		}
	})
}

// TestManyGoroutines checks that, with room for all, every record is written once, and those of one
// goroutine in order.
func TestManyGoroutines(t *testing.T) {
	t.Parallel()
	const goroutines, records = 8, 300
	sink, clock := newLines(), newClock()
	log := slog.New(adaptlog.New(adaptlog.Options{Now: clock.Now, Records: goroutines * records, Bytes: 1 << 30}, sink))
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			own := log.With("g", g)
			for n := range records {
				if g == 0 && n == records/2 {
					own.Error(fmt.Sprint(n))
				} else {
					own.Debug(fmt.Sprint(n))
				}
			}
		})
	}
	group.Wait()
	log.Error("end")

	next := map[string]int{}
	for _, line := range sink.records() {
		number, g, _ := strings.Cut(line, " ")
		if number == "end" {
			continue
		}
		if number != fmt.Sprint(next[g]) {
			t.Fatalf("%s: got record %s, want %d", g, number, next[g])
		}
		next[g]++
	}
	for g, n := range next {
		if n != records {
			t.Errorf("%s: got %d records, want %d", g, n, records)
		}
	}
	if len(next) != goroutines {
		t.Errorf("records of %d goroutines, want %d", len(next), goroutines)
	}
}

func TestRingIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	const bytes = 100_000
	sink := newLines()
	log := slog.New(adaptlog.New(adaptlog.Options{Bytes: bytes}, sink))
	for i := range 100 {
		log.With("attached", strings.Repeat("a", 3000)).Debug(fmt.Sprint(i), "text", strings.Repeat("b", 2000))
	}
	log.Error("e")
	if size := sink.buffer.Len(); size > bytes || size < bytes*8/10 {
		t.Errorf("%d bytes from a ring of %d", size, bytes)
	}
}

func TestRecordLargerThanRing(t *testing.T) {
	t.Parallel()
	const bytes = 100_000
	sink := newLines()
	log := slog.New(adaptlog.New(adaptlog.Options{Bytes: bytes}, sink))
	log.Debug("first")
	log.Debug("huge", "text", slog.GroupValue(hugeAttrs()...)) // over the limit on its own
	log.Debug("last")
	log.Error("e")
	wantLines(t, sink.records(), []string{"last", "e"})
	if got := sink.all()[0]; !strings.HasSuffix(got, "kept=1 dropped=2") {
		t.Errorf("the counts are wrong: %s", got)
	}
}

func hugeAttrs() (attrs []slog.Attr) {
	for i := range 10 {
		attrs = append(attrs, slog.String(fmt.Sprint(i), strings.Repeat("h", 50_000)))
	}
	return attrs
}

func BenchmarkQuietDebug(b *testing.B) {
	log := slog.New(adaptlog.New(adaptlog.Options{Redact: []string{"a secret", "another"}}, newLines()))
	for b.Loop() {
		log.Debug("ran a test", "package", "example.com/x/y", "seconds", 1.5)
	}
}
