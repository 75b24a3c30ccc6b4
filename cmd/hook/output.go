package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// outputs are the flags for the files that a command writes its report to.
type outputs struct {
	json    string
	formats []string
}

// output is one such file.
type output struct {
	flag, file string // file is - for standard output
	format     report.Format
}

// parse checks the flags before the long work starts.
func (o outputs) parse() ([]output, error) {
	var out []output
	if o.json != "" {
		format, _ := report.FormatNamed("json")
		out = append(out, output{"--json", o.json, format})
	}
	for _, f := range o.formats {
		name, file, ok := strings.Cut(f, "=")
		format, known := report.FormatNamed(name)
		switch {
		case !ok || name == "" || file == "":
			return nil, &usererr.UsageError{What: fmt.Sprintf("--report %q is not FORMAT=FILE", f), Advice: "for example --report markdown=report.md; formats are " + report.FormatNames()}
		case !known:
			return nil, &usererr.UsageError{What: fmt.Sprintf("--report %q: unknown format %q", f, name), Advice: "use one of " + report.FormatNames()}
		}
		out = append(out, output{"--report", file, format})
	}
	for _, w := range out {
		if err := w.check(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// check reports an error if the file cannot be written.
func (o output) check() error {
	if o.file == "-" {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(o.file)); err != nil || !info.IsDir() {
		return &usererr.UsageError{What: fmt.Sprintf("%s: directory %s does not exist", o.flag, filepath.Dir(o.file))}
	}
	if info, err := os.Stat(o.file); err == nil && info.IsDir() {
		return &usererr.UsageError{What: fmt.Sprintf("%s: %s is a directory", o.flag, o.file), Advice: "name a file in it"}
	}
	return nil
}

func (o output) write(a *app, rep *report.Report) error {
	opt := report.Options{Terminal: report.TerminalOptions{Width: a.width, Verbose: a.verbose}}
	if o.file == "-" {
		opt.Terminal.Color = a.color() && isTerminal(a.stdout)
		return o.format.Write(a.stdout, rep, opt)
	}
	err := writeWhole(o.file, func(w io.Writer) error { return o.format.Write(w, rep, opt) })
	if err != nil {
		return fmt.Errorf("%s: cannot write %s: %w", o.flag, o.file, err)
	}
	return nil
}

// writeWhole writes a file as a whole or not at all: readers see the old content until the new
// is complete. It writes to a pipe or device directly.
func writeWhole(name string, write func(io.Writer) error) error {
	mode := os.FileMode(0o666) // before the umask
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	switch info, err := os.Stat(name); {
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	case err == nil:
		mode = info.Mode().Perm()
	}
	draft := filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%s.tmp", filepath.Base(name), rand.Text()))
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		_ = os.Remove(draft)
		return err
	}
	if err := os.Rename(draft, name); err != nil {
		_ = os.Remove(draft)
		return err
	}
	return nil
}
