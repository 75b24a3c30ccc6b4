package adaptlog

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FileOptions limits the size of a File. The zero value is valid.
type FileOptions struct {
	Name     string // of the file; "" for "regreen.jsonl"
	MaxBytes int64  // above which a file is rotated; 0 for 4 MiB
	MaxFiles int    // at most, with the current one; 0 for 4
}

// File is the sink for programs: one JSON object per line, in a file that is rotated when it is
// full. Older files are name.1, name.2 and so on. Several processes can log to the same directory:
// a single write appends each record, and only one process rotates at a time.
type File struct {
	slog.Handler
	out *rotated
}

// NewFile returns a File in a directory. It does not touch the disk: the first record creates the
// directory and the file. If that fails, Handle returns the error, and the next record tries
// again.
func NewFile(dir string, opts FileOptions) (*File, error) {
	if opts.MaxBytes < 0 || opts.MaxFiles < 0 {
		return nil, fmt.Errorf("log file in %s: invalid limits: %d bytes in %d files", dir, opts.MaxBytes, opts.MaxFiles)
	}
	name := cmp.Or(opts.Name, "regreen.jsonl")
	if name != filepath.Base(name) || name == "." || name == ".." {
		return nil, fmt.Errorf("log file %q is not a file name", name)
	}
	out := &rotated{
		path:     filepath.Join(dir, name),
		maxBytes: cmp.Or(opts.MaxBytes, 4<<20),
		maxFiles: cmp.Or(opts.MaxFiles, 4),
	}
	return &File{
		Handler: slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}),
		out:     out,
	}, nil
}

// Close closes the file. A later record opens it again.
func (f *File) Close() error {
	f.out.mu.Lock()
	defer f.out.mu.Unlock()
	return f.out.close()
}

// rotated is an io.Writer to the current file of a rotation. slog.JSONHandler writes a record with
// one Write.
type rotated struct {
	path     string
	maxBytes int64
	maxFiles int

	mu     sync.Mutex
	file   *os.File // nil if it is not open
	torn   bool     // the last record was written in part: its line has no end
	waitAt int64    // the size from which to wait for a process that rotates
}

// Write appends a record.
func (w *rotated) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	size, err := w.open()
	if err != nil {
		return 0, err
	}
	if size > 0 && size+int64(len(p)) > w.maxBytes {
		// A failed rotation only costs space; the record matters more.
		if err := w.rotate(size, int64(len(p))); err != nil {
			return 0, err
		}
	}
	line := p
	if w.torn {
		line = append([]byte("\n"), p...)
	}
	n, err := w.file.Write(line)
	if err != nil {
		w.torn = w.torn || n > 0
		return 0, err
	}
	w.torn = false
	return len(p), nil
}

// open opens the file at path, again if another process has moved the old one, and returns its
// size.
func (w *rotated) open() (int64, error) {
	if w.file != nil {
		ours, err := w.file.Stat()
		current, currentErr := os.Stat(w.path)
		if err == nil && currentErr == nil && os.SameFile(ours, current) {
			return current.Size(), nil
		}
		if err := w.close(); err != nil {
			return 0, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(w.path), 0o700); err != nil {
		return 0, err
	}
	file, err := os.OpenFile(w.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return 0, errors.Join(err, file.Close())
	}
	w.file = file
	return info.Size(), nil
}

func (w *rotated) close() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.file = nil
	return err
}

// rotate renames the files, unless another process just did, and opens the current one.
func (w *rotated) rotate(size, need int64) error {
	unlock, ok := w.lock(size)
	if !ok {
		return nil // a file over the limit is better than a program that waits
	}
	defer unlock()
	if info, err := os.Stat(w.path); err != nil || info.Size()+need > w.maxBytes {
		if err := w.close(); err != nil { // some systems cannot rename an open file
			return err
		}
		w.shift()
	}
	_, err := w.open()
	return err
}

// lock waits briefly for a process that rotates, which rarely takes a millisecond. If that process
// is stopped half-way, lock waits again only after the file has grown by another maxBytes, which
// limits both the size and the waiting.
func (w *rotated) lock(size int64) (unlock func(), ok bool) {
	deadline := time.Now().Add(250 * time.Millisecond)
	for {
		if unlock, ok = tryLock(w.path + ".lock"); ok {
			w.waitAt = 0
			return unlock, true
		}
		if size < w.waitAt {
			return nil, false
		}
		if time.Now().After(deadline) {
			w.waitAt = size + w.maxBytes
			return nil, false
		}
		time.Sleep(time.Millisecond / 4)
	}
}

// shift renames path to path.1, path.1 to path.2 and so on, up to the first free number or over the
// last file. It stops at the first failure, which loses nothing.
func (w *rotated) shift() {
	name := func(i int) string {
		if i == 0 {
			return w.path
		}
		return fmt.Sprintf("%s.%d", w.path, i)
	}
	last := w.maxFiles - 1
	if last == 0 {
		_ = os.Remove(w.path)
		return
	}
	free := 1
	for free < last {
		if _, err := os.Lstat(name(free)); err != nil {
			break
		}
		free++
	}
	for i := free; i > 0; i-- {
		if err := os.Rename(name(i-1), name(i)); err != nil {
			return
		}
	}
}
