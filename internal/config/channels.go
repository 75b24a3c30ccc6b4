package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Email is how reports are mailed. The password is in the environment.
type Email struct {
	Server      string // host:port
	From        string
	To          []string
	TLS         string // starttls, implicit or none
	Username    string
	PasswordEnv string // the variable that holds the password
}

// Webhook is an address that reports are posted to.
type Webhook struct {
	URL       string // where it is no secret, or comes from a variable
	URLEnv    string // the variable that holds it, where it is one
	Format    string // generic or slack
	SecretEnv string // the variable that holds the key to sign with
}

// channelKeys are what the channels need to know. Secrets are named, never written
// here: a file is shared, and a variable named by somebody else's file must be one
// that was set for regreen, so that no other secret can be sent anywhere.
var channelKeys = []Key{
	{
		"files", "REGREEN_FILES", "Files that the report is written to, each by its format, one of those of `regreen report --format`.", "{html: build/regreen.html, junit: build/regreen.xml}",
		files,
	},
	{
		"artifact", "REGREEN_ARTIFACT", "A folder that is made anew with the report in all formats and the patches.", "build/regreen",
		func(c *Config, v value) (err error) {
			c.Artifact, err = v.output()
			return err
		},
	},
	{
		"email.server", "REGREEN_EMAIL_SERVER", "The mail server to send reports by, with its port.", "smtp.example.com:587",
		text(func(c *Config) *string { return &c.Email.Server }, hostPort),
	},
	{
		"email.from", "REGREEN_EMAIL_FROM", "The sender's address.", "regreen@example.com",
		text(func(c *Config) *string { return &c.Email.From }, mailAddress),
	},
	{
		"email.to", "REGREEN_EMAIL_TO", "The addresses that reports go to.", "[team@example.com]",
		list(func(c *Config) *[]string { return &c.Email.To }, false, mailAddress),
	},
	{
		"email.tls", "REGREEN_EMAIL_TLS", "How the connection is kept private: starttls, implicit (commonly port 465), or none, which never sends a password. Without it starttls.", "implicit",
		text(func(c *Config) *string { return &c.Email.TLS }, oneOf("starttls", "implicit", "none")),
	},
	{
		"email.username", "REGREEN_EMAIL_USERNAME", "The name to log in with. Without it there is no login.", "ci",
		text(func(c *Config) *string { return &c.Email.Username }, line),
	},
	{
		"email.password-env", "REGREEN_EMAIL_PASSWORD_ENV", "The variable that holds the password. Its name begins with `REGREEN_`.", "REGREEN_SMTP_PASSWORD",
		text(func(c *Config) *string { return &c.Email.PasswordEnv }, secretVariable),
	},
	{
		"webhooks", "REGREEN_WEBHOOKS", "Addresses that reports are posted to: a url, or url-env for the variable that holds it; a format, generic or slack; and secret-env for the variable with the key to sign with. In the variable one of them, as format=slack,url=ADDRESS.", "[{url-env: REGREEN_SLACK_URL, format: slack}]",
		webhooks,
	},
}

// files sets the files by their formats; whether a format exists is for those to
// say who have them.
func files(c *Config, v value) error {
	pairs, err := v.pairs()
	if err != nil {
		return err
	}
	set := make(map[string]string)
	for _, p := range pairs {
		if err := identifier(p.key); err != nil {
			return p.name.fault(err)
		}
		if set[p.key], err = p.value.output(); err != nil {
			return err
		}
	}
	c.Files = set
	return nil
}

// output is a path to write to. A file names places inside of the repository only,
// since it may be somebody else's; a variable may name any.
func (v value) output() (string, error) {
	s, err := v.text()
	if err != nil {
		return "", err
	}
	if v.node == nil && filepath.IsAbs(s) {
		return s, line(s)
	}
	if err := exactPath(s); err != nil {
		return "", v.fault(err)
	}
	if first, _, _ := strings.Cut(path.Clean(s), "/"); strings.EqualFold(first, ".git") {
		return "", v.fault(hinted(fmt.Sprintf("%.40q is git's own", s), "write to another folder"))
	}
	return s, nil
}

// webhooks sets the list of a file, or the one that a variable describes by the same keys.
func webhooks(c *Config, v value) error {
	items := []value{v}
	if v.node != nil {
		var err error
		if items, err = v.items(); err != nil {
			return err
		}
	}
	var all []Webhook
	for _, item := range items {
		hook, err := item.webhook()
		if err != nil {
			return err
		}
		all = append(all, hook)
	}
	c.Webhooks = all
	return nil
}

var webhookFormat = oneOf("generic", "slack")

// webhook reads one. In a file, which is shared, the address may be no secret.
func (v value) webhook() (Webhook, error) {
	hook := Webhook{Format: "generic"}
	pairs, err := v.pairs()
	misread := hinted("is not written as key=value,key=value", "the keys are url, url-env, format and secret-env")
	switch {
	case err != nil && v.node == nil:
		return hook, misread // what was read quotes the address
	case err != nil:
		return hook, err
	}
	fields := []struct {
		name  string
		field *string
		check func(string) error
	}{
		{"url", &hook.URL, webAddress},
		{"url-env", &hook.URLEnv, secretVariable},
		{"format", &hook.Format, webhookFormat},
		{"secret-env", &hook.SecretEnv, secretVariable},
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	for _, p := range pairs {
		i := slices.Index(names, p.key)
		switch {
		case i < 0 && v.node == nil:
			return hook, misread
		case i < 0:
			return hook, p.name.fault(unknown("key", p.key, names))
		}
		s, err := p.value.text()
		if err != nil {
			return hook, err
		}
		if err := fields[i].check(s); err != nil {
			return hook, p.value.fault(err)
		}
		*fields[i].field = s
	}
	switch {
	case (hook.URL == "") == (hook.URLEnv == ""):
		return hook, v.fault(hinted("needs one of url and url-env", "write url: for an address that anybody may know, url-env: for the variable that holds it"))
	case hook.URL != "" && v.node != nil && (hook.Format == "slack" || secretive(hook.URL)):
		return hook, v.fault(hinted("the address is a secret, or holds one", "put it into a variable and write url-env: with the variable's name"))
	}
	return hook, nil
}

// secretive tells addresses with a part that commonly is a password or a key.
func secretive(s string) bool {
	u, err := url.Parse(s)
	return err != nil || u.User != nil || u.RawQuery != ""
}

// webAddress is an address that can be posted to. The messages do not quote it.
func webAddress(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return hinted("the address is not one of http", "write https://, a host and a path")
	}
	return nil
}

// secretVariable is a variable that was set for regreen: what a file of somebody
// else's names is sent to where that file says. The message does not quote it, as
// it may be the secret itself.
func secretVariable(s string) error {
	if variable(s) != nil || !strings.HasPrefix(s, "REGREEN_") {
		return hinted("is not the name of a variable of regreen's", "put the secret into one whose name begins with REGREEN_, and write that name here")
	}
	return nil
}

func mailAddress(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || strings.ContainsAny(s, "\r\n") || !strings.Contains(a.Address, "@") {
		return hinted(fmt.Sprintf("%.60q is not a mail address", s), "write it as name@example.com")
	}
	return nil
}

func hostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || host == "" || strings.ContainsAny(host, "/@ \t\n") {
		return hinted(fmt.Sprintf("%.60q is not a server with its port", s), "write it as smtp.example.com:587")
	}
	return nil
}
