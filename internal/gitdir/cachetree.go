package gitdir

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"strconv"
)

// cachedTree reads the hash of the whole tree from the cache of trees in an index file,
// which git has brought up to date when it calls a hook of a commit: so a commit that
// needs nothing costs no process for it. It is not ok when the cache does not know, or
// the index is of a form that is not ordinary; git is to be asked then.
//
// The format is that of gitformat-index(5). Hashes are of size bytes.
func cachedTree(file string, size int) (hash string, ok bool) {
	b, err := os.ReadFile(file)
	const header, stat = 12, 40 // bytes of the file's header, and of an entry before its hash
	if err != nil || len(b) < header+size || string(b[:4]) != "DIRC" {
		return "", false
	}
	version, count := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	if version < 2 || version > 4 {
		return "", false
	}
	end := len(b) - size // where the checksum begins
	at := header
	for range count {
		start := at
		at += stat + size + 2
		if at+2 > end {
			return "", false
		}
		const extended = 0x4000
		if version >= 3 && binary.BigEndian.Uint16(b[at-2:])&extended != 0 {
			at += 2
		}
		length := bytes.IndexByte(b[at:end], 0) // of the name; of version 4, with what says how it begins
		if version == 4 {
			for at < end && b[at]&0x80 != 0 { // a number of several bytes may hold a zero
				at++
			}
			at++
			if at >= end {
				return "", false
			}
			length = bytes.IndexByte(b[at:end], 0)
		}
		if length < 0 {
			return "", false
		}
		at += length + 1
		if version < 4 { // padded with zeros to a multiple of eight
			at = start + (at-start+7)/8*8
		}
	}
	for at+8 <= end {
		name, length := string(b[at:at+4]), int(binary.BigEndian.Uint32(b[at+4:]))
		at += 8
		switch {
		case length > end-at:
			return "", false
		case name == "TREE":
			return rootOf(b[at:at+length], size)
		case name[0] < 'A' || name[0] > 'Z': // not to be passed over, such as the half of an index that is split
			return "", false
		}
		at += length
	}
	return "", false
}

// rootOf reads the first entry of a cache of trees: an empty path, the number of files,
// negative where the cache does not know, the number of folders, and the hash.
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
