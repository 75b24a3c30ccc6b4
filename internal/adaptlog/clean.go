package adaptlog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	redacted = "***"
	// minSecret is the size of the shortest secret to replace: replacing shorter ones would mangle
	// ordinary words.
	minSecret = 4
	// maxText is the size above which text is cut, so that no single value fills the ring or the
	// log.
	maxText = 64 << 10
	// maxDepth is how deep groups and values can nest. Deeper ones are shown as text.
	maxDepth = 16
	// overhead is the approximate size of a record or an attribute without its text.
	overhead = 64
)

// cleaner makes records safe to keep and to show. It replaces secrets, cuts long text, and copies
// the current text of values that the program could still change or whose methods could panic.
type cleaner struct {
	secrets *strings.Replacer
	none    bool // no secrets
}

func newCleaner(secrets []string) cleaner {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < minSecret })
	// The longest first, because it may contain a shorter one.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, secret := range secrets {
		pairs = append(pairs, secret, redacted)
	}
	return cleaner{secrets: strings.NewReplacer(pairs...), none: len(secrets) == 0}
}

func (c cleaner) text(s string) string {
	s = c.secrets.Replace(s)
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%s... (%d more bytes)", s[:cut], len(s)-cut)
}

// record returns the clean record and its approximate size in bytes.
func (c cleaner) record(r slog.Record) (slog.Record, int) {
	clean := slog.NewRecord(r.Time, r.Level, c.text(r.Message), r.PC)
	size := overhead + len(clean.Message)
	r.Attrs(func(a slog.Attr) bool {
		a, n := c.attr(a, 0)
		clean.AddAttrs(a)
		size += n
		return true
	})
	return clean, size
}

func (c cleaner) attrs(attrs []slog.Attr) ([]slog.Attr, int) {
	return c.nested(attrs, 0)
}

func (c cleaner) nested(attrs []slog.Attr, depth int) ([]slog.Attr, int) {
	clean, size := make([]slog.Attr, len(attrs)), 0
	for i, a := range attrs {
		var n int
		clean[i], n = c.attr(a, depth)
		size += n
	}
	return clean, size
}

func (c cleaner) attr(a slog.Attr, depth int) (slog.Attr, int) {
	if a.Equal(slog.Attr{}) { // sinks skip the empty attribute
		return a, 0
	}
	value, size := c.value(a.Value.Resolve(), depth)
	key := c.text(a.Key)
	return slog.Attr{Key: key, Value: value}, overhead + len(key) + size
}

func (c cleaner) value(v slog.Value, depth int) (slog.Value, int) {
	switch v.Kind() {
	case slog.KindString:
		s := c.text(v.String())
		return slog.StringValue(s), len(s)
	case slog.KindGroup:
		if depth == maxDepth {
			s := c.text(v.String())
			return slog.StringValue(s), len(s)
		}
		attrs, size := c.nested(v.Group(), depth+1)
		return slog.GroupValue(attrs...), size
	case slog.KindAny:
		return c.any(v.Any())
	default: // numbers and times: short, and seldom a secret
		if c.none {
			return v, 0
		}
		if s := v.String(); c.text(s) != s {
			return slog.StringValue(c.text(s)), 0
		}
		return v, 0
	}
}

// any replaces a value by its text, if it is an error or a fmt.Stringer, or by what encoding/json
// makes of it.
func (c cleaner) any(x any) (slog.Value, int) {
	if x == nil {
		return slog.AnyValue(nil), 0
	}
	switch x := x.(type) {
	case error, fmt.Stringer:
		s := c.text(fmt.Sprint(x)) // Sprint survives a method that panics
		return slog.StringValue(s), len(s)
	case []byte:
		s := c.text(string(x))
		return slog.StringValue(s), len(s)
	}
	tree, ok := decode(x)
	if !ok {
		s := c.text(fmt.Sprintf("%+v", x))
		return slog.StringValue(s), len(s)
	}
	tree, size := c.tree(tree)
	if s, ok := tree.(string); ok {
		return slog.StringValue(s), size
	}
	return slog.AnyValue(tree), size
}

// decode returns a copy of a value as encoding/json sees it.
func decode(x any) (tree any, ok bool) {
	defer func() {
		if recover() != nil { // a MarshalJSON that cannot handle its receiver
			tree, ok = nil, false
		}
	}()
	data, err := json.Marshal(x)
	if err != nil {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return tree, decoder.Decode(&tree) == nil
}

// tree cleans a decoded value in place.
func (c cleaner) tree(tree any) (any, int) {
	switch x := tree.(type) {
	case string:
		s := c.text(x)
		return s, len(s)
	case []any:
		size := overhead
		for i := range x {
			var n int
			x[i], n = c.tree(x[i])
			size += n
		}
		return x, size
	case map[string]any:
		size := overhead
		clean := make(map[string]any, len(x))
		for key, value := range x {
			value, n := c.tree(value)
			key = c.text(key)
			clean[key] = value
			size += n + len(key)
		}
		return clean, size
	case json.Number:
		if s := c.text(x.String()); s != x.String() {
			return s, len(s)
		}
		return x, len(x)
	default: // nil, bool
		return x, overhead / 8
	}
}
