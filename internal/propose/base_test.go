package propose

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The edits between two versions make the one of the other.
func TestBetween(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) []byte {
			lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n"}), 0, 12).Draw(t, "lines")
			return []byte(strings.Join(lines, "") + rapid.SampledFrom([]string{"", "end"}).Draw(t, "end"))
		})
		old, now := text.Draw(t, "old"), text.Draw(t, "new")
		got, err := Splice(old, Between("f", old, now))
		if err != nil || string(got) != string(now) {
			t.Fatalf("%q from %q, want %q: %v", got, old, now, err)
		}
	})
}
