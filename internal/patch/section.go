package patch

import (
	"path"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// language says which lines of a kind of file stand for what follows them: a
// function's first line, a class's, a heading.
type language struct {
	name       string
	extensions string                // separated by spaces
	heading    func() *regexp.Regexp // tried on a line without its end
	never      func() *regexp.Regexp // what looks like a heading and is none; may be nil
}

// lazily compiles when first used: most runs make no diff, or of one language.
func lazily(s string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(s) })
}

// languages are those whose headings are more than a letter in the first column.
// They agree with git's own, which gitattributes(5) lists under "diff", on ordinary
// sources, and differ where a test tells of it: closures are not headings, test
// cases are.
var languages = []language{
	{
		name: "Go", extensions: ".go",
		heading: lazily(`^(?:func[ \t(]|type[ \t].*\b(?:struct|interface)\b)`),
	},
	{
		name: "Python", extensions: ".py .pyi .pyw",
		heading: lazily(`^[ \t]*(?:class|def|async[ \t]+def)[ \t]`),
	},
	{
		// Functions and classes anywhere, functions that are the value of a
		// variable at the margin, methods by the brace behind their parameters,
		// and the cases of a test.
		name: "JavaScript", extensions: ".js .jsx .mjs .cjs .ts .tsx .mts .cts",
		heading: lazily(`^[ \t]*(?:(?:export|default|declare|abstract|async|const)[ \t]+)*(?:function|class|interface|enum|namespace)\b` +
			`|^(?:export[ \t]+)?(?:const|let|var)[ \t]+[\w$]+[ \t]*(?::[^=]*)?=[ \t]*(?:async\b[ \t]*)?(?:function\b|\(.*=>|[\w$]+[ \t]*=>|\($)` +
			`|^[ \t]+(?:[a-z]+[ \t]+)*[*#]?[\w$]+(?:<.*>)?[ \t]*\((?:[^()]|\([^()]*\))*\)[^=();]*\{$` +
			`|^[ \t]*(?:describe|context|suite|it|test)(?:\.\w+)*\(`),
		never: lazily(`^[ \t]*(?:if|else|for|while|do|switch|catch|with|return|throw|new|await|yield)\b`),
	},
	{
		// A method is a type, a name and a parenthesis; no semicolon ends it.
		// Constructors look like calls.
		name: "Java", extensions: ".java",
		heading: lazily(`^[ \t]*(?:[a-z-]+[ \t]+)*(?:class|enum|interface|record)[ \t]` +
			`|^[ \t]*(?:[\pL_<&][^\s()=;"]*[ \t]+)+[\pL_][\pL\d_]*[ \t]*\([^;]*$`),
		never: lazily(`^[ \t]*(?:assert|case|catch|do|else|for|if|new|return|switch|synchronized|throw|try|while)\b`),
	},
	{
		name: "Kotlin", extensions: ".kt .kts",
		heading: lazily(`^[ \t]*(?:[a-z]+[ \t]+)*(?:fun|class|interface|object)\b`),
	},
	{
		// Whatever begins at the margin but a label, such as those of access.
		name: "C", extensions: ".c .h .cc .cpp .cxx .c++ .hh .hpp .hxx .h++",
		heading: lazily(`^(?:::[ \t]*)?[A-Za-z_]`),
		never:   lazily(`^\w+:[ \t]*(?:$|/[/*])`),
	},
	{
		name: "C#", extensions: ".cs .csx",
		heading: lazily(`^[ \t]*(?:[a-z]+[ \t]+)*(?:class|enum|interface|namespace|record|struct)[ \t]` +
			`|^[ \t]*(?:[\pL_@][^\s()=;"]*[ \t]+)+[\pL_@][\pL\d_<>.]*[ \t]*\([^;]*$`),
		never: lazily(`^[ \t]*(?:await|case|catch|do|else|fixed|for|foreach|if|lock|new|return|switch|throw|using[ \t]*\(|var|while|yield)\b`),
	},
	{
		name: "Rust", extensions: ".rs",
		heading: lazily(`^[ \t]*(?:pub(?:\([^)]*\))?[ \t]+)?(?:(?:async|const|default|unsafe|extern(?:[ \t]+"[^"]*")?)[ \t]+)*` +
			`(?:enum|fn|impl|macro_rules!|mod|struct|trait|union)[ \t<][^;]*$`),
	},
	{
		name: "Ruby", extensions: ".rb .rake .gemspec .ru",
		heading: lazily(`^[ \t]*(?:class|module|def)[ \t]|^[ \t]*(?:RSpec\.)?(?:describe|context|it|test)[ \t(].*\bdo\b`),
	},
	{
		name: "PHP", extensions: ".php .phtml",
		heading: lazily(`^[ \t]*(?:(?:abstract|final|private|protected|public|readonly|static)[ \t]+)*` +
			`(?:class|enum|function|interface|trait)[ \t]+&?[\pL_]`),
	},
	{
		name: "Swift", extensions: ".swift",
		heading: lazily(`^[ \t]*(?:@\w+(?:\([^)]*\))?[ \t]+)*(?:[a-z]+(?:\([a-z]+\))?[ \t]+)*` +
			`(?:(?:actor|class|enum|extension|func|protocol|struct)[ \t]|(?:init[?!]?|subscript)[ \t]*[(<]|deinit\b)`),
	},
	{
		name: "shell", extensions: ".sh .bash .ksh .zsh .bats",
		heading: lazily(`^[ \t]*(?:function[ \t]+[\w:.-]+|[A-Za-z_][\w:.-]*[ \t]*\([ \t]*\))|^@test[ \t]`),
	},
	{
		name: "Markdown", extensions: ".md .mdx .markdown",
		heading: lazily(`^ {0,3}#{1,6}[ \t]`),
	},
}

// anyLanguage is git's rule for files it knows nothing about.
var anyLanguage = language{heading: lazily(`^[A-Za-z_$]`)}

func languageOf(name string) language {
	extension := strings.ToLower(path.Ext(name))
	for _, l := range languages {
		for known := range strings.FieldsSeq(l.extensions) {
			if known == extension {
				return l
			}
		}
	}
	return anyLanguage
}

// Bounds of a section in bytes: what is shown, as in git, and what of a line is
// looked at, since some files are a single line.
const (
	maxSection = 80
	maxHeading = 1000
)

// section gives the text that stands for what follows the line, if it is a heading.
// It reads the same after a patch was written and read again: without spaces
// around it, and on one line.
func (l language) section(line string) string {
	line = cutRunes(strings.TrimRight(line, "\r\n"), maxHeading)
	if !l.heading().MatchString(line) || l.never != nil && l.never().MatchString(line) {
		return ""
	}
	return strings.TrimSpace(cutRunes(strings.TrimSpace(line), maxSection))
}

// cutRunes cuts s to n bytes, or to fewer so as not to cut a character.
func cutRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for end := n; end > n-utf8.UTFMax; end-- {
		if utf8.RuneStart(s[end]) {
			return s[:end]
		}
	}
	return s[:n] // not UTF-8 anyway
}

// sections finds the sections of a file's hunks. As git does, it looks backward
// from the first line that a hunk shows for a heading, in the old version of the
// file, and falls back on what it found for the hunk before. So no line is looked
// at twice, and in a file with one hunk only those from it up to the heading.
type sections struct {
	language language
	text     string
	line, at int // of text: how many lines precede the last hunk, and where it begins
	last     string
}

func newSections(name, text string) *sections {
	return &sections{language: languageOf(name), text: text}
}

// before is the section of a hunk that line lines precede. It is asked from the
// first hunk to the last.
func (s *sections) before(line int) string {
	floor := s.at
	for ; s.line < line; s.line++ {
		s.at += strings.IndexByte(s.text[s.at:], '\n') + 1
	}
	for end := s.at; end > floor; {
		start := strings.LastIndexByte(s.text[:end-1], '\n') + 1
		if found := s.language.section(s.text[start:end]); found != "" {
			s.last = found
			break
		}
		end = start
	}
	return s.last
}
