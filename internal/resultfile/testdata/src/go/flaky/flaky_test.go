package flaky

import (
	"os"
	"testing"
)

func TestOnce(t *testing.T) {
	if _, err := os.Stat(".ran"); err != nil {
		_ = os.WriteFile(".ran", nil, 0o600)
		t.Fatal("the first time")
	}
}

func TestSteady(t *testing.T) {}
