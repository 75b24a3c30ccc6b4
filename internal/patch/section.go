package patch

import (
	"path"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// language says which lines of a kind of file name the code that follows: the first line
// of a function or a class, or a heading. The code calls all of them headings.
type language struct {
	name       string
	extensions string                // separated by spaces
	heading    func() *regexp.Regexp // matches a heading, without its line ending
	never      func() *regexp.Regexp // matches what looks like a heading but is not; may be nil
}

// lazily compiles a regexp on first use: most runs make no diff, or only in one language.
func lazily(s string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(s) })
}

// languages are those that need more than anyLanguage's rule. On ordinary sources they
// agree with git's own patterns, which gitattributes(5) lists under "diff".
// TestSectionsMatchGit has the differences: closures are not headings, test cases are.
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
		// Functions and classes anywhere; functions assigned to a variable at the
		// margin; methods, by the brace after their parameters; and test cases.
		name: "JavaScript", extensions: ".js .jsx .mjs .cjs .ts .tsx .mts .cts",
		heading: lazily(`^[ \t]*(?:(?:export|default|declare|abstract|async|const)[ \t]+)*(?:function|class|interface|enum|namespace)\b` +
			`|^(?:export[ \t]+)?(?:const|let|var)[ \t]+[\w$]+[ \t]*(?::[^=]*)?=[ \t]*(?:async\b[ \t]*)?(?:function\b|\(.*=>|[\w$]+[ \t]*=>|\($)` +
			`|^[ \t]+(?:[a-z]+[ \t]+)*[*#]?[\w$]+(?:<.*>)?[ \t]*\((?:[^()]|\([^()]*\))*\)[^=();]*\{$` +
			`|^[ \t]*(?:describe|context|suite|it|test)(?:\.\w+)*\(`),
		never: lazily(`^[ \t]*(?:if|else|for|while|do|switch|catch|with|return|throw|new|await|yield)\b`),
	},
	{
		// A method is a type, a name and a parenthesis, without a semicolon.
		// Constructors are not found: they look like calls.
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
		// Anything at the margin except labels, such as "private:".
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

// anyLanguage is git's rule for files in a language that it does not know.
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

// Limits in bytes.
const (
	maxSection = 80   // of a section, like git
	maxHeading = 1000 // of a line that is matched: some files are a single line
)

// section returns the section that a heading starts, or "" if the line is not a heading.
// It is a single line without spaces around it, so that Format and Parse preserve it.
func (l language) section(line string) string {
	line = cutRunes(strings.TrimRight(line, "\r\n"), maxHeading)
	if !l.heading().MatchString(line) || l.never != nil && l.never().MatchString(line) {
		return ""
	}
	return strings.TrimSpace(cutRunes(strings.TrimSpace(line), maxSection))
}

// cutRunes cuts s to n bytes, or to fewer to keep its last character whole.
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

// sections finds the sections of a file's hunks. Like git, it searches the old version of
// the file for a heading, backward from the first line of the hunk, and falls back on the
// section of the previous hunk. So it never looks at a line twice, and for a single hunk
// only at the lines between the heading and the hunk.
type sections struct {
	language language
	text     string
	line, at int    // the number of lines before the last hunk, and where it begins in text
	last     string // the section of the last hunk
}

func newSections(name, text string) *sections {
	return &sections{language: languageOf(name), text: text}
}

// before returns the section of a hunk that has the given number of lines before it. Call
// it for the hunks of a file in order.
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
