// Package syntax checks whether a file is well formed with the parser of its language.
//
// It is for text that was made without understanding it: a patch that was placed by
// similarity, or a model's. It is not a compiler: what parses may still not build.
package syntax

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"path"
	"strings"

	yaml "github.com/goccy/go-yaml/parser"
	"golang.org/x/mod/modfile"
)

// parsers are the known languages, by file name extension or whole file name.
var parsers = map[string]func(name string, content []byte) error{
	".go": func(name string, content []byte) error {
		_, err := parser.ParseFile(token.NewFileSet(), name, content, parser.SkipObjectResolution)
		return err
	},
	".json": func(_ string, content []byte) error {
		var any json.RawMessage
		return json.Unmarshal(content, &any)
	},
	".yaml": yamlText,
	".yml":  yamlText,
	"go.mod": func(name string, content []byte) error {
		_, err := modfile.Parse(name, content, nil)
		return err
	},
	"go.work": func(name string, content []byte) error {
		_, err := modfile.ParseWork(name, content, nil)
		return err
	},
}

// maxNested is how deep brackets may nest in YAML: the memory that its parser needs grows
// with the square of the depth.
const maxNested = 200

func yamlText(_ string, content []byte) error {
	depth, deepest := 0, 0
	for _, c := range content {
		switch c {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	}
	if deepest > maxNested {
		return errors.New("brackets are nested too deep")
	}
	if _, err := yaml.ParseBytes(content, 0); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n") // the other lines show the text
		return errors.New(first)
	}
	return nil
}

// Check returns an error if the content of the named file is not well formed. It returns nil
// for a language that it does not know.
func Check(name string, content []byte) error {
	if parse := parserOf(name); parse != nil {
		return parse(path.Base(name), content)
	}
	return nil
}

func parserOf(name string) func(string, []byte) error {
	base := strings.ToLower(path.Base(name))
	if parse, ok := parsers[base]; ok {
		return parse
	}
	return parsers[path.Ext(base)]
}
