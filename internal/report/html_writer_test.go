package report

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	gotoken "go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// TestLiterals proves the page's escaping from its source: everything that is put is a
// constant, with each text in a place where escaping it is enough.
func TestLiterals(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var converted []string
	puts := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		set := gotoken.NewFileSet()
		parsed, err := parser.ParseFile(set, file.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for node := range ast.Preorder(parsed) {
			if call, ok := node.(*ast.CallExpr); ok && printed(set, call.Fun) == "literal" {
				converted = append(converted, printed(set, call.Args[0]))
			}
			fault := ""
			switch node := node.(type) {
			case *ast.Ident:
				if node.Name == "htmlWriter" && !strings.HasPrefix(file.Name(), "html") {
					fault = "writes HTML in a file that is not looked at"
				}
			case *ast.SelectorExpr:
				if node.Sel.Name == "page" && file.Name() != "html_writer.go" {
					fault = "passes by the methods of htmlWriter"
				}
			case *ast.CallExpr:
				called, ok := node.Fun.(*ast.SelectorExpr)
				if ok && strings.HasPrefix(file.Name(), "html") && file.Name() != "html_writer.go" && // which passes on what it was given
					slices.Contains([]string{"put", "line", "maybe", "maybeLine"}, called.Sel.Name) {
					puts++
					fault = putFault(node)
				}
			}
			if fault != "" {
				t.Errorf("%s: %s", set.Position(node.Pos()), fault)
			}
		}
	}
	if puts < 100 {
		t.Errorf("only %d literals were found", puts)
	}
	// The page's own style and script, and the results as resultsData encodes them.
	if want := []string{"htmlStyle", "htmlScript", "b"}; !slices.Equal(converted, want) {
		t.Errorf("made literals of %q, want %q", converted, want)
	}
}

func printed(set *gotoken.FileSet, node ast.Node) string {
	var b strings.Builder
	if err := printer.Fprint(&b, set, node); err != nil {
		return err.Error()
	}
	return b.String()
}

// putFault says what is wrong with a call of put or its like, or nothing.
func putFault(call *ast.CallExpr) string {
	if len(call.Args) == 0 {
		return "nothing to put"
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok || lit.Kind != gotoken.STRING {
		return "not a constant"
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return err.Error()
	}
	if texts := len(call.Args) - 1; strings.Count(text, "{}") != texts || call.Ellipsis.IsValid() {
		return fmt.Sprintf("%d texts for %q", texts, text)
	}
	return literalFault(text)
}

var (
	plainTag  = regexp.MustCompile(`^</?[a-z][a-z0-9]*( [a-zA-Z-]+(="[^"<>]*")?)*/?>$`)
	attribute = regexp.MustCompile(` ([a-zA-Z-]+)="([^"]*)"`)
	// Attributes whose values no browser acts upon, whatever they are.
	passive = strings.Fields("class id aria-label aria-labelledby datetime x y width height cx cy")
	// And two more: a link within the page, and the policy, which is made of hashes.
	particular = []string{`<a href="#{}">`, `<meta http-equiv="Content-Security-Policy" content="{}">`}
)

// literalFault says where a literal has a text in a place where it could act, or an
// end inside of a tag, where the next literal's texts would be taken for attributes.
func literalFault(text string) string {
	tokens := html.NewTokenizer(strings.NewReader(text))
	size, opened := 0, ""
	for tokens.Next() != html.ErrorToken {
		raw := string(tokens.Raw())
		size += len(raw)
		token := tokens.Token()
		switch token.Type {
		case html.TextToken:
			if opened == "script" || opened == "style" {
				return "something in a script or style: " + text
			}
			if strings.ContainsAny(raw, "<>") {
				return "an angle bracket in a text: " + text
			}
			continue
		case html.CommentToken:
			return "a comment: " + text
		case html.DoctypeToken:
			continue
		}
		opened = token.Data
		if !plainTag.MatchString(raw) {
			return "an odd tag: " + raw
		}
		for _, m := range attribute.FindAllStringSubmatch(raw, -1) {
			name, value := m[1], m[2]
			if strings.Contains(value, "{}") && !slices.Contains(passive, name) && !slices.Contains(particular, raw) {
				return "a text as " + name + ": " + raw
			}
		}
		if strings.Contains(attribute.ReplaceAllString(raw, ""), "{}") {
			return "a text in a tag: " + raw
		}
	}
	if size != len(text) {
		return "ends in a tag: " + text
	}
	return ""
}

// TestLiteralFault: the judge of the literals sees what it is there to see.
func TestLiteralFault(t *testing.T) {
	t.Parallel()
	for _, good := range []string{`{}`, `<p class="a {}">{}</p>`, `<a href="#{}">{}</a>`, `<title>{}</title>`, `<rect x="{}%"/>`, `</p>`, `<!doctype html>`, ``} {
		if fault := literalFault(good); fault != "" {
			t.Errorf("%q: %s", good, fault)
		}
	}
	for _, bad := range []string{
		`<{}>`, `<p {}>`, `<p class={}>`, `<p class='{}'>`, `<p {}="a">`, `<p class="{}`, `<p`, `<a href="{}">`, `<a href="x{}">`, `<meta http-equiv="refresh" content="{}">`, `<p onclick="{}">`, `<p style="{}">`,
		`<script>{}`, `<style>{}</style>`, `<script>a`, `<!-- {} -->`, `<p>{}<`, `< p>`, `</{}>`, `<a href="#{}" title="{}">`, `<svg xlink:href="{}">`, `">{}`, `{}" >`,
	} {
		if literalFault(bad) == "" {
			t.Errorf("%q passes", bad)
		}
	}
	for _, bad := range []string{`m.put()`, `m.put(l)`, `m.put("{}")`, `m.put("a", "b")`, `m.put("{}" + x, "a")`, `m.put("{}", a...)`} {
		e, err := parser.ParseExpr(bad)
		if err != nil {
			t.Fatal(err)
		}
		if putFault(e.(*ast.CallExpr)) == "" {
			t.Errorf("%s passes", bad)
		}
	}
}

// stays fails when a text is more than a text, or another, in any place that
// literalFault allows.
func stays(t interface{ Fatalf(string, ...any) }, text string) {
	m := &htmlWriter{}
	m.put(`<p class="{}">{}</p><title>{}</title><a href="#{}">{}</a>`, text, text, text, text, text)
	page := m.page.String()
	want := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD").Replace(text) // as browsers read it
	var got []string
	for tokens := html.NewTokenizer(strings.NewReader(page)); tokens.Next() != html.ErrorToken; {
		switch token := tokens.Token(); token.Type {
		case html.TextToken:
			got = append(got, token.Data)
		case html.StartTagToken:
			got = append(got, token.Data)
			for _, a := range token.Attr {
				got = append(got, a.Key, a.Val)
			}
		default:
			got = append(got, token.String())
		}
	}
	all := []string{"p", "class", want, want, "</p>", "title", want, "</title>", "a", "href", "#" + want, want, "</a>"}
	if want == "" { // an empty text is no token
		all = []string{"p", "class", "", "</p>", "title", "</title>", "a", "href", "#", "</a>"}
	}
	if !slices.Equal(got, all) {
		t.Fatalf("%q makes %q, which reads as %q", text, page, got)
	}
}

func TestTextStaysText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stays(t, rapid.OneOf(texts(), rapid.SampledFrom(hostile), rapid.String()).Draw(t, "text"))
	})
}

// FuzzText: a text stays one, whatever it is.
func FuzzText(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { stays(t, text) })
}
