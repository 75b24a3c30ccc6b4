package adaptlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/adaptlog"
)

const secret, longer = "hunter2", "hunter2-and-more"

type account struct {
	Name   string
	Tokens map[string][]string
}

type person struct{ token string }

func (p person) LogValue() slog.Value { return slog.GroupValue(slog.String("token", p.token)) }

type careless struct{ name *string }

func (c *careless) Error() string                { return *c.name }
func (c *careless) MarshalJSON() ([]byte, error) { return []byte(*c.name), nil }

type panicsAsJSON struct{ Name *string }

func (p panicsAsJSON) MarshalJSON() ([]byte, error) { return []byte(*p.Name), nil }

// throughJSON logs once and returns the line.
func throughJSON(redact []string, log func(*slog.Logger)) string {
	var buffer bytes.Buffer
	log(slog.New(adaptlog.New(adaptlog.Options{Redact: redact}, slog.NewJSONHandler(&buffer, nil))))
	return buffer.String()
}

func TestSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	for name, log := range map[string]func(*slog.Logger){
		"message":       func(l *slog.Logger) { l.Info("the password is " + secret + "!") },
		"attribute":     func(l *slog.Logger) { l.Info("m", "password", secret) },
		"key":           func(l *slog.Logger) { l.Info("m", "x"+secret, 1) },
		"with":          func(l *slog.Logger) { l.With("password", secret).Info("m") },
		"group name":    func(l *slog.Logger) { l.WithGroup(secret).Info("m", "a", 1) },
		"group":         func(l *slog.Logger) { l.Info("m", slog.Group("g", slog.Group("h", "k", secret))) },
		"LogValuer":     func(l *slog.Logger) { l.Info("m", "person", person{secret}) },
		"error":         func(l *slog.Logger) { l.Info("m", "err", fmt.Errorf("get: %w", errors.New(secret))) },
		"Stringer":      func(l *slog.Logger) { l.Info("m", "url", &url.URL{Host: "h", Path: "/" + secret}) },
		"struct":        func(l *slog.Logger) { l.Info("m", "account", account{Name: secret}) },
		"nested":        func(l *slog.Logger) { l.Info("m", "a", account{Tokens: map[string][]string{"k": {"x" + secret}}}) },
		"map key":       func(l *slog.Logger) { l.Info("m", "a", account{Tokens: map[string][]string{secret: nil}}) },
		"bytes":         func(l *slog.Logger) { l.Info("m", "b", []byte(secret)) },
		"longer secret": func(l *slog.Logger) { l.Info(longer) },
		"number":        func(l *slog.Logger) { l.Info("m", "pin", 31415926) },
		"number inside": func(l *slog.Logger) { l.Info("m", "pins", []int{31415926}) },
		"unencodable": func(l *slog.Logger) {
			l.Info("m", "x", struct{ C any }{struct {
				F func()
				S string
			}{nil, secret}})
		},
	} {
		got := throughJSON([]string{secret, longer, "31415926"}, log)
		if strings.Contains(got, "hunter2") || strings.Contains(got, "and-more") || strings.Contains(got, "31415926") {
			t.Errorf("%s: the secret is in %s", name, got)
		}
		if !strings.Contains(got, "***") {
			t.Errorf("%s: no *** in its place: %s", name, got)
		}
	}
}

func TestShortSecretsStay(t *testing.T) {
	t.Parallel()
	if got := throughJSON([]string{"", "a", "the"}, func(l *slog.Logger) { l.Info("the answer") }); !strings.Contains(got, "the answer") {
		t.Errorf("an ordinary word was replaced: %s", got)
	}
}

func TestValuesKeepTheirForm(t *testing.T) {
	t.Parallel()
	var name *string
	for _, c := range []struct {
		value any
		want  string
	}{
		{42, `42`},
		{true, `true`},
		{nil, `null`},
		{1.5, `1.5`},
		{"text", `"text"`},
		{[]int{1, 2}, `[1,2]`},
		{account{Name: "n"}, `{"Name":"n","Tokens":null}`},
		{uint64(1<<63 + 1), `9223372036854775809`},
		{[]uint64{1<<63 + 1}, `[9223372036854775809]`},
		{errors.New("wrong"), `"wrong"`},
		{json.RawMessage(`{"a":1}`), `{"a":1}`},
		{name, `null`},
	} {
		got := throughJSON(nil, func(l *slog.Logger) { l.Info("m", "v", c.value) })
		if !strings.HasSuffix(got, `"v":`+c.want+"}\n") {
			t.Errorf("%#v: got %s, want %s", c.value, got, c.want)
		}
	}
}

func TestMethodsThatPanic(t *testing.T) {
	t.Parallel()
	for _, value := range []any{(*careless)(nil), &careless{}, panicsAsJSON{}, func() {}, make(chan int)} {
		got := throughJSON(nil, func(l *slog.Logger) { l.Info("m", "v", value) })
		if !strings.Contains(got, `"v":`) || !json.Valid([]byte(got)) {
			t.Errorf("%T: %s", value, got)
		}
	}
}

func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("日", 1<<20)
	got := throughJSON(nil, func(l *slog.Logger) { l.Info(long, "v", long, "list", []string{long}) })
	if len(got) > 3*70_000 {
		t.Errorf("the line has %d bytes", len(got))
	}
	if !strings.Contains(got, "more bytes)") || strings.Contains(got, `\ufffd`) {
		t.Errorf("the line does not say that it was cut, or was cut inside a character")
	}
}

// FuzzRedact checks that a secret never comes out, wherever it is.
func FuzzRedact(f *testing.F) {
	f.Add("secret", "a secret secret", "k")
	f.Add("aaaa", "aaaaaaa", "aaaa")
	f.Add("abcabc", "abcabcabc", "")
	f.Add("\x00\xff\xfe\n", "x\x00\xff\xfe\n", "\"")
	f.Fuzz(func(t *testing.T, secret, text, key string) {
		if len(secret) < 4 || strings.Contains(secret, "*") || len(text) > 60_000 {
			return
		}
		sink := newLines()
		log := slog.New(adaptlog.New(adaptlog.Options{Redact: []string{secret}}, check{sink, t, secret}))
		log.With(key, text).Error(text+secret+text, key, secret+text, slog.Group(text, key, errors.New(secret)), key, []byte(text+secret))
	})
}

// check is a sink that looks for a secret in every record.
type check struct {
	slog.Handler
	t      *testing.T
	secret string
}

func (c check) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		c.attr(a)
	}
	return c
}

func (c check) attr(a slog.Attr) bool {
	if a.Value.Kind() == slog.KindGroup {
		for _, member := range a.Value.Group() {
			c.attr(member)
		}
	} else if strings.Contains(a.Value.String(), c.secret) {
		c.t.Errorf("the secret %q is in the value %q", c.secret, a.Value)
	}
	if strings.Contains(a.Key, c.secret) {
		c.t.Errorf("the secret %q is in the key %q", c.secret, a.Key)
	}
	return true
}

func (c check) Handle(_ context.Context, r slog.Record) error {
	if r.Message == adaptlog.MessageRaised { // has nothing that the test logged
		return nil
	}
	if strings.Contains(r.Message, c.secret) {
		c.t.Errorf("the secret %q is in the message %q", c.secret, r.Message)
	}
	r.Attrs(c.attr)
	return nil
}
