package crash

import "testing"

func TestCrash(t *testing.T) {
	var m map[string]int
	m["a"] = 1
}

func TestNever(t *testing.T) {}
