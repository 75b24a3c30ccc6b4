package deliver_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"

	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/report"
)

// received is a mail as a mail program reads it.
type received struct {
	header     mail.Header
	subject    string
	text, html string
}

func readMail(t *testing.T, raw string) received {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	out := received{header: m.Header}
	if out.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("type %s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(part)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			out.text = string(b)
		case "text/html":
			out.html = string(b)
		default:
			t.Fatalf("a part of type %s", kind)
		}
	}
}

// mailing returns a channel to a server with TLS.
func mailing(s *tlsServer, change func(*deliver.EmailOptions)) deliver.Channel {
	o := deliver.EmailOptions{
		Server: s.address, From: "regreen <regreen@example.com>", To: []string{"team@example.com", "lead@example.com"},
		Username: "ci", Password: "hunter2", Repository: "acme/fleet", Link: "https://ci.example.com/7", Config: s.trust, Retry: quick,
	}
	if change != nil {
		change(&o)
	}
	return deliver.Email(o)
}

// The mail arrives as text and HTML, after a login, with both kinds of TLS.
func TestEmail(t *testing.T) {
	t.Parallel()
	for _, starttls := range []bool{true, false} {
		s := serveTLS(t, starttls)
		got := deliverTo(t, mailing(s, func(o *deliver.EmailOptions) {
			if !starttls {
				o.TLS = "implicit"
			}
		}), proposed())
		if got.State != report.ReceiptSent || got.Where != "team@example.com, lead@example.com" {
			t.Fatalf("starttls %v: receipt %+v", starttls, got)
		}
		for _, line := range s.inTheClear() {
			if !strings.HasPrefix(line, "EHLO") && line != "STARTTLS" {
				t.Errorf("%q was sent in the clear", line)
			}
		}
		m := readMail(t, s.messages()[0])
		if m.subject != "[acme/fleet] proposed: 1 failure, a verified patch is ready (retry-budget)" {
			t.Errorf("got subject %q", m.subject)
		}
		if !strings.Contains(m.text, "TestMean") || !strings.Contains(m.html, "TestMean") || !strings.Contains(m.html, "p-3f2a") {
			t.Errorf("text\n%s\nHTML\n%s", m.text, m.html)
		}
		for name, want := range map[string]string{
			"From": `"regreen" <regreen@example.com>`, "To": "<team@example.com>, <lead@example.com>", "Auto-Submitted": "auto-generated",
		} {
			if m.header.Get(name) != want {
				t.Errorf("%s: got %s, want %s", name, m.header.Get(name), want)
			}
		}
	}
}

// The mails about a branch form one thread. A run has one ID, however often it is sent.
func TestEmailThreads(t *testing.T) {
	t.Parallel()
	s := serveTLS(t, false)
	c := mailing(s, func(o *deliver.EmailOptions) { o.TLS = "implicit" })
	later, elsewhere := proposed(), proposed()
	later.ID = "20260303-101010-aa"
	elsewhere.ID, elsewhere.Environment.Branch = "20260303-111111-bb", "main"
	for _, r := range []*report.Report{proposed(), proposed(), later, elsewhere} {
		deliverTo(t, c, r)
	}
	var ids, threads []string
	for _, raw := range s.messages() {
		m := readMail(t, raw)
		ids = append(ids, m.header.Get("Message-Id"))
		threads = append(threads, m.header.Get("In-Reply-To"))
		if m.header.Get("References") != m.header.Get("In-Reply-To") {
			t.Errorf("got headers %v", m.header)
		}
	}
	if ids[0] != ids[1] || ids[1] == ids[2] || ids[2] == ids[3] || !strings.HasSuffix(ids[0], "@example.com>") {
		t.Errorf("IDs %q", ids)
	}
	if threads[0] != threads[2] || threads[2] == threads[3] || threads[0] == ids[0] {
		t.Errorf("got threads %q", threads)
	}
}

// No text of a report becomes a header, a recipient or a command.
func TestEmailInjection(t *testing.T) {
	t.Parallel()
	s := serveTLS(t, true)
	if got := deliverTo(t, mailing(s, func(o *deliver.EmailOptions) { o.Repository = evil }), hostile()); got.State != report.ReceiptSent {
		t.Fatalf("got receipt %+v", got)
	}
	all := s.messages()
	if len(all) != 1 {
		t.Fatalf("got %d mails", len(all))
	}
	m := readMail(t, all[0])
	known := []string{"Date", "Mime-Version", "Message-Id", "In-Reply-To", "References", "Auto-Submitted", "From", "To", "Subject", "Content-Type"}
	if len(m.header) != len(known) {
		t.Errorf("got headers %v", m.header)
	}
	for _, name := range known {
		if m.header.Get(name) == "" {
			t.Errorf("no header %s", name)
		}
	}
	if strings.Contains(m.html, "<script>") || !strings.Contains(m.text, "Bcc: all@evil.example") {
		t.Errorf("text\n%s\nHTML\n%s", m.text, m.html)
	}
	if to := m.header.Get("To"); to != "<team@example.com>, <lead@example.com>" {
		t.Errorf("to %s", to)
	}
}

// An error in the conversation is retried if that may help. The receipt says what to do and never
// contains the password.
func TestEmailThroughFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, command string
		answers       []string
		change        func(*deliver.EmailOptions)
		state         report.ReceiptState
		tries         int
		reason        string
	}{
		{"greylisted", "RCPT", []string{"451 come back later"}, nil, report.ReceiptSent, 2, ""},
		{"busy", "MAIL", []string{"421 too many connections"}, nil, report.ReceiptSent, 2, ""},
		{"busy for long", "MAIL", []string{"421 busy", "421 busy", "421 busy"}, nil, report.ReceiptFailed, 3, "can be reached"},
		{"dropped", "DATA", []string{"drop"}, nil, report.ReceiptSent, 2, ""},
		{"dropped after the mail", "after DATA", []string{"drop"}, nil, report.ReceiptSent, 2, ""},
		{"recipient unknown", "RCPT", []string{"550 no such user"}, nil, report.ReceiptFailed, 1, "email.to"},
		{"refused", "DATA", []string{"554 spam"}, nil, report.ReceiptFailed, 1, `554 "spam"`},
		{"wrong password", "", nil, func(o *deliver.EmailOptions) { o.Password = "hunter3" }, report.ReceiptFailed, 1, "535"},
		{"not trusted", "", nil, func(o *deliver.EmailOptions) { o.Config = nil }, report.ReceiptFailed, 1, "certificate"},
		{"no STARTTLS", "EHLO", []string{"250 mail.example.com"}, func(o *deliver.EmailOptions) { o.Username = "" }, report.ReceiptFailed, 1, "email.tls"},
		{"no server", "", nil, func(o *deliver.EmailOptions) { o.Server = "127.0.0.1:1" }, report.ReceiptFailed, 3, "email.server"},
		{"not an address", "", nil, func(o *deliver.EmailOptions) { o.To = []string{"nobody\r\nRCPT TO:<x@y.z>"} }, report.ReceiptFailed, 1, "email.to"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serveTLS(t, true)
			if tt.command != "" {
				s.answer(tt.command, tt.answers...)
			}
			got := deliverTo(t, mailing(s, tt.change), proposed())
			if got.State != tt.state || got.Tries != tt.tries || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("got receipt %+v, want %s after %d tries with %q", got, tt.state, tt.tries, tt.reason)
			}
			if strings.Contains(got.Reason, "hunter") || strings.Contains(got.Reason, "AGNpAGh1bnRlc") {
				t.Errorf("the receipt contains the password: %s", got.Reason)
			}
			for _, line := range s.inTheClear() {
				if !strings.HasPrefix(line, "EHLO") && line != "STARTTLS" && line != "QUIT" {
					t.Errorf("%q was sent in the clear", line)
				}
			}
			if tt.state == report.ReceiptFailed && len(s.messages()) > 0 {
				t.Errorf("%d mails arrived", len(s.messages()))
			}
		})
	}
}

// Without TLS there is no login, whatever is configured.
func TestEmailInTheClear(t *testing.T) {
	t.Parallel()
	server := smtp(t, smtpmock.ConfigurationAttr{MultipleMessageReceiving: true})
	got := deliverTo(t, deliver.Email(deliver.EmailOptions{
		Server: server.address, From: "regreen@example.com", To: []string{"team@example.com"}, TLS: "none", Username: "ci", Password: "hunter2",
	}), proposed())
	if got.State != report.ReceiptSent {
		t.Errorf("got receipt %+v", got)
	}
	if raw := server.messages(); len(raw) != 1 || bytes.Contains([]byte(raw[0]), []byte("hunter2")) {
		t.Errorf("got mails %q", raw)
	}
}
