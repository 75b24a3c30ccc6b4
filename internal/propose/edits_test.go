package propose

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The edits between two versions turn one into the other.
func TestLineEdits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) []byte {
			lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n"}), 0, 12).Draw(t, "lines")
			return []byte(strings.Join(lines, "") + rapid.SampledFrom([]string{"", "end"}).Draw(t, "end"))
		})
		old, now := text.Draw(t, "old"), text.Draw(t, "new")
		got, err := Splice(old, LineEdits("f", old, now))
		if err != nil || string(got) != string(now) {
			t.Fatalf("%q from %q, want %q: %v", got, old, now, err)
		}
	})
}
