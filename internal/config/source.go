package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// value is the value of a key in a source: a node of a file, or the text of a variable.
type value struct {
	node ast.Node // nil for a variable
	raw  string   // of a variable
}

// pair is an entry of a mapping.
type pair struct {
	key         string
	name, value value // name is the key itself, with its place
}

// fault is an error about a value, with its place in the file.
type fault struct {
	error
	at *token.Token // nil for a variable
}

func (f *fault) Unwrap() error { return f.error }

func (v value) fault(err error) error {
	if v.node == nil {
		return &fault{err, nil}
	}
	return &fault{err, v.node.GetToken()}
}

// isNot returns the error about a value of the wrong type.
func (v value) isNot(want string) error {
	switch v.node.(type) {
	case *ast.NullNode:
		return v.fault(hinted("has no value", "write "+want+", or remove the key"))
	case *ast.AliasNode, *ast.AnchorNode, *ast.MergeKeyNode:
		return v.fault(hinted("anchors and aliases are not supported", "write the value out"))
	case *ast.TagNode:
		return v.fault(hinted("tags are not supported", "write "+want))
	}
	return v.fault(hinted("must be "+want+", not "+v.kind(), ""))
}

func (v value) kind() string {
	switch v.node.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode:
		return "a whole number"
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "this"
}

// text returns a string that is not empty. A number must be quoted in a file: otherwise an
// object name of digits alone would lose its leading zeros.
func (v value) text() (string, error) {
	s := v.raw
	switch node := v.node.(type) {
	case nil:
	case *ast.StringNode:
		s = node.Value
	case *ast.LiteralNode:
		s = strings.TrimRight(node.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return "", v.fault(hinted("must be text, not "+v.kind(), fmt.Sprintf("write it in quotes: %q", node.GetToken().Value)))
	default:
		return "", v.isNot("text")
	}
	if strings.TrimSpace(s) == "" {
		return "", v.fault(hinted("is empty", "write a value, or remove the key"))
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' }) || !utf8.ValidString(s) {
		return "", v.fault(hinted("has a character that does not print", "remove it"))
	}
	return s, nil
}

// scalar returns the text of a value that should be a number or the like.
func (v value) scalar(want string) (string, error) {
	switch node := v.node.(type) {
	case nil:
		return v.raw, nil
	case *ast.StringNode:
		return node.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.NanNode, *ast.InfinityNode:
		return strings.TrimSpace(node.GetToken().Value), nil
	}
	return "", v.isNot(want)
}

// items returns the values of a list.
func (v value) items() (items []value, err error) {
	if v.node == nil {
		for _, item := range split(v.raw) {
			items = append(items, value{raw: item})
		}
		return items, nil
	}
	seq, ok := v.node.(*ast.SequenceNode)
	if !ok {
		if s, isText := v.node.(*ast.StringNode); isText {
			return nil, v.fault(hinted("must be a list, not text", fmt.Sprintf("write [%s]", s.Value)))
		}
		return nil, v.isNot("a list")
	}
	for _, node := range seq.Values {
		items = append(items, value{node: node})
	}
	return items, nil
}

// pairs returns the entries of a mapping, in the order they are written.
func (v value) pairs() (pairs []pair, err error) {
	if v.node == nil {
		for _, item := range split(v.raw) {
			key, raw, ok := strings.Cut(item, "=")
			if !ok {
				return nil, v.fault(hinted(fmt.Sprintf("%.40q has no value", item), "write name=value,name=value"))
			}
			pairs = append(pairs, pair{strings.TrimSpace(key), v, value{raw: strings.TrimSpace(raw)}})
		}
		return pairs, nil
	}
	node, ok := v.node.(ast.MapNode)
	if !ok {
		return nil, v.isNot("a mapping of names to values")
	}
	for entry := node.MapRange(); entry.Next(); {
		name := value{node: entry.Key()}
		key, ok := entry.Key().(*ast.StringNode)
		if !ok {
			if entry.Key().IsMergeKey() {
				return nil, name.fault(hinted("anchors and aliases are not supported", "write the values out"))
			}
			return nil, name.fault(hinted(fmt.Sprintf("%.40q is not a key", entry.Key().GetToken().Value), "a key is a plain word"))
		}
		pairs = append(pairs, pair{key.Value, name, value{node: entry.Value()}})
	}
	return pairs, nil
}

// parse adds the settings of a file. The error is an *Error.
func (c *Config) parse(file string, data []byte) error {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n")) // a line break in YAML
	root, err := parseYAML(data)
	if err == nil && root != nil {
		err = c.mapping("", value{node: root})
	}
	return located(err, file, data)
}

// parseYAML returns the only document of a file, or nil if the file is empty. It leaves anchors
// unresolved, so that a small file cannot expand to a large one.
func parseYAML(data []byte) (ast.Node, error) {
	if err := bounded(data); err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return nil, value{node: doc.Body}.fault(hinted("is a second YAML document", "keep one document in the file"))
		}
		body = doc.Body
	}
	if _, null := body.(*ast.NullNode); null {
		return nil, nil
	}
	return body, nil
}

// bounded refuses files that the parser takes seconds for: its time grows with the square of
// the tokens in a line, of the keys, and of the open brackets.
func bounded(data []byte) error {
	const longest, most, deepest = 1000, 2000, 64
	open, number := 0, 0
	for line := range bytes.Lines(data) {
		number++
		if len(line) > longest {
			return at(number, hinted(fmt.Sprintf("the line is longer than %d bytes", longest), "break the line, or put a long command into a script"))
		}
		if number > most {
			return at(number, hinted(fmt.Sprintf("the file has more than %d lines", most), ""))
		}
		for _, c := range line {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open--
			}
			if open > deepest {
				return at(number, hinted("the line is nested too deeply", "use fewer brackets inside one another"))
			}
		}
	}
	return nil
}

// at returns the error about a whole line.
func at(line int, err error) error {
	return &fault{err, &token.Token{Position: &token.Position{Line: line, Column: 1}}}
}

// mapping sets the keys of one level; prefix is empty or ends with a dot.
func (c *Config) mapping(prefix string, v value) error {
	pairs, err := v.pairs()
	if err != nil {
		return err
	}
	for _, p := range pairs {
		name := prefix + p.key
		key, known := find(name)
		group := slices.ContainsFunc(keys, func(k Key) bool { return strings.HasPrefix(k.Name, name+".") })
		switch {
		case known && !strings.Contains(p.key, "."):
			err = key.set(c, p.value)
		case group:
			err = c.mapping(name+".", p.value)
		default:
			err = p.name.fault(unknownKey(prefix, p.key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unknownKey returns the error about a key that does not exist at that level.
func unknownKey(prefix, key string) error {
	var names []string
	for _, k := range keys {
		names = append(names, k.Name)
	}
	err := unknown("key", prefix+key, names)
	near := Nearest(prefix+key, names)
	if group, last, nested := strings.Cut(near, "."); nested && prefix == "" {
		return hinted(err.Error(), fmt.Sprintf("did you mean %q below %q?", last, group))
	}
	return err
}

// environment adds the settings of the variables. The error is an *Error.
func (c *Config) environment(getenv func(string) string) error {
	read := func(name string, set setter) error {
		raw := strings.TrimSpace(getenv(name))
		if raw == "" {
			return nil
		}
		return located(set(c, value{raw: raw}), name, nil)
	}
	for _, k := range keys {
		if err := read(k.Env, k.set); err != nil {
			return err
		}
	}
	for _, r := range renamed {
		if k, ok := find(r.name); ok {
			if err := read(r.env, k.set); err != nil {
				return err
			}
		}
	}
	return nil
}

// located turns an error about a value, or one of the YAML parser, into an *Error that names
// its place. It returns nil for nil.
func located(err error, file string, data []byte) error {
	if err == nil {
		return nil
	}
	e := &Error{File: file, Msg: err.Error()}
	var at *token.Token
	if f, ok := errors.AsType[*fault](err); ok {
		at = f.at
	}
	if syntax, ok := errors.AsType[yaml.Error](err); ok {
		at, e.Msg = syntax.GetToken(), syntax.GetMessage()
	}
	e.Msg, e.Advice = printable(e.Msg), printable(usererr.Hint(err)) // both may quote the file
	if at == nil || at.Position == nil {
		return e
	}
	e.Line, e.Column = at.Position.Line, at.Position.Column
	lines := strings.Split(string(data), "\n")
	if e.Line >= 1 && e.Line <= len(lines) && !mayHoldSecret(lines[e.Line-1]) {
		e.Source = quoted(lines[e.Line-1], e.Column)
	}
	return e
}

// mayHoldSecret reports whether a line must not be quoted in an error. Users also put secrets
// where the name of a variable belongs.
func mayHoldSecret(line string) bool {
	return strings.HasPrefix(strings.TrimSpace(line), storeKey) || strings.Contains(line, "://") || strings.Contains(line, "-env:")
}
