package patch

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// BinaryData is the data of a binary patch: the IDs of both contents, and how to make
// each from the other.
type BinaryData struct {
	OldID, NewID string // full git object IDs, in hex; all zeros if there is no file
	Forward      *gitdiff.BinaryFragment
	Backward     *gitdiff.BinaryFragment // nil if the patch cannot be reversed
}

// maxBinary limits the size of a binary patch's result: compressed data can expand to
// far more.
const maxBinary = 64 << 20

// The lines with which the part of a binary file begins.
const (
	binaryPatch = "GIT binary patch"
	binaryFiles = "Binary files "
)

// binary reads the part of a binary file: its data, or only a line that says that the
// files differ.
func (r *reader) binary(f *File, id ids) error {
	f.Binary = true
	start := r.at
	r.at++
	if chomp(r.lines[start]) != binaryPatch {
		return nil
	}
	// go-gitdiff reads the data, but only below a header.
	text := "diff --git a/x b/x\nindex 0000000..1111111 100644\n"
	before := strings.Count(text, "\n")
	for ; r.at < len(r.lines); r.at++ {
		line := r.lines[r.at]
		between := chomp(r.lines[r.at-1]) == ""
		if strings.HasPrefix(line, "diff --git ") || r.isTraditional(r.at) || isSignature(line) || between && r.isCutHeader(r.at) {
			break
		}
	}
	var data strings.Builder
	data.WriteString(text)
	for _, line := range r.lines[start:r.at] {
		data.WriteString(chomp(line) + "\n")
	}
	files, _, err := gitdiff.Parse(strings.NewReader(data.String()))
	if err != nil {
		failure := asParseError(err)
		failure.Line = min(len(r.lines), max(0, failure.Line-before)+start)
		return failure
	}
	if len(files) != 1 || files[0].BinaryFragment == nil {
		return r.failAt(start, "unexpected end of patch: the binary patch has no data")
	}
	f.Data = &BinaryData{OldID: id.old, NewID: id.new, Forward: files[0].BinaryFragment, Backward: files[0].ReverseBinaryFragment}
	return nil
}

// asParseError moves the line number from go-gitdiff's message to the error's Line.
func asParseError(err error) *ParseError {
	var line int
	msg := strings.TrimPrefix(err.Error(), "gitdiff: ")
	if n, _ := fmt.Sscanf(msg, "line %d: ", &line); n == 1 {
		_, msg, _ = strings.Cut(msg, ": ")
	}
	return &ParseError{Line: line, Reason: msg}
}

// applyBinary returns the new content of a binary patch. Like git, it needs the full IDs
// of both contents.
func applyBinary(src []byte, f File) ([]byte, error) {
	conflict := func(reason string) error { return &ConflictError{File: f.source(), Reason: reason} }
	d := f.Data
	switch {
	case d == nil:
		return nil, conflict("the patch only says that the binary files differ; create it with git diff --binary")
	case d.Forward == nil:
		return nil, conflict("cannot reverse the binary patch: it does not contain the old content")
	case blobHash(d.OldID) == nil || blobHash(d.NewID) == nil:
		return nil, conflict("a binary patch needs full IDs in its index line; create it with git diff --binary --full-index")
	case f.New != (strings.Trim(d.OldID, "0") == ""):
		return nil, conflict("the index line and the header disagree about whether the file is new")
	case !f.New && blobID(src, d.OldID) != d.OldID:
		return nil, conflict("the file is not the version that the binary patch was made for")
	}
	var out bytes.Buffer
	applier := gitdiff.NewBinaryApplier(&out, bytes.NewReader(src), gitdiff.WithMaxBinaryFragmentBytes(maxBinary))
	if err := applier.ApplyFragment(d.Forward); err != nil {
		return nil, conflict("cannot apply the binary data: " + err.Error())
	}
	if !f.Delete && blobID(out.Bytes(), d.NewID) != d.NewID {
		return nil, conflict("the binary data is damaged: the result does not match the index line")
	}
	return out.Bytes(), nil
}

// blobHash returns the hash function that an object ID was made with, or nil if id is not
// a full ID.
func blobHash(id string) func() hash.Hash {
	if _, err := hex.DecodeString(id); err != nil {
		return nil
	}
	switch len(id) {
	case 2 * sha1.Size:
		return sha1.New
	case 2 * sha256.Size:
		return sha256.New
	}
	return nil
}

// blobID returns git's object ID of content, made with the same hash function as like.
func blobID(content []byte, like string) string {
	h := blobHash(like)()
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

// binaryDiff returns a binary patch between old and new that holds both in full.
func binaryDiff(f File, old, new []byte) *BinaryData {
	absent := strings.Repeat("0", 2*sha1.Size)
	d := &BinaryData{OldID: absent, NewID: absent, Forward: literal(new), Backward: literal(old)}
	if !f.New {
		d.OldID = blobID(old, absent)
	}
	if !f.Delete {
		d.NewID = blobID(new, absent)
	}
	return d
}

func literal(content []byte) *gitdiff.BinaryFragment {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	w.Write(content) //nolint:errcheck // a buffer takes all
	w.Close()        //nolint:errcheck // likewise
	return &gitdiff.BinaryFragment{Method: gitdiff.BinaryPatchLiteral, Size: int64(len(content)), RawData: packed.Bytes()}
}

func (d *BinaryData) reverse() *BinaryData {
	if d == nil {
		return nil
	}
	return &BinaryData{OldID: d.NewID, NewID: d.OldID, Forward: d.Backward, Backward: d.Forward}
}

// format returns the data in the form of git diff --binary, without the index line.
func (d *BinaryData) format() string {
	text := binaryPatch + "\n" + d.Forward.String()
	if d.Backward != nil {
		text += d.Backward.String()
	}
	return text
}
