package githook

import (
	"strings"
	"testing"
)

const none = "0000000000000000000000000000000000000000"

func TestParseCheckout(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]Checkout{
		"aaaa bbbb 1":    {Old: "aaaa", New: "bbbb", Branch: true},
		"aaaa aaaa 0":    {Old: "aaaa", New: "aaaa"},
		none + " bbbb 1": {New: "bbbb", Branch: true},
	} {
		if got, err := ParseCheckout(strings.Fields(args)); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", args, got, err)
		}
	}
	for _, args := range []string{"", "aaaa bbbb", "aaaa bbbb 2", "aaaa bbbb 1 1"} {
		if got, err := ParseCheckout(strings.Fields(args)); err == nil {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestFrameworkPush(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  map[string]string
		want Push
		ok   bool
	}{
		{map[string]string{}, Push{Local: "HEAD"}, false},
		{map[string]string{"PRE_COMMIT": "1"}, Push{Local: "HEAD"}, true},
		{map[string]string{"PRE_COMMIT": "1", "PRE_COMMIT_LOCAL_BRANCH": "refs/heads/main"}, Push{LocalRef: "refs/heads/main", Local: "refs/heads/main"}, true},
		{
			map[string]string{"PRE_COMMIT": "1", "PRE_COMMIT_LOCAL_BRANCH": "refs/heads/main", "PRE_COMMIT_TO_REF": "aaaa", "PRE_COMMIT_FROM_REF": "bbbb"},
			Push{LocalRef: "refs/heads/main", Local: "aaaa", Remote: "bbbb"},
			true,
		},
	} {
		got, ok := FrameworkPush(func(name string) string { return test.env[name] })
		if got != test.want || ok != test.ok {
			t.Errorf("%v: got %+v, %v", test.env, got, ok)
		}
	}
}

func TestParseRewrites(t *testing.T) {
	t.Parallel()
	got, err := ParseRewrites(strings.NewReader("aaaa bbbb\ncccc dddd extra\n"))
	if err != nil || len(got) != 2 || got[1] != (Rewrite{"cccc", "dddd"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ParseRewrites(strings.NewReader("aaaa\n")); err == nil {
		t.Error("accepted half a line")
	}
}

func TestParsePushes(t *testing.T) {
	t.Parallel()
	got, err := ParsePushes(strings.NewReader(
		"refs/heads/main aaaa refs/heads/main bbbb\n(delete) " + none + " refs/heads/old cccc\nHEAD dddd refs/heads/new " + none + "\n"))
	if err != nil || len(got) != 3 {
		t.Fatalf("got %+v, %v", got, err)
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
		t.Errorf("half a line: got error %v", err)
	}
}
