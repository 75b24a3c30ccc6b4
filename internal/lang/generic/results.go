package generic

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/resultfile"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// results returns the globs as configured.
func (s *suite) results() []string {
	if s.stdout {
		return append(slices.Clone(s.globs), standardOutput)
	}
	return s.globs
}

// isResult reports whether a file is a result file.
func (s *suite) isResult(name string) bool {
	return slices.ContainsFunc(s.globs, func(glob string) bool { return config.Match(glob, name) })
}

// resultFiles returns the files in a directory that the globs match, sorted.
func (s *suite) resultFiles(root *os.Root) ([]string, error) {
	var found []string
	for _, glob := range s.globs {
		top, wild := fixed(glob)
		err := fs.WalkDir(root.FS(), top, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil // missing, or closed to the command as well
			case d.IsDir() && !wild && name != top:
				return fs.SkipDir
			case d.IsDir():
				if d.Name() == ".git" || d.Name() == "node_modules" && !strings.Contains(glob, "node_modules") {
					return fs.SkipDir
				}
				return nil
			case config.Match(glob, name):
				found = append(found, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// fixed returns the longest directory of a glob without patterns, and whether there are
// patterns of directories after it.
func fixed(glob string) (top string, wild bool) {
	parts := strings.Split(path.Clean(glob), "/")
	n := slices.IndexFunc(parts, func(part string) bool { return strings.ContainsAny(part, `*?[\`) })
	if n < 0 {
		n = len(parts) - 1
	}
	return path.Join(append([]string{"."}, parts[:n]...)...), n < len(parts)-1 || strings.Contains(parts[n], "**")
}

// removeResults removes the files in a directory that the globs match, and returns their
// names.
func (s *suite) removeResults(dir string) ([]string, error) {
	if len(s.globs) == 0 {
		return nil, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	names, err := s.resultFiles(root)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := root.Remove(filepath.FromSlash(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, &testrun.NotRunError{What: "cannot remove the results of an earlier run: " + err.Error(), Where: name, Advice: "remove it by hand"}
		}
	}
	return names, nil
}

// readResults reads the result files in a directory. With an error it returns those that it
// could read.
func (s *suite) readResults(dir string) (files []*resultfile.File, err error) {
	if len(s.globs) == 0 {
		return nil, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	names, err := s.resultFiles(root)
	if err != nil {
		return nil, err
	}
	var first error
	for _, name := range names {
		file, err := s.readResult(root, name, dir)
		first = cmp.Or(first, err)
		if file != nil {
			files = append(files, file)
		}
	}
	return files, first
}

// readResult reads a result file; it returns nil if that is not a regular file.
func (s *suite) readResult(root *os.Root, name, dir string) (*resultfile.File, error) {
	info, err := root.Lstat(filepath.FromSlash(name))
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	in, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, &testrun.NotRunError{What: "cannot read the results: " + err.Error(), Where: name, Advice: "make them readable"}
	}
	defer in.Close()
	return resultfile.Read(name, in, s.options(dir))
}

// options describes the tree for the results of a run in a directory.
func (s *suite) options(dir string) resultfile.Options {
	return resultfile.Options{Root: dir, Tree: s.files}
}

// resultsOf returns a writer for the command's standard output, which also copies it to
// output, and a function that waits for the results in it.
func (s *suite) resultsOf(dir string, output io.Writer) (io.Writer, func() (*resultfile.File, error)) {
	from, to := io.Pipe()
	done := make(chan struct{})
	var file *resultfile.File
	var err error
	go func() {
		defer close(done)
		file, err = resultfile.Read(standardOutput, from, s.options(dir))
		_, _ = io.Copy(io.Discard, from) // broken results must not stop the command
		var foreign *resultfile.Error
		if errors.As(err, &foreign) && foreign.Foreign {
			err = nil // the output is not results
		}
	}()
	return io.MultiWriter(output, to), func() (*resultfile.File, error) {
		_ = to.Close()
		<-done
		return file, err
	}
}
