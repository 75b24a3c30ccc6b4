package report

import (
	"io"
	"slices"
	"strings"
)

// Format is one way to write a report down.
type Format struct {
	Name  string // what --format and --report take
	Ext   string // of a file's name, with its dot
	Media string // media type
	Doc   string // whom it is for, in a line

	// Write writes the report. The error is that of w, or says that the report cannot
	// be written so.
	Write func(w io.Writer, r *Report, opt Options) error
}

// Options are those of all formats; each takes what it has use for.
type Options struct {
	Terminal TerminalOptions
	Markdown MarkdownOptions
}

// formats is the table of them, in the order in which they are listed.
var formats = []Format{
	{"terminal", ".txt", "text/plain; charset=utf-8", "text for people, as a run shows it", func(w io.Writer, r *Report, opt Options) error {
		return Terminal(w, r, opt.Terminal)
	}},
	{"markdown", ".md", "text/markdown; charset=utf-8", "a comment or step summary on GitHub", func(w io.Writer, r *Report, opt Options) error {
		_, err := io.WriteString(w, Markdown(r, opt.Markdown))
		return err
	}},
	{"html", ".html", "text/html; charset=utf-8", "a page for people that needs nothing but itself", plainly(HTML)},
	{"json", ".json", "application/json", "everything, for programs: schema " + Schema, func(w io.Writer, r *Report, _ Options) error {
		b, err := JSON(r)
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}},
	{"junit", ".xml", "application/xml", "JUnit XML, which every CI reads", plainly(JUnit)},
	{"ctrf", ".ctrf.json", "application/json", "Common Test Report Format", plainly(CTRF)},
	{"sarif", ".sarif", "application/sarif+json", "SARIF 2.1.0, for code scanning and editors", plainly(SARIF)},
	{"csv", ".csv", "text/csv; charset=utf-8", "the ledger of attempts, for a spreadsheet", plainly(CSV)},
	{"annotations", ".txt", "text/plain; charset=utf-8", "GitHub workflow commands, which mark lines of a pull request", plainly(WorkflowCommands)},
}

// plainly is the Write of a format without options.
func plainly(write func(io.Writer, *Report) error) func(io.Writer, *Report, Options) error {
	return func(w io.Writer, r *Report, _ Options) error { return write(w, r) }
}

// Formats are all formats, in the order in which they are listed to people.
func Formats() []Format { return slices.Clone(formats) }

// FormatNamed is the format of a name, if there is one.
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
