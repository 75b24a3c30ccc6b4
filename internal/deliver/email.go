package deliver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// EmailOptions says how a report is mailed.
type EmailOptions struct {
	Server     string // host:port
	From       string
	To         []string
	TLS        string // starttls, which is also "", implicit or none
	Username   string // "" for no login
	Password   string
	Repository string
	Link       string      // the page of the run, "" for none
	Config     *tls.Config // nil for the system's roots
	Retry      Policy
}

// Email mails the report as text and HTML. The mails about a branch make one thread.
// Each try has the same Message-ID, made of the run, so that a mail that arrives twice
// is shown once.
func Email(o EmailOptions) Channel {
	c := channel{channels.Email, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		message, err := o.message(r)
		if err != nil {
			return report.Receipt{}, err
		}
		// A server that goes away after it took the mail has taken it.
		if err := o.deliver(ctx, message); err != nil && !message.IsDelivered() {
			return report.Receipt{}, o.problem(err)
		}
		return report.Receipt{Where: strings.Join(o.To, ", ")}, nil
	}}
	// A server may quote what it was sent.
	encode := base64.StdEncoding.EncodeToString
	return sealed(retry(c, o.Retry), encode([]byte("\x00"+o.Username+"\x00"+o.Password)), encode([]byte(o.Password)), o.Password)
}

func (o EmailOptions) message(r *report.Report) (*mail.Msg, error) {
	about := report.EmailOptions{Repository: o.Repository, Link: o.Link}
	text, err := report.EmailText(r, about)
	if err != nil {
		return nil, err
	}
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(m.From(o.From), m.To(o.To...)); err != nil {
		return nil, &usererr.Error{What: "an address is none", Advice: "email.from and email.to hold addresses like name@example.com", Err: err}
	}
	m.Subject(report.EmailSubject(r, about))
	m.SetDateWithValue(cmp.Or(r.Started, time.Now()))
	m.SetMessageIDWithValue(o.id(r.ID))
	thread := "<" + o.id(r.Environment.Branch) + ">"
	m.SetGenHeader(mail.HeaderInReplyTo, thread)
	m.SetGenHeader(mail.HeaderReferences, thread)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // no vacation answers
	m.SetBodyString(mail.TypeTextPlain, text)
	m.AddAlternativeString(mail.TypeTextHTML, report.EmailHTML(r, about))
	return m, nil
}

// id is an address-like name of something in this repository, always the same one.
func (o EmailOptions) id(what string) string {
	sum := sha256.Sum256([]byte(o.Repository + "\x00" + what))
	domain := strings.TrimRight(o.From[strings.LastIndex(o.From, "@")+1:], "> ")
	return fmt.Sprintf("%x@%s", sum[:12], cmp.Or(domain, "regreen.invalid"))
}

// deliver has the conversation with the server, and ends it with ctx.
func (o EmailOptions) deliver(ctx context.Context, m *mail.Msg) error {
	host, service, err := net.SplitHostPort(o.Server)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(service)
	if err != nil {
		return err
	}
	config := o.Config.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config.ServerName = cmp.Or(config.ServerName, host)
	options := []mail.Option{mail.WithPort(port), mail.WithHELO(greeting()), mail.WithTimeout(20 * time.Second), mail.WithTLSConfig(config), mail.WithoutNoop()}
	implicit := o.TLS == "implicit"
	switch {
	case implicit:
		options = append(options, mail.WithSSL())
	case o.TLS == "none":
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if o.Username != "" && o.TLS != "none" {
		options = append(options, mail.WithUsername(o.Username), mail.WithPassword(o.Password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	// The library watches ctx only while it connects.
	options = append(options, mail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		if implicit {
			conn = tls.Client(conn, config)
		}
		return conn, nil
	}))
	client, err := mail.NewClient(host, options...)
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, m)
}

// greeting is what this machine calls itself. Servers refuse a name without a domain,
// as containers have it, and take an address instead.
func greeting() string {
	if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") {
		return name
	}
	return "[127.0.0.1]"
}

// problem says what of a conversation went wrong, and whether it may go right later.
func (o EmailOptions) problem(err error) error {
	f := &usererr.Error{What: "the mail server " + o.Server + " did not take it", Err: errors.New(report.Brief(err.Error()))}
	var answer *textproto.Error
	var sending *mail.SendError
	var dialing *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		f.Advice = "its certificate is not one for this name, or not one that this machine trusts"
	case errors.As(err, &answer) && answer.Code/100 == 5, errors.As(err, &sending) && sending.ErrorCode()/100 == 5:
		f.Advice = "are email.from, email.to, email.username and the password right?"
	case errors.As(err, &answer), errors.As(err, &sending), errors.As(err, &dialing):
		f.Advice = "are email.server and email.tls right, and is it in reach?"
		return &forge.TransientError{Err: f}
	default:
		f.Advice = "are email.server and email.tls right?"
	}
	return f
}
