package confine

import (
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile are names that are never allowed, with the reason.
var hostile = map[string]Refusal{
	"": Outside, ".": Outside, "..": Outside, "/": Outside, "./a": Outside, "a/": Outside, "a//b": Outside,
	"a/.": Outside, "a/..": Outside, "../a": Outside, "../../etc/passwd": Outside, "a/../../b": Outside, "a/../b": Outside,
	"/etc/passwd": Outside, "//server/share/x": Outside, "//?/C:/x": Outside,
	`\`: Outside, `a\b`: Outside, `..\a`: Outside, `a\..\..\b`: Outside, `C:\x`: Outside, `\\server\share\x`: Outside,
	`\\?\C:\x`: Outside, `\\.\PhysicalDrive0`: Outside, `.git\config`: Outside, `sub\.git\hooks\x`: Outside,
	"a\x00": Outside, "\x00": Outside, ".git\x00/config": Outside,

	".git": GitsOwn, ".git/config": GitsOwn, ".git/hooks/pre-commit": GitsOwn, "sub/.git": GitsOwn, "sub/.git/config": GitsOwn,
	".GIT/config": GitsOwn, ".gIt": GitsOwn, ".Git/HEAD": GitsOwn,
	".git./config": GitsOwn, ".git /config": GitsOwn, ".git. . .": GitsOwn, ".git...": GitsOwn, ".git ": GitsOwn,
	"git~1": GitsOwn, "GIT~1/config": GitsOwn, "git~1.": GitsOwn, "git~1 /config": GitsOwn, "git~2": GitsOwn, "Git~12": GitsOwn,
	"gi7eba~1": GitsOwn, "GI0000~9/x": GitsOwn,
	".git::$INDEX_ALLOCATION/config": GitsOwn, ".git:stream": GitsOwn, ".GIT::$INDEX_ALLOCATION": GitsOwn, ".git. :x": GitsOwn,
	"git~1::$DATA": GitsOwn, "sub/git~1:x/y": GitsOwn,
	".g\u200cit/config": GitsOwn, "\u200d.git": GitsOwn, ".git\u200e": GitsOwn, ".gi\u200ft": GitsOwn, ".g\u202ait": GitsOwn,
	".g\u202eit": GitsOwn, ".g\u206ait": GitsOwn, ".g\u206fit": GitsOwn, ".git\ufeff/x": GitsOwn, "\ufeff.\ufeffG\u200bI\u2060T": GitsOwn,

	".regreen-write": OurOwn, ".regreen-write/journal.json": OurOwn, ".Regreen-Write/x": OurOwn, ".regreen-write.lock": OurOwn,
	"sub/.regreen-write-0": OurOwn, ".regreen-write. ": OurOwn, ".regreen-write:x": OurOwn, ".regreen\u200c-write": OurOwn,
	"regree~1": OurOwn, "REGREE~4/journal.json": OurOwn, "re12ab~1": OurOwn,

	"C:x": Colon, "c:": Colon, "a/C:/x": Colon, "file.txt:stream": Colon, "file.txt::$DATA": Colon, "a:b/c": Colon, ":": Colon,

	strings.Repeat("x", 256):         TooLong,
	strings.Repeat("x/", 2048) + "x": TooLong,
}

// dubious are names that are allowed for existing files, but not for new ones.
var dubious = map[string]Refusal{
	"aux": Unportable, "aux.c": Unportable, "drivers/gpu/aux.c": Unportable, "AUX.tar.gz": Unportable, "con": Unportable, "Con.txt": Unportable,
	"prn": Unportable, "nul": Unportable, "nul.txt": Unportable, "nul .txt": Unportable, "NUL  .a.b": Unportable, "nul/x": Unportable,
	"com0": Unportable, "com1": Unportable, "COM9.log": Unportable, "lpt0": Unportable, "LPT9": Unportable, "com¹": Unportable, "COM².x": Unportable, "lpt³.txt": Unportable,
	"conin$": Unportable, "CONOUT$.x": Unportable, "sub/CONIN$/x": Unportable,
	"a.": Unportable, "a ": Unportable, "a. .": Unportable, "dir./x": Unportable, "dir /x": Unportable, "...": Unportable, " ": Unportable,
	"a\nb": Control, "a\tb": Control, "\x1b[2J": Control, "a\x7f": Control, "a\u0085b": Control, "sub/\r/x": Control,
}

// existing are names that Windows reads as another one. Elsewhere they are ordinary, but only a file
// that exists may have one.
var existing = []string{
	`a\b`, `back\slash.txt`, `\`, `a\`, `\\server\share\x`, `C:\x`, "C:x", "c:", "a/C:/x", "file.txt:stream", "a:b/c", ":", "12:30.log", `sub\x:y/z`,
}

// never are names that are refused even for a file that exists.
var never = map[string]Refusal{
	`.git\config`: GitsOwn, `sub\.git\hooks\x`: GitsOwn, `a\.GIT`: GitsOwn, `a\git~1\x`: GitsOwn, `a\.git::$INDEX_ALLOCATION\x`: GitsOwn, ".git:x": GitsOwn, ".g\u200cit:x": GitsOwn,
	`..\a`: Outside, `a\..\..\b`: Outside, `a\..`: Outside, `../a\b`: Outside, `/a\b`: Outside, "a\\b\x00": Outside,
	`x\.regreen-write\journal.json`: OurOwn, strings.Repeat("x", 250) + ":12345": TooLong,
}

func TestExisting(t *testing.T) {
	t.Parallel()
	for _, name := range existing {
		if err := Existing(name); err != nil && runtime.GOOS != "windows" {
			t.Errorf("%q: %v", name, err)
		}
		if Name(name) == nil || NewName(name) == nil {
			t.Errorf("%q is allowed for a new file", name)
		}
	}
	for name, want := range never {
		if err := Existing(name); !errors.Is(err, want) {
			t.Errorf("%.60q: got %v, want %v", name, err, want)
		}
	}
	for name := range dubious {
		if err := Existing(name); err != nil && runtime.GOOS != "windows" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// plain are names that are allowed for any file.
var plain = []string{
	"a", "main.go", "a/b/c.txt", ".gitignore", ".github/workflows/ci.yml", ".gitmodules", ".gitattributes", "git", "git/x", "git~", "git~x", "git~1x", "x.git", "foo.git/x",
	".gitx", ".git-x", "..a", "...a", "a..b", "a b", " a", "~", "a~1", "gitfoo~1", "regreen", ".regreen.yml", ".regreen-writ", "re-write~1",
	"console", "conx", "com", "comma", "com10", "com1x.txt", "lpt", "nullable.go", "aux_test.go", "xaux", "auxiliary/aux-x", "a.aux",
	"ünï/cödé", "日本語.txt", "\xff\xfe", "a%2e%2e/b", "a*?<>|\"b", "$HOME", "-rf", strings.Repeat("x", 255), strings.Repeat("x/", 2000) + "x",
}

func TestName(t *testing.T) {
	t.Parallel()
	for name, want := range hostile {
		if err := Name(name); !errors.Is(err, want) {
			t.Errorf("%.60q: got %v, want %v", name, err, want)
		}
		if err := NewName(name); !errors.Is(err, want) {
			t.Errorf("new %.60q: got %v, want %v", name, err, want)
		}
	}
	for name, want := range dubious {
		if err := Name(name); err != nil && runtime.GOOS != "windows" {
			t.Errorf("%q: %v", name, err)
		}
		if err := NewName(name); !errors.Is(err, want) {
			t.Errorf("new %q: got %v, want %v", name, err, want)
		}
	}
	for _, name := range plain {
		if err := errors.Join(Name(name), NewName(name)); err != nil {
			t.Errorf("%.60q: %v", name, err)
		}
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, target string
		want         error
	}{
		{"l", "a", nil},
		{"l", "./a", nil},
		{"l", "a/b/", nil},
		{"l", "not/there", nil},
		{"l", ".", nil},
		{"a/b/l", "../../c", nil},
		{"a/b/l", "..", nil},
		{"a/b/l", "../..", nil},
		{"a/l", ".././../a", LeadsOut},
		{"l", "..", LeadsOut},
		{"l", "../x", LeadsOut},
		{"a/l", "../../x", LeadsOut},
		{"l", "/etc/passwd", LeadsOut},
		{"l", "/", LeadsOut},
		{"l", "", LeadsOut},
		{"l", "a/../b", LeadsOut}, // a may be a link
		{"l", "a/../../b", LeadsOut},
		{"l", `..\x`, LeadsOut},
		{"l", `C:\x`, LeadsOut},
		{"l", "C:x", Colon},
		{"l", "a\x00", LeadsOut},
		{"l", "a\n", LeadsOut},
		{"l", ".git", GitsOwn},
		{"l", "./.git/hooks", GitsOwn},
		{"a/l", "../.GIT/config", GitsOwn},
		{"a/l", "../git~1", GitsOwn},
		{"l", ".regreen-write", OurOwn},
		{".gitmodules", "a", GitsOwn},
		{"sub/.GitModules", "a", GitsOwn},
		{"gitmod~1", "a", GitsOwn},
		{".gitignore", "a", nil},
	} {
		if err := Link(tt.name, tt.target); !errors.Is(err, tt.want) {
			t.Errorf("%q -> %q: got %v, want %v", tt.name, tt.target, err, tt.want)
		}
	}
}

// FuzzName checks that every accepted name stays below a root and does not belong to git, by a
// second implementation of the rules.
func FuzzName(f *testing.F) {
	seeds := 0
	for name := range hostile {
		f.Add(name)
		seeds++
	}
	for name := range dubious {
		f.Add(name)
		seeds++
	}
	for _, name := range plain {
		f.Add(name)
		seeds++
	}
	if seeds < 100 {
		f.Fatal("too few seeds")
	}
	for _, name := range existing {
		f.Add(name)
	}
	for name := range never {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if Existing(name) != nil {
			if Name(name) == nil {
				t.Fatalf("%q is not allowed only because it exists", name)
			}
			return
		}
		if !filepath.IsLocal(name) {
			t.Fatalf("%q is not local", name)
		}
		root := filepath.Join(string(filepath.Separator), "some", "root")
		rel, err := filepath.Rel(root, filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || filepath.ToSlash(rel) != name {
			t.Fatalf("%q becomes %q, %v", name, rel, err)
		}
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' }) {
			if got := folded(part); got == ".git" || got == "git~1" || got == ".regreen-write" {
				t.Fatalf("%q has %q", name, part)
			}
		}
		if Name(name) != nil {
			if NewName(name) == nil {
				t.Fatalf("%q is allowed only for a new file", name)
			}
			return
		}
		if Link("l", name) != nil || Link("a/l", "../"+name) != nil {
			if !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
				t.Fatalf("a link to %q is refused", name)
			}
		}
	})
}

// folded reads a part letter by letter, like git's utf8.c and path.c.
func folded(part string) string {
	var b strings.Builder
	for i := 0; i < len(part); {
		r, size := utf8.DecodeRuneInString(part[i:])
		i += size
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		case r == ':':
			i = len(part)
		case 'A' <= r && r <= 'Z':
			b.WriteRune(r + 'a' - 'A')
		default:
			b.WriteRune(r)
		}
	}
	s := b.String()
	for s != "" && (s[len(s)-1] == '.' || s[len(s)-1] == ' ') {
		s = s[:len(s)-1]
	}
	return s
}
