package plural

import "testing"

func TestCount(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Count(0, "patch"):         "0 patches",
		Count(1, "failing test"):  "1 failing test",
		Count(2, "failing test"):  "2 failing tests",
		Count(2, "strategy"):      "2 strategies",
		Count(2, "key"):           "2 keys",
		Count(2, "process"):       "2 processes",
		Count(1000, "test"):       "1,000 tests",
		Count(1234567, "test"):    "1,234,567 tests",
		Count(-123456, "test"):    "-123,456 tests",
		Verb(1, "passes", "pass"): "passes",
		Verb(0, "is", "are"):      "are",
		Verb(2, "fails", "fail"):  "fail",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
