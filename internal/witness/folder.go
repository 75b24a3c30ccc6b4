package witness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// folder keeps one small file for each key.
type folder struct {
	dir     string
	most    int // files
	maxAge  time.Duration
	maxFile int64 // bytes
}

func (f folder) file(k Key) string { return filepath.Join(f.dir, k.ID()+".json") }

// read reads what was stored under a key.
func (f folder) read(k Key, v any) error {
	file, err := os.Open(f.file(k))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	b, err := io.ReadAll(io.LimitReader(file, f.maxFile))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// write stores a value under a key: readers see the old one until the new one is complete. It
// removes the oldest files if there are too many.
func (f folder) write(k Key, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if int64(len(b)) >= f.maxFile {
		return fmt.Errorf("%d bytes are more than the %d that are kept of a tree", len(b), f.maxFile)
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(f.dir, "new-")
	if err != nil {
		return err
	}
	_, err = temporary.Write(append(b, '\n'))
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), f.file(k))
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return err
	}
	f.prune(f.most)
	return nil
}

// remove removes what was stored under a key.
func (f folder) remove(k Key) error {
	err := os.Remove(f.file(k))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// list returns the files, newest first.
func (f folder) list() []fs.FileInfo {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil
	}
	var out []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && strings.HasSuffix(e.Name(), ".json") {
			out = append(out, info)
		}
	}
	slices.SortStableFunc(out, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	return out
}

// prune removes files that are too old or too many. It looks at them only if the directory has
// more than most entries, which is cheap to find out.
func (f folder) prune(most int) {
	entries, err := os.ReadDir(f.dir)
	if err != nil || len(entries) <= most {
		return
	}
	for i, info := range f.list() {
		if i >= most*3/4 || time.Since(info.ModTime()) > f.maxAge {
			_ = os.Remove(filepath.Join(f.dir, info.Name()))
		}
	}
}
