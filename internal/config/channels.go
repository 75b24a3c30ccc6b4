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

// Email holds the settings for reports by email. The password is in the environment.
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
	URL       string // if it is not a secret, or comes from a variable
	URLEnv    string // the variable that holds it, if it is a secret
	Format    string // generic or slack
	SecretEnv string // the variable that holds the key to sign with
}

// channelKeys are the settings of the channels. A file is shared, so it never holds a secret,
// only the name of a variable. That variable must be one that was set for regreen: otherwise
// an untrusted file could send any other secret anywhere.
var channelKeys = []Key{
	{
		"files", "REGREEN_FILES", "Files to write the report to, by format. `regreen report --help` lists the formats.", "{html: build/regreen.html, junit: build/regreen.xml}",
		files,
	},
	{
		"artifact", "REGREEN_ARTIFACT", "A directory to write the report in all formats and the patches to. Each run replaces it.", "build/regreen",
		func(c *Config, v value) (err error) {
			c.Artifact, err = v.output()
			return err
		},
	},
	{
		"email.server", "REGREEN_EMAIL_SERVER", "The mail server to send reports through, with its port.", "smtp.example.com:587",
		text(func(c *Config) *string { return &c.Email.Server }, hostPort),
	},
	{
		"email.from", "REGREEN_EMAIL_FROM", "The email address of the sender.", "regreen@example.com",
		text(func(c *Config) *string { return &c.Email.From }, mailAddress),
	},
	{
		"email.to", "REGREEN_EMAIL_TO", "The email addresses to send reports to.", "[team@example.com]",
		list(func(c *Config) *[]string { return &c.Email.To }, false, mailAddress),
	},
	{
		"email.tls", "REGREEN_EMAIL_TLS", "How to encrypt the connection: `starttls` (the default), `implicit` (usually port 465), or `none`, which never sends a password.", "implicit",
		text(func(c *Config) *string { return &c.Email.TLS }, oneOf("starttls", "implicit", "none")),
	},
	{
		"email.username", "REGREEN_EMAIL_USERNAME", "The user name to log in with. By default, there is no login.", "ci",
		text(func(c *Config) *string { return &c.Email.Username }, line),
	},
	{
		"email.password-env", "REGREEN_EMAIL_PASSWORD_ENV", "The environment variable that holds the password. Its name must start with `REGREEN_`.", "REGREEN_SMTP_PASSWORD",
		text(func(c *Config) *string { return &c.Email.PasswordEnv }, secretVariable),
	},
	{
		"webhooks", "REGREEN_WEBHOOKS", "Addresses to post reports to. Each has `url`, or `url-env` with the variable that holds the address, and can have `format` (`generic` or `slack`) and `secret-env`, the variable that holds the key to sign with. The environment variable takes one of them, as `format=slack,url=ADDRESS`.", "[{url-env: REGREEN_SLACK_URL, format: slack}]",
		webhooks,
	},
}

// files sets the files by their formats. Whether a format exists is for package deliver to
// check.
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

// output returns a path to write to. A file can only name one in the repository, because it may
// be untrusted; a variable can name any.
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
		return "", v.fault(hinted(fmt.Sprintf("%.40q is in the .git directory", s), "write to another directory"))
	}
	return s, nil
}

// webhooks sets the list of a file, or the one webhook of a variable, which has the same keys.
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

// webhook reads one webhook. In a file, which is shared, the address must not be a secret.
func (v value) webhook() (Webhook, error) {
	hook := Webhook{Format: "generic"}
	pairs, err := v.pairs()
	misread := hinted("is not written as key=value,key=value", "the keys are url, url-env, format and secret-env")
	switch {
	case err != nil && v.node == nil:
		return hook, misread // the other error quotes the address
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
		return hook, v.fault(hinted("needs one of url and url-env", "write url: for an address that anybody may know, or url-env: with the variable that holds it"))
	case hook.URL != "" && v.node != nil && (hook.Format == "slack" || secretive(hook.URL)):
		return hook, v.fault(hinted("the address is a secret, or contains one", "put it in a variable and write url-env: with the name of the variable"))
	}
	return hook, nil
}

// secretive reports whether an address has a part that is commonly a password or a key.
func secretive(s string) bool {
	u, err := url.Parse(s)
	return err != nil || u.User != nil || u.RawQuery != ""
}

// webAddress checks an address to post to. The messages do not quote it.
func webAddress(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return hinted("not a valid webhook URL", "write https://, a host and a path")
	}
	return nil
}

// secretVariable checks that a name is a REGREEN_ variable's, because an untrusted file
// decides where the value is sent. The message does not quote the name, which may be the
// secret itself.
func secretVariable(s string) error {
	if variable(s) != nil || !strings.HasPrefix(s, "REGREEN_") {
		return hinted("is not the name of a REGREEN_ variable", "put the secret in a variable whose name starts with REGREEN_, and write that name here")
	}
	return nil
}

func mailAddress(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || strings.ContainsAny(s, "\r\n") || !strings.Contains(a.Address, "@") {
		return hinted(fmt.Sprintf("%.60q is not a valid email address", s), "write it as name@example.com")
	}
	return nil
}

func hostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || host == "" || strings.ContainsAny(host, "/@ \t\n") {
		return hinted(fmt.Sprintf("%.60q is not a server with a port", s), "write it as smtp.example.com:587")
	}
	return nil
}
