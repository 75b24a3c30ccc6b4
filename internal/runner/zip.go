package runner

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/regreen-ci/regreen/internal/confine"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// Limits bounds what is unpacked. A zero field means the default.
type Limits struct {
	Files int   // files and directories; 0 for 1,000
	File  int64 // bytes of one file; 0 for 64 MiB
	Total int64 // bytes of all files; 0 for 256 MiB
}

func (l Limits) orDefault() Limits {
	return Limits{Files: cmp.Or(l.Files, 1000), File: cmp.Or(l.File, 64<<20), Total: cmp.Or(l.Total, 256<<20)}
}

// entrySize is the most that the central directory of an archive needs for a file. An
// archive with more is made to waste memory.
const entrySize = 46 + 4096 + 1024

// archive returns the largest size of an archive within the limits.
func (l Limits) archive() int64 {
	l = l.orDefault()
	return l.Total + l.Total/1000 + 2*entrySize*int64(l.Files+1)
}

// Zip writes the regular files in a directory as an archive for Unzip. It skips links, and
// returns an error for a name that Unzip would refuse. The same files always produce the
// same bytes.
func Zip(w io.Writer, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	archive := zip.NewWriter(w)
	files := 0
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		return addFile(archive, root, name)
	})
	if err == nil && files == 0 {
		err = &usererr.Error{What: fmt.Sprintf("no files in %s", dir), Advice: "links do not count"}
	}
	return errors.Join(err, archive.Close())
}

func addFile(archive *zip.Writer, root *os.Root, name string) error {
	if err := confine.NewName(name); err != nil {
		return &usererr.Error{What: fmt.Sprintf("the file name %q is not portable", name), Advice: "rename the file", Err: err}
	}
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() { // it was replaced meanwhile
		return err
	}
	to, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err != nil {
		return err
	}
	_, err = io.Copy(to, file)
	return err
}

// Unzip unpacks an archive into a new directory. On an error the directory does not exist.
// The error is ErrBroken if the archive is to blame.
//
// The archive may come from anyone. Unzip accepts only regular files and directories. Their
// names must be relative paths inside the directory, distinct on every file system, and not
// reserved by git or regreen. Both their stated and their actual sizes must be within the
// limits. Unpacked files are not executable, and only the user can read them.
func Unzip(r io.ReaderAt, size int64, dir string, lim Limits) (err error) {
	lim = lim.orDefault()
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return &usererr.Error{What: fmt.Sprintf("cannot unpack into %s", dir), Advice: "name a directory that does not exist", Err: cmp.Or(err, os.ErrExist)}
	}
	plan, err := entries(r, size, lim)
	if err != nil {
		return err
	}
	draft, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(draft))
		}
	}()
	if err := unpack(plan, draft); err != nil {
		return err
	}
	return os.Rename(draft, dir)
}

// entries returns the entries of an archive after checking their names, types and stated
// sizes.
func entries(r io.ReaderAt, size int64, lim Limits) ([]*zip.File, error) {
	if size > lim.archive() {
		return nil, broken("%d bytes are more than the allowed %d", size, lim.archive())
	}
	directory := &metered{r: r, left: entrySize*int64(lim.Files+1) + 2*math.MaxUint16}
	archive, err := zip.NewReader(directory, size)
	switch {
	case errors.Is(err, errSpent):
		return nil, broken("the central directory is too long for %d files", lim.Files)
	case errors.As(err, new(*os.PathError)):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	directory.left = math.MaxInt64
	var left struct{ Files, Total int64 }
	left.Files, left.Total = int64(lim.Files), lim.Total
	known := names{}
	for _, f := range archive.File {
		if err := check(f); err != nil {
			return nil, err
		}
		added, err := known.add(f.Name)
		if err != nil {
			return nil, err
		}
		if left.Files -= int64(added); left.Files < 0 {
			return nil, broken("more than %d files and directories", lim.Files)
		}
		if f.UncompressedSize64 > uint64(lim.File) {
			return nil, broken("%q: %d bytes are more than the allowed %d", f.Name, f.UncompressedSize64, lim.File)
		}
		if left.Total -= int64(f.UncompressedSize64); left.Total < 0 {
			return nil, broken("files of more than %d bytes in total", lim.Total)
		}
	}
	return archive.File, nil
}

// check returns what is wrong with a single entry, or nil.
func check(f *zip.File) error {
	dir := strings.HasSuffix(f.Name, "/")
	if !utf8.ValidString(f.Name) {
		return broken("%q is not UTF-8", f.Name)
	}
	if err := confine.NewName(strings.TrimSuffix(f.Name, "/")); err != nil {
		return broken("%q: %w", f.Name, err)
	}
	switch mode := f.Mode(); {
	case mode.Type() != 0 && !(dir && mode.Type() == fs.ModeDir):
		return broken("%q is neither a file nor a directory", f.Name)
	case dir && f.UncompressedSize64 != 0:
		return broken("the directory %q has content", f.Name)
	case f.Flags&1 != 0:
		return broken("%q is encrypted", f.Name)
	}
	return nil
}

// names are the names in an archive. The keys are folded like on the file system that folds
// most.
type names map[string]name

type name struct {
	spelling string
	dir      bool
}

// add adds a name and those of its parent directories, which may be known, and returns how
// many are new.
func (n names) add(entry string) (added int, err error) {
	entry, dir := strings.CutSuffix(entry, "/")
	for at := entry; at != "."; at = path.Dir(at) {
		current := name{at, dir || at != entry}
		earlier, known := n[confine.Seen(at)]
		switch {
		case !known:
			n[confine.Seen(at)] = current
			added++
		case earlier != current || !current.dir:
			return 0, broken("%q and %q are the same file on some systems", earlier.spelling, at)
		}
	}
	return added, nil
}

// unpack writes the entries into a directory.
func unpack(plan []*zip.File, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, f := range plan {
		if sub, ok := strings.CutSuffix(f.Name, "/"); ok {
			err = root.MkdirAll(sub, 0o700)
		} else {
			err = unpackFile(f, root)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func unpackFile(f *zip.File, root *os.Root) error {
	if err := root.MkdirAll(path.Dir(f.Name), 0o700); err != nil {
		return err
	}
	from, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %q: %w", ErrBroken, f.Name, err)
	}
	defer func() { _ = from.Close() }()
	to, err := root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	// One byte more than the stated size, to reach the end, where the checksum is verified.
	n, err := io.Copy(to, io.LimitReader(from, int64(f.UncompressedSize64)+1))
	switch closed := to.Close(); {
	case errors.As(err, new(*os.PathError)) || err == nil && closed != nil: // an error of the disk
		return errors.Join(err, closed)
	case err != nil:
		return fmt.Errorf("%w: %q: %w", ErrBroken, f.Name, err)
	case n != int64(f.UncompressedSize64):
		return broken("%q does not have the stated %d bytes", f.Name, f.UncompressedSize64)
	}
	return nil
}

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBroken, fmt.Errorf(format, args...))
}

var errSpent = errors.New("read limit exceeded")

// metered limits how many bytes are read.
type metered struct {
	r    io.ReaderAt
	left int64
}

func (m *metered) ReadAt(p []byte, at int64) (int, error) {
	if m.left -= int64(len(p)); m.left < 0 {
		return 0, errSpent
	}
	return m.r.ReadAt(p, at)
}
