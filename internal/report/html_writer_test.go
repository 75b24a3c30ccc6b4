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

// TestLiterals proves from the source that the page is escaped: everything written to it is a
// constant, with texts only in places where escaping them is enough.
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
					fault = "writes HTML in a file that this test does not check"
				}
			case *ast.SelectorExpr:
				if node.Sel.Name == "page" && file.Name() != "html_writer.go" {
					fault = "bypasses the methods of htmlWriter"
				}
			case *ast.CallExpr:
				called, ok := node.Fun.(*ast.SelectorExpr)
				if ok && strings.HasPrefix(file.Name(), "html") && file.Name() != "html_writer.go" && // which forwards its arguments
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
		t.Errorf("found only %d literals", puts)
	}
	// The page's own style and script, and the results as resultsData encodes them.
	if want := []string{"htmlStyle", "htmlScript", "b"}; !slices.Equal(converted, want) {
		t.Errorf("converted %q to literals, want %q", converted, want)
	}
}

func printed(set *gotoken.FileSet, node ast.Node) string {
	var b strings.Builder
	if err := printer.Fprint(&b, set, node); err != nil {
		return err.Error()
	}
	return b.String()
}

// putFault returns what is wrong with a call of put or a similar method, or "".
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
	// passive are the attributes with values that have no effect in any browser.
	passive = strings.Fields("class id aria-label aria-labelledby datetime x y width height cx cy")
	// exceptions are a link within the page, and the policy, which consists of hashes.
	exceptions = []string{`<a href="#{}">`, `<meta http-equiv="Content-Security-Policy" content="{}">`}
)

// literalFault returns what is wrong with a literal, or "": a text in a place where it could
// have an effect, or an end inside a tag, where the next text would become an attribute.
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
				return "content in a script or style: " + text
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
			if strings.Contains(value, "{}") && !slices.Contains(passive, name) && !slices.Contains(exceptions, raw) {
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

// TestLiteralFault checks that the helpers of TestLiterals find faults.
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
			t.Errorf("literalFault accepts %q", bad)
		}
	}
	for _, bad := range []string{`m.put()`, `m.put(l)`, `m.put("{}")`, `m.put("a", "b")`, `m.put("{}" + x, "a")`, `m.put("{}", a...)`} {
		e, err := parser.ParseExpr(bad)
		if err != nil {
			t.Fatal(err)
		}
		if putFault(e.(*ast.CallExpr)) == "" {
			t.Errorf("putFault accepts %s", bad)
		}
	}
}

// checkEscaping fails if text is changed or becomes more than text in any place that
// literalFault allows.
func checkEscaping(t interface{ Fatalf(string, ...any) }, text string) {
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
	if want == "" { // an empty text produces no token
		all = []string{"p", "class", "", "</p>", "title", "</title>", "a", "href", "#", "</a>"}
	}
	if !slices.Equal(got, all) {
		t.Fatalf("%q is written as %q, which reads as %q", text, page, got)
	}
}

func TestTextStaysText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		checkEscaping(t, rapid.OneOf(texts(), rapid.SampledFrom(hostile), rapid.String()).Draw(t, "text"))
	})
}

// FuzzText checks the escaping of arbitrary texts.
func FuzzText(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkEscaping(t, text) })
}
