package runner

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// entry is an entry of an archive.
type entry struct {
	name, text string
	mode       fs.FileMode
	stated     uint64 // a false size, unless 0
	flags      uint16
	dos        bool // from a system without modes
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	deflate, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		var packed bytes.Buffer
		deflate.Reset(&packed)
		_, _ = deflate.Write([]byte(e.text))
		_ = deflate.Close()
		h := &zip.FileHeader{
			Name: marked(e), Method: zip.Deflate, Flags: e.flags | 1<<11, CRC32: crc32.ChecksumIEEE([]byte(e.text)),
			CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(e.text)),
		}
		if e.stated != 0 {
			h.UncompressedSize64 = e.stated
		}
		if e.text == "" {
			h.Method, h.CompressedSize64 = zip.Store, 0
			packed.Reset()
		}
		h.SetMode(e.mode)
		if e.dos {
			h.CreatorVersion = 0
			h.ExternalAttrs = 0x10
		}
		f, err := w.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(packed.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	for _, e := range entries {
		if written := marked(e); written != e.name {
			data = bytes.ReplaceAll(data, []byte(written), []byte(e.name))
		}
	}
	return data
}

// marked returns the name to write for an entry. A directory with content gets the name of a
// file, because the writer would drop the content.
func marked(e entry) string {
	if dir, ok := strings.CutSuffix(e.name, "/"); ok && e.text != "" {
		return dir + "_"
	}
	return e.name
}

func unzip(data []byte, dir string, lim Limits) error {
	return Unzip(bytes.NewReader(data), int64(len(data)), dir, lim)
}

func TestUnzip(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	err := unzip(archive(t,
		entry{name: "folder/"}, entry{name: "folder/a", text: "text", mode: 0o4777}, entry{name: "b/c/d"}, entry{name: "b/", mode: fs.ModeDir | 0o777},
		entry{name: "folder/in/"}, entry{name: "$HOME;`id`", text: "fine"},
	), dir, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"folder/a": "text", "b/c/d": "", "$HOME;`id`": "fine"}
	if got := contents(t, dir); !maps.Equal(got, want) {
		t.Errorf("unpacked %q, want %q", got, want)
	}
	for name, want := range map[string]fs.FileMode{".": 0o700 | fs.ModeDir, "folder": 0o700 | fs.ModeDir, "b": 0o700 | fs.ModeDir, "folder/a": 0o600, "folder/in": 0o700 | fs.ModeDir} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want && runtime.GOOS != "windows" {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
}

// TestUnzipRefuses has archives with a valid file and then one that must be refused, and
// checks that nothing is unpacked.
func TestUnzipRefuses(t *testing.T) {
	t.Parallel()
	within := Limits{Files: 6, File: 1000, Total: 1500}
	deep := strings.Repeat("d/", 5) + "f"
	thousand := strings.Repeat("x", 1000)
	for _, c := range []struct {
		name    string
		entries []entry
		want    string
	}{
		{"up", []entry{{name: "../a"}}, "not a path inside"},
		{"up within", []entry{{name: "a/../../b"}}, "not a path inside"},
		{"up and back", []entry{{name: "a/../b"}}, "not a path inside"},
		{"absolute", []entry{{name: "/etc/passwd"}}, "not a path inside"},
		{"a drive", []entry{{name: "C:/a"}}, "colon"},
		{"backslashes", []entry{{name: `..\a`}}, "not a path inside"},
		{"a zero", []entry{{name: "a\x00b"}}, "not a path inside"},
		{"a newline", []entry{{name: "a\nb"}}, "control character"},
		{"nothing", []entry{{name: ""}}, "not a path inside"},
		{"only a slash", []entry{{name: "/"}}, "not a path inside"},
		{"two slashes", []entry{{name: "a//b"}}, "not a path inside"},
		{"in .git", []entry{{name: ".GIT/config"}}, "belongs to git"},
		{"a device", []entry{{name: "aux.txt"}}, "device"},
		{"a stream", []entry{{name: "a:b"}}, "colon"},
		{"not UTF-8", []entry{{name: "a\xff"}}, "UTF-8"},
		{"too long a name", []entry{{name: strings.Repeat("n", 300)}}, "longer"},
		{"a link", []entry{{name: "l", text: "/etc/passwd", mode: fs.ModeSymlink | 0o777}}, "neither a file nor a directory"},
		{"a link that looks like a directory", []entry{{name: "l/", mode: fs.ModeSymlink | 0o777}}, "neither a file nor a directory"},
		{"a pipe", []entry{{name: "p", mode: fs.ModeNamedPipe}}, "neither a file nor a directory"},
		{"a device file", []entry{{name: "d", mode: fs.ModeDevice}}, "neither a file nor a directory"},
		{"a directory without a slash", []entry{{name: "d", dos: true}}, "neither a file nor a directory"},
		{"a directory with content", []entry{{name: "directory with content/", text: "text", mode: fs.ModeDir}}, "has content"},
		{"encrypted", []entry{{name: "e", flags: 1}}, "encrypted"},
		{"twice", []entry{{name: "a"}, {name: "a"}}, "same file"},
		{"twice, in different case", []entry{{name: "a"}, {name: "A"}}, "same file"},
		{"twice, with an invisible character", []entry{{name: "a"}, {name: "a\u200d"}}, "same file"},
		{"directories that differ in case", []entry{{name: "a/1"}, {name: "A/2"}}, "same file"},
		{"a file as a directory", []entry{{name: "a"}, {name: "a/b"}}, "same file"},
		{"a directory as a file", []entry{{name: "a/b"}, {name: "a"}}, "same file"},
		{"many files", []entry{{name: "1"}, {name: "2"}, {name: "3"}, {name: "4"}, {name: "5"}, {name: "6"}}, "more than 6 files"},
		{"many directories", []entry{{name: deep}}, "more than 6 files"},
		{"a large file", []entry{{name: "a", text: thousand + "x"}}, "1001 bytes are more than the allowed 1000"},
		{"large files", []entry{{name: "a", text: thousand}, {name: "b", text: thousand}}, "more than 1500 bytes"},
		{"sizes that overflow", []entry{{name: "a", stated: 1 << 63}}, "more than the allowed"},
		{"a stated size that is too small", []entry{{name: "a", text: thousand, stated: 1}}, ErrBroken.Error()},
		{"a zip bomb", []entry{{name: "a", text: strings.Repeat("x", 1<<20), stated: 10}}, ErrBroken.Error()},
		{"a stated size that is too large", []entry{{name: "a", text: "text", stated: 100}}, ErrBroken.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "new")
			err := unzip(archive(t, append([]entry{{name: "valid", text: "valid"}}, c.entries...)...), dir, within)
			if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %v: %s", err, ErrBroken, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has a line break of the archive: %v", err)
			}
			checkMissing(t, dir)
		})
	}
}

func TestUnzipRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	valid := archive(t, entry{name: "a", text: "text"})
	flipped := bytes.Clone(valid)
	flipped[30+1+2] ^= 0xff // in the packed text
	many := make([]entry, 3000)
	for i := range many {
		many[i].name = fmt.Sprintf("a file with a number: %d", i)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not a valid zip"},
		{"text", []byte("<html>404</html>"), "not a valid zip"},
		{"cut off", valid[:len(valid)-5], "not a valid zip"},
		{"damaged", flipped, `"a"`},
		{"a directory that is too long", archive(t, many...), "directory is too long for 2 files"},
	} {
		dir := filepath.Join(t.TempDir(), "new")
		if err := unzip(c.data, dir, Limits{Files: 2}); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %v: %s", c.name, err, ErrBroken, c.want)
		}
		checkMissing(t, dir)
	}
}

func TestUnzipOnlyIntoNewDirectory(t *testing.T) {
	t.Parallel()
	data := archive(t, entry{name: "a", text: "new"})
	dir := makeDir(t, map[string]string{"a": "old"})
	link(t, filepath.Join(dir, "none"), filepath.Join(dir, "link"))
	for _, to := range []string{dir, filepath.Join(dir, "a"), filepath.Join(dir, "link")} {
		if err := unzip(data, to, Limits{}); !errors.Is(err, fs.ErrExist) && runtime.GOOS != "windows" {
			t.Errorf("into %s: got error %v, want %v", to, err, fs.ErrExist)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(text) != "old" {
		t.Errorf("the file was changed to %q, %v", text, err)
	}
}

// TestZipRoundTrip zips random files and unpacks them.
func TestZipRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		part := rapid.StringMatching(`[a-z][a-z0-9 _-]{0,5}[a-z0-9]`)
		files := map[string]string{}
		for range rapid.IntRange(1, 8).Draw(rt, "files") {
			name := strings.Join(rapid.SliceOfN(part, 1, 3).Draw(rt, "name"), "/") + ".txt"
			files[name] = string(rapid.SliceOf(rapid.Byte()).Draw(rt, "text"))
		}
		dir := makeDir(t, files)
		var data, again bytes.Buffer
		if err := errors.Join(Zip(&data, dir), Zip(&again, dir)); err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(data.Bytes(), again.Bytes()) {
			rt.Error("the same files produced different bytes")
		}
		to := filepath.Join(t.TempDir(), "new")
		if err := unzip(data.Bytes(), to, Limits{}); err != nil {
			rt.Fatal(err)
		}
		if got := contents(t, to); !maps.Equal(got, files) {
			rt.Errorf("unpacked %q, want %q", got, files)
		}
	})
}

// FuzzUnzip checks that Unzip either creates one directory within the limits, or nothing.
func FuzzUnzip(f *testing.F) {
	f.Add(archive(f, entry{name: "a/b", text: "text"}, entry{name: "c/"}))
	f.Add(archive(f, entry{name: "../b", text: "text"}))
	f.Add(archive(f, entry{name: "l", text: "..", mode: fs.ModeSymlink | 0o777}, entry{name: "l/b", text: "text"}))
	f.Add(archive(f, entry{name: "a", text: strings.Repeat("x", 5000), stated: 10}))
	f.Add([]byte("PK\x05\x06"))
	within := Limits{Files: 5, File: 100, Total: 200}
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "new")
		err := unzip(data, dir, within)
		made, readErr := os.ReadDir(parent)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err != nil {
			if len(made) > 0 {
				t.Errorf("left over after %v: %v", err, made)
			}
			return
		}
		if len(made) != 1 || made[0].Name() != "new" {
			t.Errorf("created %v, want only new", made)
		}
		total := 0
		files := contents(t, dir)
		for _, text := range files {
			total += len(text)
			if len(text) > 100 {
				t.Errorf("a file has %d bytes", len(text))
			}
		}
		if len(files) > 5 || total > 200 {
			t.Errorf("%d files of %d bytes exceed the limits", len(files), total)
		}
	})
}
