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
	Username   string // "" means no login
	Password   string
	Repository string
	Link       string      // the page of the run, or ""
	Config     *tls.Config // nil means the system's roots
	Retry      RetryPolicy
}

// Email mails the report as text and HTML. The mails about a branch form one thread. Each
// try has the same Message-ID, derived from the run, so that mail programs show a mail that
// arrives twice only once.
func Email(o EmailOptions) Channel {
	c := channel{channels.Email, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		message, err := o.message(r)
		if err != nil {
			return report.Receipt{}, err
		}
		// If the connection breaks after the server accepted the mail, it still was accepted.
		if err := o.deliver(ctx, message); err != nil && !message.IsDelivered() {
			return report.Receipt{}, o.problem(err)
		}
		return report.Receipt{Where: strings.Join(o.To, ", ")}, nil
	}}
	// A server may quote what it received.
	encode := base64.StdEncoding.EncodeToString
	return redacted(retry(c, o.Retry), encode([]byte("\x00"+o.Username+"\x00"+o.Password)), encode([]byte(o.Password)), o.Password)
}

func (o EmailOptions) message(r *report.Report) (*mail.Msg, error) {
	about := report.EmailOptions{Repository: o.Repository, Link: o.Link}
	text, err := report.EmailText(r, about)
	if err != nil {
		return nil, err
	}
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(m.From(o.From), m.To(o.To...)); err != nil {
		return nil, &usererr.Error{What: "not a valid email address", Advice: "write email.from and email.to like name@example.com", Err: err}
	}
	m.Subject(report.EmailSubject(r, about))
	m.SetDateWithValue(cmp.Or(r.Started, time.Now()))
	m.SetMessageIDWithValue(o.id(r.ID))
	thread := "<" + o.id(r.Environment.Branch) + ">"
	m.SetGenHeader(mail.HeaderInReplyTo, thread)
	m.SetGenHeader(mail.HeaderReferences, thread)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // no vacation replies
	m.SetBodyString(mail.TypeTextPlain, text)
	m.AddAlternativeString(mail.TypeTextHTML, report.EmailHTML(r, about))
	return m, nil
}

// id returns a stable identifier, in the form of an address, for something in the repository.
func (o EmailOptions) id(what string) string {
	sum := sha256.Sum256([]byte(o.Repository + "\x00" + what))
	domain := strings.TrimRight(o.From[strings.LastIndex(o.From, "@")+1:], "> ")
	return fmt.Sprintf("%x@%s", sum[:12], cmp.Or(domain, "regreen.invalid"))
}

// deliver talks to the server until it is done or ctx ends.
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

// greeting returns the name that this machine introduces itself with. Servers refuse a name
// without a domain, such as a container's, but accept an address.
func greeting() string {
	if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") {
		return name
	}
	return "[127.0.0.1]"
}

// problem turns an error of the conversation into one with a hint, transient if a retry may
// succeed.
func (o EmailOptions) problem(err error) error {
	f := &usererr.Error{What: "the mail server " + o.Server + " did not accept the mail", Err: errors.New(report.Brief(err.Error()))}
	var answer *textproto.Error
	var sending *mail.SendError
	var dialing *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		f.Advice = "check that its certificate is for this name and is trusted by this machine"
	case errors.As(err, &answer) && answer.Code/100 == 5, errors.As(err, &sending) && sending.ErrorCode()/100 == 5:
		f.Advice = "check email.from, email.to, email.username and the password"
	case errors.As(err, &answer), errors.As(err, &sending), errors.As(err, &dialing):
		f.Advice = "check email.server and email.tls, and that the server can be reached from here"
		return &forge.TransientError{Err: f}
	default:
		f.Advice = "check email.server and email.tls"
	}
	return f
}
