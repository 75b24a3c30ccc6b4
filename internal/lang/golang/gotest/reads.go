package gotest

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Reads is what tests read while they ran, as package os recorded it.
type Reads struct {
	Files map[string]bool // of the tree, slash-separated and relative to its root
	// Builds says that they started a program that may read any source: the go command, make,
	// or one in the tree.
	Builds bool
}

// builders are the programs that read sources.
var builders = []string{"go", "gofmt", "make"}

// Reads reads a BinaryRun.TestLog.
func (b *Binary) Reads(log string) (Reads, error) {
	r := Reads{Files: map[string]bool{}}
	f, err := os.Open(log)
	if err != nil {
		return r, err
	}
	defer f.Close()
	tree, dir := b.suite.tree(overlay{}), b.Dir
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		what, name, _ := strings.Cut(lines.Text(), " ")
		if name = filepath.FromSlash(name); !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		file := tree.file(name, "")
		switch {
		case what == "chdir":
			dir = name
		case what == "open" && file != "":
			r.Files[file] = true
		case what == "stat" && file == "": // also by exec.LookPath
			r.Builds = r.Builds || slices.Contains(builders, strings.TrimSuffix(filepath.Base(name), ".exe"))
		case what == "stat":
			info, err := os.Stat(name)
			r.Builds = r.Builds || err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
		}
	}
	return r, lines.Err()
}
