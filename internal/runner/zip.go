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

// Limits bound what is unpacked. A zero field has a default.
type Limits struct {
	Files int   // files and folders; 0 for 1,000
	File  int64 // bytes of one file; 0 for 64 MiB
	Total int64 // bytes of all files; 0 for 256 MiB
}

func (l Limits) orDefault() Limits {
	return Limits{Files: cmp.Or(l.Files, 1000), File: cmp.Or(l.File, 64<<20), Total: cmp.Or(l.Total, 256<<20)}
}

// entrySize is what the directory of an archive has to say of a file at most: more has
// only one that is made to waste memory.
const entrySize = 46 + 4096 + 1024

// archive is how large an archive within the limits can be.
func (l Limits) archive() int64 {
	l = l.orDefault()
	return l.Total + l.Total/1000 + 2*entrySize*int64(l.Files+1)
}

// Zip writes the regular files below a folder as an archive that Unzip takes: links are
// neither followed nor kept, and a name that Unzip would refuse is an error. The same
// files give the same bytes.
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
		err = &usererr.Error{What: fmt.Sprintf("there are no files in %s", dir), Advice: "links do not count"}
	}
	return errors.Join(err, archive.Close())
}

func addFile(archive *zip.Writer, root *os.Root, name string) error {
	if err := confine.NewName(name); err != nil {
		return &usererr.Error{What: fmt.Sprintf("a file named %q cannot be unpacked everywhere", name), Advice: "give it another name", Err: err}
	}
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() { // it is another one by now
		return err
	}
	to, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err != nil {
		return err
	}
	_, err = io.Copy(to, file)
	return err
}

// Unzip unpacks an archive into a folder, which it makes: all of it, or on an error, which
// is ErrBroken where the archive is to blame, there is no such folder.
//
// The archive may come from anyone. It has regular files and folders, nothing else; their
// names are relative, of this folder, different on every file system, and neither git's
// nor regreen's own; they keep to the limits by what they say and by what they have. Files
// cannot be executed afterwards, and are for the user alone.
func Unzip(r io.ReaderAt, size int64, dir string, lim Limits) (err error) {
	lim = lim.orDefault()
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return &usererr.Error{What: fmt.Sprintf("%s is not for unpacking", dir), Advice: "name a folder that is not there yet", Err: cmp.Or(err, os.ErrExist)}
	}
	plan, err := planned(r, size, lim)
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

// planned gives the entries of an archive after it has judged what they say.
func planned(r io.ReaderAt, size int64, lim Limits) ([]*zip.File, error) {
	if size > lim.archive() {
		return nil, broken("it has %d bytes, and %d are allowed", size, lim.archive())
	}
	directory := &metered{r: r, left: entrySize*int64(lim.Files+1) + 2*math.MaxUint16}
	archive, err := zip.NewReader(directory, size)
	switch {
	case errors.Is(err, errSpent):
		return nil, broken("its directory is too long for %d files", lim.Files)
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
		if err := judge(f); err != nil {
			return nil, err
		}
		made, err := known.add(f.Name)
		if err != nil {
			return nil, err
		}
		if left.Files -= int64(made); left.Files < 0 {
			return nil, broken("it has more than %d files and folders", lim.Files)
		}
		if f.UncompressedSize64 > uint64(lim.File) {
			return nil, broken("%q has %d bytes, and %d are allowed", f.Name, f.UncompressedSize64, lim.File)
		}
		if left.Total -= int64(f.UncompressedSize64); left.Total < 0 {
			return nil, broken("its files have more than %d bytes", lim.Total)
		}
	}
	return archive.File, nil
}

// judge tells what is wrong with an entry by itself.
func judge(f *zip.File) error {
	folder := strings.HasSuffix(f.Name, "/")
	if !utf8.ValidString(f.Name) {
		return broken("%q is not UTF-8", f.Name)
	}
	if err := confine.NewName(strings.TrimSuffix(f.Name, "/")); err != nil {
		return broken("%q: %w", f.Name, err)
	}
	switch mode := f.Mode(); {
	case mode.Type() != 0 && !(folder && mode.Type() == fs.ModeDir):
		return broken("%q is neither a file nor a folder", f.Name)
	case folder && f.UncompressedSize64 != 0:
		return broken("the folder %q has content", f.Name)
	case f.Flags&1 != 0:
		return broken("%q is encrypted", f.Name)
	}
	return nil
}

// names are those of an archive by how the file systems that fold the most see them.
type names map[string]name

type name struct {
	as     string // how it is spelled
	folder bool
}

// add takes a name, and those of the folders that it is in, which may come again, and
// tells how many are new.
func (n names) add(entry string) (made int, err error) {
	entry, folder := strings.CutSuffix(entry, "/")
	for at := entry; at != "."; at = path.Dir(at) {
		is := name{at, folder || at != entry}
		was, known := n[confine.Seen(at)]
		switch {
		case !known:
			n[confine.Seen(at)] = is
			made++
		case was != is || !is.folder:
			return 0, broken("%q and %q are the same file, at least elsewhere", was.as, at)
		}
	}
	return made, nil
}

// unpack writes the entries into a folder.
func unpack(plan []*zip.File, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, f := range plan {
		if folder, ok := strings.CutSuffix(f.Name, "/"); ok {
			err = root.MkdirAll(folder, 0o700)
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
	// One byte more than it says, so that the end of it is read, and with it the checksum.
	n, err := io.Copy(to, io.LimitReader(from, int64(f.UncompressedSize64)+1))
	switch closed := to.Close(); {
	case errors.As(err, new(*os.PathError)) || err == nil && closed != nil: // the disk's
		return errors.Join(err, closed)
	case err != nil:
		return fmt.Errorf("%w: %q: %w", ErrBroken, f.Name, err)
	case n != int64(f.UncompressedSize64):
		return broken("%q has not the %d bytes that it says", f.Name, f.UncompressedSize64)
	}
	return nil
}

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBroken, fmt.Errorf(format, args...))
}

var errSpent = errors.New("read limit exceeded")

// metered lets only so much be read.
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
