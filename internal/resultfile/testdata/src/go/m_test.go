package m

import "testing"

func TestAdds(t *testing.T) {}

func TestSubtracts(t *testing.T) {
	t.Errorf("3 - 1 = %d, want 1", 2)
}

func TestSkipped(t *testing.T) { t.Skip("no network") }

func TestGroup(t *testing.T) {
	t.Run("good", func(t *testing.T) {})
	t.Run("bad", func(t *testing.T) { t.Fatal("boom <&> \"quoted\" \x1b[31mred\x1b[0m") })
}
