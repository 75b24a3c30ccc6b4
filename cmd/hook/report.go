package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/resultfile"
	"github.com/regreen-ci/regreen/internal/runs"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func (a *app) reportCommand() *cobra.Command {
	var from, merge []string
	name, file := "terminal", "-"
	cmd := &cobra.Command{
		Use:   "report [ID]",
		Short: "Show a stored run, or the results of other tools",
		Long: `Show the latest stored run, or the run ID, in any format:

` + formatTable() + `
With --from, report reads results that another tool wrote, and runs no tests. It
detects go test -json, JUnit XML, TAP and CTRF by their content. Several results
under one name are different tests, unless the file shows that a test that had
failed was retried. The files are shards of one report: if a test is in several,
its worst result counts.

With --merge, report combines the JSON reports of regreen fix --shard: all
attempts in one ledger, the best patch of all first. In a repository the result is
stored, so that regreen apply can apply its patches.

The exit status is 0 when the report was shown, whether red or green, and 2 when
it is missing or cannot be read.`,
		Example: `  regreen report
  regreen report k3f9a2x --format markdown
  regreen report --from shard-*.xml --format junit --out all.xml
  regreen report --merge shard-*.json --format markdown
  go test -json ./... | regreen report --from - --format annotations`,
		RunE: func(cmd *cobra.Command, args []string) error {
			format, ok := report.FormatNamed(name)
			if !ok {
				return &usererr.UsageError{What: fmt.Sprintf("unknown format %q", name), Advice: "use one of " + report.FormatNames()}
			}
			out := output{"--out", file, format}
			if err := out.check(); err != nil {
				return err
			}
			var rep *report.Report
			var err error
			switch {
			case len(from) > 0 && len(merge) > 0:
				return &usererr.UsageError{What: "expected either --from or --merge, got both"}
			case len(from) > 0:
				rep, err = a.read(cmd.Context(), append(from, args...))
			case len(merge) > 0:
				rep, err = a.merge(cmd.Context(), append(merge, args...))
			default:
				rep, err = a.storedReport(cmd.Context(), args)
			}
			if err != nil {
				return err
			}
			return out.write(a, rep)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&name, "format", name, "show the report as `FORMAT`")
	fs.StringVar(&file, "out", file, "write the report to `FILE`, or to standard output for -")
	fs.StringArrayVar(&from, "from", nil, "read test results from `FILE`, and from the files given as arguments (- for standard input); can be repeated")
	fs.StringArrayVar(&merge, "merge", nil, "merge the report of a shard in `FILE`, and those in the files given as arguments (- for standard input); can be repeated")
	return cmd
}

// formatTable returns the formats and their descriptions, one a line.
func formatTable() string {
	var b strings.Builder
	for _, f := range report.Formats() {
		fmt.Fprintf(&b, "  %-12s %s\n", f.Name, f.Doc)
	}
	return b.String()
}

// storedReport returns the latest stored run, or the run of an ID.
func (a *app) storedReport(ctx context.Context, args []string) (*report.Report, error) {
	if len(args) > 1 {
		return nil, &usererr.UsageError{What: fmt.Sprintf("unexpected argument %q", args[1]), Advice: "to read files of results: regreen report --from FILE..."}
	}
	rp, err := repo.Open(ctx, a.dir, a.environ)
	if err != nil {
		return nil, err
	}
	return runs.Load(rp.StateDir(), strings.Join(args, ""))
}

// read makes a report from files of results. Paths in it are relative to the repository, or to
// --repo if that is not in a repository.
func (a *app) read(ctx context.Context, names []string) (*report.Report, error) {
	root, err := filepath.Abs(a.dir)
	if err != nil {
		return nil, err
	}
	opt := resultfile.Options{Root: root}
	if rp, err := repo.Open(ctx, a.dir, a.environ); err == nil {
		opt = resultfile.Options{Root: rp.Root(), Tree: resultfile.NewTree(rp.Root())}
	}
	if opt.Modules, err = gotest.ModulesIn(opt.Root); err != nil {
		return nil, err
	}
	var files []*resultfile.File
	for _, name := range names {
		f, err := a.readFile(name, opt)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	rep := resultfile.Merge(files)
	rep.Version = versionText()
	rep.Redact(report.Secrets(a.environ))
	return rep, nil
}

func (a *app) readFile(name string, opt resultfile.Options) (*resultfile.File, error) {
	in, err := a.input("--from", name, "*.xml")
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	title := name
	if name == "-" {
		title = "standard input"
	}
	f, err := resultfile.Read(title, in, opt)
	var bad *resultfile.Error
	if errors.As(err, &bad) {
		return nil, &usererr.UsageError{Err: bad}
	}
	return f, err
}

// input opens a file that a flag names, or standard input for -.
func (a *app) input(flag, name, like string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, &usererr.UsageError{Where: flag, Err: err}
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, &usererr.UsageError{What: fmt.Sprintf("%s: %s is a directory", flag, name), Advice: "name the files in it: " + flag + " " + filepath.Join(name, like)}
	}
	return f, nil
}

// merge makes one report of the reports of shards. If it is stored already, merge returns the
// stored one, which records the applied patches.
func (a *app) merge(ctx context.Context, names []string) (*report.Report, error) {
	var shards []*report.Report
	for _, name := range names {
		in, err := a.input("--merge", name, "*.json")
		if err != nil {
			return nil, err
		}
		shard, err := report.ReadForeign(in, report.MaxSize)
		_ = in.Close()
		if err != nil {
			return nil, &usererr.UsageError{Where: "--merge: " + name, Err: err, Advice: "write the report of a shard with regreen fix --shard I/N --json FILE"}
		}
		shards = append(shards, shard)
	}
	rep, err := report.Merge(shards)
	var refused *report.MergeError
	if errors.As(err, &refused) {
		return nil, &usererr.UsageError{Err: err, Advice: "merge the reports of one search: each shard once, all of the same tree"}
	}
	if err != nil {
		return nil, err
	}
	rep.Redact(report.Secrets(a.environ))
	rp, err := repo.Open(ctx, a.dir, a.environ)
	if err != nil {
		return rep, nil // outside a repository there is nowhere to store it
	}
	if stored, err := runs.Load(rp.StateDir(), rep.ID); err == nil {
		return stored, nil
	}
	state, err := rp.EnsureStateDir()
	if err == nil {
		err = runs.Save(state, rep)
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "regreen: cannot store the merged report: %v\n", err)
	}
	return rep, nil
}
