package report

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

var emailOptions = EmailOptions{Repository: "acme/fleet", Link: "https://ci.example.com/runs/7"}

// TestEmailGolden compares emails with golden files.
func TestEmailGolden(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		golden(t, e.name+".mail.html", []byte(EmailHTML(e.make(), emailOptions)))
		golden(t, e.name+".subject", []byte(EmailSubject(e.make(), emailOptions)+"\n"))
	}
	text, err := EmailText(proposedReport(), emailOptions)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "proposed.mail.txt", []byte(text))
}

// wellFormed reads the HTML of an email like a browser, and refuses elements, attributes and
// links that this package does not write.
func wellFormed(text, link string) error {
	if len(text) > emailSize {
		return fmt.Errorf("%d bytes", len(text))
	}
	if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\r") {
		return fmt.Errorf("control characters")
	}
	var open []string
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if len(open) != 0 {
				return fmt.Errorf("%v are open at the end", open)
			}
			return nil
		case html.StartTagToken:
			tok := z.Token()
			switch tok.Data {
			case "html", "head", "title", "body", "h1", "h2", "p", "ul", "li", "code", "pre", "span", "strong", "a":
				open = append(open, tok.Data)
			case "meta", "br":
			default:
				return fmt.Errorf("element %s", tok.Data)
			}
			for _, a := range tok.Attr {
				switch {
				case a.Key == "href" && a.Val == link, a.Key == "style" && !strings.Contains(a.Val, "url"), a.Key == "lang":
				case tok.Data == "meta":
				default:
					return fmt.Errorf("attribute %s=%q", a.Key, a.Val)
				}
			}
		case html.EndTagToken:
			tok := z.Token()
			if len(open) == 0 || open[len(open)-1] != tok.Data {
				return fmt.Errorf("</%s> ends %v", tok.Data, open)
			}
			open = open[:len(open)-1]
		case html.CommentToken, html.SelfClosingTagToken:
			return fmt.Errorf("%v", z.Token())
		}
	}
}

func TestWellFormed(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"<script>x</script>", "<p>", "<p></li>", "<img src=x>", `<a href="http://evil.example">x</a>`, "<!-- x -->", "<p onclick=x>a</p>", "\x1b[2J"} {
		if wellFormed(bad, emailOptions.Link) == nil {
			t.Errorf("wellFormed accepts %q", bad)
		}
	}
}

// TestEmail checks that the email of any report has a limited size, holds only our HTML, and
// has a subject of one line.
func TestEmail(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		if n := rapid.SampledFrom([]int{1, 1, 40, 400}).Draw(t, "times"); n > 1 && len(r.Failures) > 0 {
			for range n {
				r.Failures = append(r.Failures, r.Failures[0])
			}
			for i := range r.Patches {
				r.Patches[i].Diff = strings.Repeat(r.Patches[i].Diff+"Left out to fit: nothing\n", n)
			}
		}
		opt := EmailOptions{Repository: texts().Draw(t, "repository"), Link: emailOptions.Link}
		text := EmailHTML(r, opt)
		if err := wellFormed(text, opt.Link); err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		if all := r.stories(); len(all) > 0 {
			for _, f := range all[0].failures {
				if id := emailCode(f.ID); id != "" && !strings.Contains(text, id) && !strings.Contains(text, "Left out to fit") {
					t.Fatalf("%q is missing, and nothing says so", f.ID)
				}
			}
		}
		subject := EmailSubject(r, opt)
		if strings.ContainsAny(subject, "\r\n\x00\x1b") || !utf8.ValidString(subject) || !fits(subject, 160) {
			t.Fatalf("got subject %q", subject)
		}
		plainText, err := EmailText(r, opt)
		if err != nil || strings.ContainsAny(plainText, "\x00\x1b\r") || !strings.Contains(plainText, opt.Link) {
			t.Fatalf("text %q, %v", plainText, err)
		}
	})
}

// TestLargeEmail checks that a large email says what it leaves out.
func TestLargeEmail(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	for i := range 5000 {
		f := r.Failures[0]
		f.ID = fmt.Sprintf("example.com/fleet/stats.TestMany/%d", i)
		r.Failures = append(r.Failures, f)
	}
	r.Patches[0].Diff += strings.Repeat("+Left out to fit: everything\n", 500)
	text := EmailHTML(r, emailOptions)
	if err := wellFormed(text, emailOptions.Link); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "more failures") || !strings.Contains(text, "Left out to fit: ") || !strings.Contains(text, "regreen report "+r.ID) {
		t.Errorf("the email does not say what it leaves out:\n%s", text[len(text)-1000:])
	}
	if strings.Contains(text, "<script") || !strings.Contains(text, "p-3f2a") {
		t.Error("the patch is missing")
	}
}

func TestFence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lines []string
		want  string
	}{
		{nil, "```suggestion\n```\n"},
		{[]string{"a", "\tb"}, "```suggestion\na\n\tb\n```\n"},
		{[]string{"s := \"````\""}, "`````suggestion\ns := \"````\"\n`````\n"},
		{[]string{"a\u202eb"}, ""},
		{[]string{"a\r"}, ""},
		{[]string{"\xff"}, ""},
	} {
		if got, ok := Fence("suggestion", tt.lines); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: got %q, %v", tt.lines, got, ok)
		}
	}
}
