package gitdir

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"strconv"
)

// cachedTree reads the hash of the whole tree from the tree cache of an index file. Git updates
// that cache before it runs the hooks of a commit, so a commit that needs no test starts no
// process. It returns false if the cache does not have the hash or the index has an unusual form.
// Then ask git.
//
// gitformat-index(5) describes the format. Size is that of a hash, in bytes.
func cachedTree(file string, size int) (hash string, ok bool) {
	f, err := os.Open(file)
	if err != nil {
		return "", false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", false
	}
	// Allocating a buffer for all of a large index would take longer than reading it.
	in := &indexReader{in: bufio.NewReaderSize(f, 64<<10), left: info.Size() - int64(size)}
	head := in.take(12)
	if len(head) < 12 || string(head[:4]) != "DIRC" {
		return "", false
	}
	version, count := binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[8:])
	if version < 2 || version > 4 {
		return "", false
	}
	for range count {
		if !in.entry(version, size) {
			return "", false
		}
	}
	for in.left >= 8 {
		head := in.take(8)
		if len(head) < 8 {
			return "", false
		}
		name, length := string(head[:4]), int64(binary.BigEndian.Uint32(head[4:]))
		switch {
		case length > in.left:
			return "", false
		case name == "TREE":
			return rootOf(in.take(int(min(length, maxRoot))), size)
		case name[0] < 'A' || name[0] > 'Z': // not optional, such as the link of a split index
			return "", false
		}
		in.skip(length)
	}
	return "", false
}

// maxRoot limits how much of the tree cache is read. Its first entry is short.
const maxRoot = 128

// indexReader reads an index from its start up to its checksum.
type indexReader struct {
	in   *bufio.Reader
	left int64 // bytes; negative after reading too far
}

// take returns the next n bytes, or nil if there are fewer.
func (r *indexReader) take(n int) []byte {
	r.left -= int64(n)
	if r.left < 0 {
		return nil
	}
	b, err := r.in.Peek(n)
	if err != nil {
		return nil
	}
	_, _ = r.in.Discard(n)
	return b
}

func (r *indexReader) skip(n int64) {
	if r.left -= n; r.left < 0 {
		return
	}
	if _, err := r.in.Discard(int(n)); err != nil {
		r.left = -1
	}
}

// entry skips one file of the index.
func (r *indexReader) entry(version uint32, size int) bool {
	const stat, extended = 40, 0x4000 // bytes before the hash; a flag
	start := r.left
	head := r.take(stat + size + 2)
	if len(head) == 0 {
		return false
	}
	if version >= 3 && binary.BigEndian.Uint16(head[stat+size:])&extended != 0 {
		r.skip(2)
	}
	if version == 4 { // the name starts with a number; all its bytes but the last have the high bit set
		for more := true; more; {
			b := r.take(1)
			if len(b) == 0 {
				return false
			}
			more = b[0]&0x80 != 0
		}
	}
	name, err := r.in.ReadSlice(0)
	r.left -= int64(len(name))
	if err != nil {
		return false
	}
	if version < 4 { // padded with zeros to a multiple of eight
		length := start - r.left
		r.skip((length+7)/8*8 - length)
	}
	return r.left >= 0
}

// rootOf reads the first entry of a tree cache: an empty path, the number of files, which is
// negative if the entry is not valid, the number of directories, and the hash.
func rootOf(b []byte, size int) (string, bool) {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok || len(line) == 0 || line[0] != 0 || len(rest) < size {
		return "", false
	}
	number, _, _ := bytes.Cut(line[1:], []byte(" "))
	if n, err := strconv.Atoi(string(number)); err != nil || n < 0 {
		return "", false
	}
	return hex.EncodeToString(rest[:size]), true
}
