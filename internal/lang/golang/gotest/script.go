package gotest

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// script holds what the go command would do to build a test program, as printed by `go test
// -n`: compile the packages that are not in its cache, and link the program.
type script struct {
	files map[string]string // files to write first: name, in workDir -> content
	units []unit            // packages to compile, each after those that it imports
	link  step
	out   string // the program
}

// unit is a package to compile.
type unit struct {
	step
	path string // import path, as passed to the compiler
	out  string // the object file
}

// step is a command of a script.
type step struct {
	args []string
	env  []string
	dir  string
}

// workDir means the work directory of a build.
const workDir = "$WORK"

// parseScript parses what `go test -n` printed for one package; dir is where it ran. If the
// script has a step that it does not know, like a call of cgo or the assembler, why says
// which.
func parseScript(text, dir string) (s *script, why string) {
	s = &script{files: map[string]string{}}
	in := dir
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' || strings.HasPrefix(line, "mkdir ") || strings.HasPrefix(line, "go tool buildid -w ") {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "cat >"); ok {
			name, _, ok := strings.Cut(rest, " << 'EOF'")
			content, after, ended := strings.Cut(text, "EOF\n") // the content may lack a line end
			if !ok || !ended || !strings.HasPrefix(name, workDir) {
				return nil, "cannot read a file of the script: " + line
			}
			s.files[name], text = content, after
			continue
		}
		if rest, ok := strings.CutPrefix(line, "echo -n > "); ok {
			line = "echo '' > " + rest
		}
		if rest, ok := strings.CutPrefix(line, "echo '"); ok {
			content, name, ok := strings.Cut(strings.TrimSuffix(rest, " # internal"), "' > ")
			if !ok || !strings.HasPrefix(name, workDir) {
				return nil, "cannot read a file of the script: " + line
			}
			s.files[name] = content + "\n" // the tools ignore a line end too many
			continue
		}
		if to, ok := strings.CutPrefix(line, "cd "); ok {
			in = to
			continue
		}
		st, ok := parseStep(line, in)
		if !ok {
			return nil, "cannot read a command of the script: " + line
		}
		if in == "." {
			st.dir = dir
		}
		switch tool := strings.TrimSuffix(filepath.Base(st.args[0]), ".exe"); {
		case tool == "compile":
			u := unit{step: st, path: st.after("-p"), out: st.after("-o")}
			if u.path == "" || !strings.HasPrefix(u.out, workDir) || s.out != "" {
				return nil, "an unusual call of the compiler"
			}
			s.units = append(s.units, u)
		case tool == "link":
			s.link, s.out = st, st.after("-o")
			if !strings.HasPrefix(s.out, workDir) {
				return nil, "an unusual call of the linker"
			}
		case s.out != "" && st.args[0] == s.out:
			return s, "" // the next step would run the program
		default:
			return nil, tool + " is part of the build"
		}
	}
	return nil, "it builds no test program"
}

// after returns the argument that follows a flag.
func (s step) after(flag string) string {
	if i := slices.Index(s.args, flag); i >= 0 && i+1 < len(s.args) {
		return s.args[i+1]
	}
	return ""
}

// parseStep splits a command line that the go command printed. Words that need quotes are in
// Go's quotes, and variables before the command in those of a shell. A dot at the start of a
// word means the directory that the command runs in.
func parseStep(line, dir string) (s step, ok bool) {
	s.dir = dir
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " ") {
		var word string
		if name, value, ok := strings.Cut(line, "='"); ok && len(s.args) == 0 && variable(name) {
			value, rest, ok := strings.Cut(value, "'")
			if !ok {
				return s, false
			}
			s.env, line = append(s.env, name+"="+value), rest
			continue
		}
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return s, false
			}
			word, _ = strconv.Unquote(quoted)
			line = line[len(quoted):]
			if line != "" && line[0] != ' ' {
				return s, false
			}
		} else {
			word, line, _ = strings.Cut(line, " ")
			if strings.ContainsAny(word, `"'`) {
				return s, false
			}
			if strings.HasPrefix(word, ".") && filepath.IsAbs(dir) {
				word = dir + word[1:]
			}
		}
		s.args = append(s.args, word)
	}
	return s, len(s.args) > 0
}

// variable reports whether a word can be the name of an environment variable.
func variable(word string) bool {
	return word != "" && strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == ""
}
