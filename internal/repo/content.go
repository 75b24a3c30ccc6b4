package repo

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Files of an export get times that follow from their content. Go's caches, and those of other
// tools, compare the times of files, and so have the results for a tree that was tested before,
// wherever it came from: the working tree, the index, a commit.

// contentTime returns the modification time of a file with the given hash, in the years 2000 to
// 2014. Files with different content have different times, but for a chance of one in 10^17.
func contentTime(sum string) time.Time {
	const span = 15 * 365 * 24 * time.Hour
	n, err := strconv.ParseInt(sum[:min(len(sum), 15)], 16, 64)
	if err != nil {
		panic(fmt.Sprintf("%q is not a hash", sum))
	}
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n % int64(span)))
}

// listingTime returns the modification time of a directory with the given entries, which changes
// like that of any directory: when an entry is added, removed or replaced by one of another kind.
func listingTime(entries []string) time.Time {
	h := sha256.New()
	for _, e := range slices.Sorted(slices.Values(entries)) {
		_, _ = io.WriteString(h, e+"\x00")
	}
	return contentTime(hex.EncodeToString(h.Sum(nil)))
}

// blobHash is git's hash of a content. Format is how the repository hashes.
type blobHash struct {
	hash.Hash
	size int64 // that was announced
	n    int64 // written
}

// objectHash is the hash function of a repository's objects.
type objectHash func() hash.Hash

func (f objectHash) blob(size int64) *blobHash {
	h := &blobHash{Hash: f(), size: size}
	fmt.Fprintf(h.Hash, "blob %d\x00", size)
	return h
}

func (h *blobHash) Write(p []byte) (int, error) {
	h.n += int64(len(p))
	return h.Hash.Write(p)
}

// sum returns the hash. It returns false if the content did not have the announced size.
func (h *blobHash) sum() (string, bool) { return hex.EncodeToString(h.Sum(nil)), h.n == h.size }

// text returns the hash of a text.
func (f objectHash) text(s string) string {
	h := f.blob(int64(len(s)))
	_, _ = io.WriteString(h, s)
	sum, _ := h.sum()
	return sum
}

// file returns the hash of a file, or of the target of a symbolic link.
func (f objectHash) file(name string, at stamp, buf []byte) (string, error) {
	if at.kind == kindLink {
		target, err := os.Readlink(name)
		return f.text(target), err
	}
	in, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := f.blob(at.size)
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{in}, buf); err != nil {
		return "", err
	}
	sum, whole := h.sum()
	if !whole {
		return "", fmt.Errorf("%s changed while it was read", name)
	}
	return sum, nil
}

// hashOf returns the hash function of objects that git calls by this name.
func hashOf(format string) objectHash {
	if strings.EqualFold(format, "sha256") {
		return sha256.New
	}
	return sha1.New
}
