package repo

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// stamp identifies a state of a file on disk.
type stamp struct {
	kind              kind
	perm              uint32
	size              int64
	modified, changed int64 // mtime and ctime in nanoseconds; ctime is 0 on some systems
	inode             uint64
}

type kind uint8

const (
	kindOther kind = iota // a socket, a pipe, a device
	kindFile
	kindLink
	kindDir
)

// settled reports whether a later change of the file shows in its stamp, given that its content was
// read after now. Within the resolution of file times it would not: git calls such a file racily
// clean. Some file systems have whole or even seconds.
func (s stamp) settled(now time.Time) bool {
	const resolution = 2 * time.Second
	return exactStamps && now.UnixNano()-max(s.modified, s.changed) > int64(resolution)
}

// heldFile is a file of an export, as it was written.
type heldFile struct {
	sum  string // git's hash of its content on disk, or of a link's target
	blob string // mode and hash of what git wrote; "" for a copy
	at   stamp  // of the file
	from stamp  // of the file that it is a copy of; zero if that may have changed since
}

// manifest lists the files of an export. It is kept with the export: a file whose stamp is not the
// one in the manifest was changed, by a test or by a run that was killed.
type manifest struct {
	settings string // what decides, apart from the blob, how git writes a file
	files    map[string]heldFile
}

const manifestVersion = "regreen export 1"

func (m manifest) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\x00%s\x00", manifestVersion, m.settings)
	for name, f := range m.files {
		fmt.Fprintf(&b, "%s\x00%s\x00%s\x00%s\x00%s\x00", name, f.sum, f.blob, f.at, f.from)
	}
	b.WriteString("end")
	return b.Bytes()
}

// String returns the stamp as text, "" for none.
func (s stamp) String() string {
	if s == (stamp{}) {
		return ""
	}
	var b []byte
	for _, n := range []int64{int64(s.kind), int64(s.perm), s.size, s.modified, s.changed} {
		b = append(strconv.AppendInt(b, n, 36), ' ')
	}
	return string(strconv.AppendUint(b, s.inode, 36))
}

func parseStamp(text string) (s stamp, ok bool) {
	if text == "" {
		return stamp{}, true
	}
	words := strings.Split(text, " ")
	if len(words) != 6 {
		return stamp{}, false
	}
	var n [5]int64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseInt(words[i], 36, 64); err != nil {
			return stamp{}, false
		}
	}
	inode, err := strconv.ParseUint(words[5], 36, 64)
	return stamp{kind: kind(n[0]), perm: uint32(n[1]), size: n[2], modified: n[3], changed: n[4], inode: inode}, err == nil
}

// readManifest reads a manifest. One that cannot be read has no files.
func readManifest(name string) manifest {
	none := manifest{files: make(map[string]heldFile)}
	text, err := os.ReadFile(name)
	if err != nil {
		return none
	}
	fields := strings.Split(string(text), "\x00")
	const perFile = 5
	if len(fields)%perFile != 3 || fields[0] != manifestVersion || fields[len(fields)-1] != "end" {
		return none
	}
	m := manifest{settings: fields[1], files: make(map[string]heldFile, len(fields)/perFile)}
	for fields = fields[2 : len(fields)-1]; len(fields) > 0; fields = fields[perFile:] {
		at, ok := parseStamp(fields[3])
		from, ok2 := parseStamp(fields[4])
		if !ok || !ok2 {
			return none
		}
		m.files[fields[0]] = heldFile{sum: fields[1], blob: fields[2], at: at, from: from}
	}
	return m
}
