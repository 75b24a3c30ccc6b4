package githook

import (
	"strings"
	"testing"
)

const none = "0000000000000000000000000000000000000000"

func TestParsePushes(t *testing.T) {
	t.Parallel()
	got, err := ParsePushes(strings.NewReader(
		"refs/heads/main aaaa refs/heads/main bbbb\n(delete) " + none + " refs/heads/old cccc\nHEAD dddd refs/heads/new " + none + "\n"))
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got[0] != (Push{"refs/heads/main", "aaaa", "refs/heads/main", "bbbb"}) || got[0].Delete() || got[0].New() {
		t.Errorf("%+v", got[0])
	}
	if !got[1].Delete() || got[1].New() || got[2].Delete() || !got[2].New() {
		t.Errorf("%+v", got)
	}
	if got, err := ParsePushes(strings.NewReader("")); err != nil || len(got) != 0 {
		t.Errorf("nothing pushed: %+v, %v", got, err)
	}
	if _, err := ParsePushes(strings.NewReader("refs/heads/main aaaa\n")); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("half a line: %v", err)
	}
}
