package config

import "testing"

func TestDocument(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		globs []string
		name  string
		want  bool
	}{
		{nil, "README.md", true},
		{nil, "docs/guide.adoc", true},
		{nil, "LICENSE", true},
		{nil, "internal/LICENSE", false},
		{nil, "m/testdata/README.md", false},
		{nil, "main.go", false},
		{nil, "requirements.txt", false},
		{[]string{"docs"}, "docs/a/b.go", true},
		{[]string{"docs"}, "README.md", false},
		{[]string{"docs"}, "docs/testdata/a.md", false},
		{[]string{"none"}, "README.md", false},
		{[]string{"*.md", "none"}, "README.md", false},
	} {
		if got := (Config{Documents: tc.globs}).Document(tc.name); got != tc.want {
			t.Errorf("%q with %q: %t", tc.name, tc.globs, got)
		}
	}
}
