package propose

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Tree is the files under repair: an exported tree with the patches kept so far laid over
// it. It is safe for concurrent use.
type Tree struct {
	Root    string            // absolute
	Overlay map[string][]byte // file relative to the root -> its content, nil if it is removed

	mu       sync.Mutex
	files    map[string][]byte
	rewrites map[string]*rewrite // of the files that kept patches change
}

// Read returns the content of a file. The path is relative to the root.
func (t *Tree) Read(file string) ([]byte, error) {
	if b, ok := t.Overlay[file]; ok {
		if b == nil {
			return nil, &fs.PathError{Op: "read", Path: file, Err: fs.ErrNotExist}
		}
		return b, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if b, ok := t.files[file]; ok {
		return b, nil
	}
	b, err := os.ReadFile(filepath.Join(t.Root, filepath.FromSlash(file)))
	if err != nil {
		return nil, err
	}
	if t.files == nil {
		t.files = make(map[string][]byte)
	}
	t.files[file] = b
	return b, nil
}
