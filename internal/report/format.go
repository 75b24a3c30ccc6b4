package report

import (
	"io"
	"slices"
	"strings"
)

// Format is an output format.
type Format struct {
	Name  string // as in --format and --report
	Ext   string // extension of a file, with its dot
	Media string // media type
	Doc   string // its use, in a line

	// Write writes the report. It returns the error of w, or one that says why the report
	// cannot be written in this format.
	Write func(w io.Writer, r *Report, opt Options) error
}

// Options are the options of all formats.
type Options struct {
	Terminal TerminalOptions
	Markdown MarkdownOptions
}

// formats lists the formats in the order in which help shows them.
var formats = []Format{
	{"terminal", ".txt", "text/plain; charset=utf-8", "text, as a run prints it", func(w io.Writer, r *Report, opt Options) error {
		return Terminal(w, r, opt.Terminal)
	}},
	{"markdown", ".md", "text/markdown; charset=utf-8", "a comment or step summary on GitHub", func(w io.Writer, r *Report, opt Options) error {
		_, err := io.WriteString(w, Markdown(r, opt.Markdown))
		return err
	}},
	{"html", ".html", "text/html; charset=utf-8", "one self-contained page", noOptions(HTML)},
	{"json", ".json", "application/json", "everything, for programs (schema " + Schema + ")", func(w io.Writer, r *Report, _ Options) error {
		b, err := JSON(r)
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}},
	{"junit", ".xml", "application/xml", "JUnit XML, which every CI service reads", noOptions(JUnit)},
	{"ctrf", ".ctrf.json", "application/json", "Common Test Report Format", noOptions(CTRF)},
	{"sarif", ".sarif", "application/sarif+json", "SARIF 2.1.0, for code scanning and editors", noOptions(SARIF)},
	{"csv", ".csv", "text/csv; charset=utf-8", "the ledger of attempts, for a spreadsheet", noOptions(CSV)},
	{"annotations", ".txt", "text/plain; charset=utf-8", "GitHub workflow commands, which annotate lines of a pull request", noOptions(WorkflowCommands)},
}

// noOptions returns the Write of a format without options.
func noOptions(write func(io.Writer, *Report) error) func(io.Writer, *Report, Options) error {
	return func(w io.Writer, r *Report, _ Options) error { return write(w, r) }
}

// Formats returns all formats, in the order in which help shows them.
func Formats() []Format { return slices.Clone(formats) }

// FormatNamed returns the format with that name, if it exists.
func FormatNamed(name string) (f Format, ok bool) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, false
	}
	return formats[i], true
}

// FormatNames lists the names for a message: "terminal, markdown, json".
func FormatNames() string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}
