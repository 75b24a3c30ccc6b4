package repo

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// fileStat is what an index has about a file on disk. While that is the same, git takes the file
// for unchanged without reading it.
type fileStat struct {
	changed, modified  time.Time // ctime, mtime
	dev, ino, uid, gid uint32
	size               uint32
}

// encodeIndex returns an index of entries whose files are in dir and have the content of their
// blobs. It also returns the newest modification time of the files. A missing file is in the index
// as one that was deleted on disk. Gitformat-index(5) describes the format, here version 2.
func encodeIndex(dir string, entries []entry, hash objectHash) (index []byte, newest time.Time, err error) {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	index = append(index, "DIRC"...)
	index = appendUint32(index, 2, uint32(len(entries)))
	for _, e := range entries {
		id, err := hex.DecodeString(e.hash)
		mode, notOctal := strconv.ParseUint(e.mode, 8, 32)
		if err != nil || notOctal != nil {
			return nil, newest, fmt.Errorf("cannot write %s %s %q into an index", e.mode, e.hash, e.path)
		}
		var stat fileStat
		if e.mode != moduleMode { // git compares a submodule by its HEAD
			stat = statFile(filepath.Join(dir, filepath.FromSlash(e.path)))
		}
		if stat.modified.After(newest) {
			newest = stat.modified
		}
		start := len(index)
		index = appendTime(index, stat.changed)
		index = appendTime(index, stat.modified)
		index = appendUint32(index, stat.dev, stat.ino, canonicalMode(uint32(mode)), stat.uid, stat.gid, stat.size)
		index = append(index, id...)
		const longest = 0xfff // length of a name in the flags
		index = binary.BigEndian.AppendUint16(index, uint16(min(len(e.path), longest)))
		index = append(index, e.path...)
		index = append(index, make([]byte, 8-(len(index)-start)%8)...) // one or more, to a multiple of eight
	}
	sum := hash()
	sum.Write(index)
	return sum.Sum(index), newest, nil
}

func appendUint32(b []byte, values ...uint32) []byte {
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// appendTime appends seconds and nanoseconds. A time of 0 is unknown.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return appendUint32(b, 0, 0)
	}
	return appendUint32(b, uint32(t.Unix()), uint32(t.Nanosecond()))
}

// canonicalMode returns the mode that an index has for that of a tree: old trees have files with
// other permissions.
func canonicalMode(mode uint32) uint32 {
	const kind, file, executable = 0o170000, 0o100000, 0o100
	switch {
	case mode&kind != file:
		return mode & kind
	case mode&executable != 0:
		return 0o100755
	default:
		return 0o100644
	}
}
