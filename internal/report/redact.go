package report

import (
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// redacted replaces a secret.
const redacted = "***"

// ordinary matches values that are words rather than secrets, such as "postgres" for the
// password of a temporary database. Redacting them would damage paths.
var ordinary = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[a-z]{1,11}|[A-Z]{1,11})$`) })

// minSecret is the shortest value that counts as a secret, in bytes. Shorter ones are too
// likely to be part of other text.
const minSecret = 8

// secretName matches names of variables with secret values. Package testrun hides such
// variables from tests by the same words and a few more.
var secretName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIAL|(^|_)(AUTH|PAT|PGPASS)(_|$)|AUTHORIZATION|^REGREEN_\w*(KEY|URL|HOOK)`)
})

// Secrets returns the values of the variables in environ ("NAME=value") with names like
// secrets, and the passwords in the URLs of the others, the longest first.
func Secrets(environ []string) []string {
	var out []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if secretName().MatchString(name) {
			out = append(out, value)
			for line := range strings.Lines(value) { // a key can be printed line by line
				if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
					out = append(out, line)
				}
			}
		}
		if strings.Contains(value, "://") {
			if u, err := url.Parse(value); err == nil && u.User != nil {
				password, _ := u.User.Password()
				out = append(out, password)
			}
		}
	}
	out = slices.DeleteFunc(out, func(s string) bool { return len(s) < minSecret || ordinary().MatchString(s) })
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(out)
}

// token is a recognizable form of secrets. The prefix is quick to search for.
type token struct{ prefix, rest string }

var tokens = []token{
	{"ghp_", `[A-Za-z0-9]{20,}`},
	{"gho_", `[A-Za-z0-9]{20,}`},
	{"ghu_", `[A-Za-z0-9]{20,}`},
	{"ghs_", `[A-Za-z0-9]{20,}`},
	{"ghr_", `[A-Za-z0-9]{20,}`},
	{"github_pat_", `[A-Za-z0-9_]{20,}`},
	{"glpat-", gitlab},
	{"gldt-", gitlab},
	{"glrt-", gitlab},
	{"glptt-", gitlab},
	{"glsoat-", gitlab},
	{"glcbt-", gitlab},
	{"xox", `[abeoprs]-[A-Za-z0-9-]{10,}`},
	{"xapp-", `[0-9]-[A-Za-z0-9-]{10,}`}, // Slack
	{"AKIA", `[0-9A-Z]{16}\b`},
	{"ASIA", `[0-9A-Z]{16}\b`}, // AWS
	{"AIza", `[0-9A-Za-z_-]{35}`},
	{"ya29.", `[0-9A-Za-z_-]{20,}`}, // Google
	{"sk_live_", stripe},
	{"sk_test_", stripe},
	{"rk_live_", stripe},
	{"rk_test_", stripe},
	{"whsec_", stripe},
	{"sk-", `(?:(?:ant|proj|svcacct|admin)-[A-Za-z0-9_-]{16,}|[A-Za-z0-9]{40,})`}, // Anthropic, OpenAI
	{"npm_", `[A-Za-z0-9]{30,}`},
	{"pypi-", `[A-Za-z0-9_-]{40,}`},
	{"dckr_pat_", `[A-Za-z0-9_-]{20,}`},
	{"hf_", `[A-Za-z0-9]{30,}`},
	{"dop_v1_", `[0-9a-f]{40,}`},
	{"doo_v1_", `[0-9a-f]{40,}`},                      // DigitalOcean
	{"SG.", `[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`}, // SendGrid
	{"shpat_", `[0-9a-fA-F]{32}`},
	{"shpss_", `[0-9a-fA-F]{32}`},                                         // Shopify
	{"eyJ", `[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`}, // JSON Web Token (RFC 7519)
}

const (
	gitlab = `[A-Za-z0-9_.-]{16,}`
	stripe = `[0-9A-Za-z]{16,}`
)

// tokenForms returns the expressions for the tokens, in the same order.
var tokenForms = sync.OnceValue(func() []*regexp.Regexp {
	forms := make([]*regexp.Regexp, len(tokens))
	for i, f := range tokens {
		forms[i] = regexp.MustCompile(`\b` + regexp.QuoteMeta(f.prefix) + f.rest)
	}
	return forms
})

// secretPlaces matches contexts of secrets; the text of the groups is kept.
var secretPlaces = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(
		`(?i)(authorization["']?\s*[:=]\s*["']?(?:bearer|basic|token)\s+)[A-Za-z0-9+/=._~-]{8,}` +
			`|(\bhttps://hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]{16,}` +
			`|([?&](?:access_token|api_key|apikey|auth|client_secret|password|sig|signature|token|x-amz-signature)=)[^&\s"'<>]{8,}`)
})

// urlCredentials matches a user and a password, or a token, before the host of a URL (RFC
// 3986, 3.2.1).
var urlCredentials = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b([A-Za-z][A-Za-z0-9+.-]*://)(?:[^\s/?#@:"'<>]*:[^\s/?#@"'<>]+|[^\s/?#@:"'<>]{20,})@`)
})

// privateKeys matches PEM (RFC 7468) and OpenPGP key blocks, even if they are cut off.
var privateKeys = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----).*?(-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)`)
})

// Redact replaces, in place, the secrets in every text of the report: the given values (see
// Secrets), in every form in which they are printed, and what looks like a token, a private
// key or the credentials of a URL. A patch whose diff contains one becomes Redacted: it can
// be read, but not applied.
func (r *Report) Redact(secrets []string) {
	red := newRedactor(secrets)
	diffs := make([]string, len(r.Patches))
	for i := range r.Patches {
		diffs[i] = r.Patches[i].Diff
	}
	red.walk(reflect.ValueOf(r).Elem())
	for i := range r.Patches {
		r.Patches[i].Redacted = r.Patches[i].Redacted || r.Patches[i].Diff != diffs[i]
	}
}

type redactor struct{ values *strings.Replacer }

func newRedactor(secrets []string) *redactor {
	var pairs []string
	for _, s := range secrets {
		quoted := strconv.Quote(s)
		for _, form := range []string{s, quoted[1 : len(quoted)-1], url.QueryEscape(s), url.PathEscape(s)} {
			if len(form) >= minSecret {
				pairs = append(pairs, form, redacted)
			}
		}
	}
	return &redactor{strings.NewReplacer(pairs...)}
}

func (red *redactor) text(s string) string {
	if len(s) < minSecret {
		return s
	}
	if strings.Contains(s, "PRIVATE KEY") { // before the values, which can include its first line
		s = privateKeys().ReplaceAllString(s, "${1}"+redacted+"${2}")
	}
	s = red.values.Replace(s)
	if strings.Contains(s, "://") {
		s = urlCredentials().ReplaceAllString(s, "${1}"+redacted+"@")
	}
	for i := range tokens {
		if strings.Contains(s, tokens[i].prefix) {
			s = tokenForms()[i].ReplaceAllString(s, redacted)
		}
	}
	if strings.ContainsAny(s, ":=") { // each of them contains one
		s = secretPlaces().ReplaceAllString(s, "${1}${2}${3}"+redacted)
	}
	return s
}

// ownWords returns the values of the schema. They are not redacted, or the report could not
// be read.
var ownWords = sync.OnceValue(func() map[string]bool {
	own := make(map[string]bool)
	for _, words := range [][]string{
		words(verdicts), modes, policies, words(failureStatuses), words(clusterStatuses), words(patchStates),
		words(attemptStages), words(attemptVerdicts), words(alertLevels), words(receiptStates), words(resultStatuses),
		{Schema},
	} {
		for _, w := range words {
			own[w] = true
		}
	}
	return own
})

// walk redacts everything in v except ownWords, the contents of maps, and fields tagged as
// generated by regreen.
func (red *redactor) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); s != "" && !ownWords()[s] {
			if t := red.text(s); t != s {
				v.SetString(t)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			red.walk(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			red.walk(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && v.Type().Field(i).Tag.Get("redact") != "never" {
				red.walk(f)
			}
		}
	}
}
