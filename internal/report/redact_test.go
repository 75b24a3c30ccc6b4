package report

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fakeToken returns a token. It is assembled at run time, so that scanners do not report this file.
func fakeToken(prefix string, n int) string {
	return prefix + strings.Repeat("aB3dE5gH", n/8+1)[:n]
}

func TestRedactTokens(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat("0123456789abcdef", 4)
	for name, secret := range map[string]string{
		"GitHub":          fakeToken("gh"+"p_", 36),
		"GitHub Actions":  fakeToken("gh"+"s_", 36),
		"GitHub fine":     fakeToken("github"+"_pat_", 22) + "_" + fakeToken("", 59),
		"GitLab":          fakeToken("gl"+"pat-", 20),
		"Slack":           "xo" + "xb-123456789012-" + fakeToken("", 24),
		"AWS":             "AK" + "IA" + strings.ToUpper(fakeToken("", 16)),
		"Google":          "AI" + "za" + fakeToken("", 35),
		"Stripe":          fakeToken("sk_"+"live_", 24),
		"Anthropic":       fakeToken("sk-"+"ant-", 40),
		"OpenAI":          fakeToken("sk-"+"proj-", 40),
		"npm":             fakeToken("np"+"m_", 36),
		"PyPI":            fakeToken("py"+"pi-", 60),
		"DigitalOcean":    "do" + "p_v1_" + hex,
		"SendGrid":        "S" + "G." + fakeToken("", 22) + "." + fakeToken("", 43),
		"Hugging Face":    fakeToken("h"+"f_", 34),
		"JSON Web Token":  "ey" + fakeToken("J", 20) + ".ey" + fakeToken("J", 40) + "." + fakeToken("", 43),
		"Docker":          fakeToken("dckr"+"_pat_", 27),
		"Slack's webhook": "https://hooks." + "slack.com/services/T00000000/B00000000/" + fakeToken("", 24),
	} {
		for _, around := range [][2]string{{"", ""}, {"token=", " was refused"}, {`{"key":"`, `"}`}, {"+\tconst key = \"", "\"\n"}} {
			r := &Report{Notes: []string{around[0] + secret + around[1]}}
			r.Redact(nil)
			got := r.Notes[0]
			if strings.Contains(got, secret[len(secret)-8:]) || !strings.Contains(got, redacted) {
				t.Errorf("%s: %q", name, got)
			}
			if name != "Slack's webhook" && got != around[0]+redacted+around[1] {
				t.Errorf("%s: redacted more or less than the token: %q", name, got)
			}
		}
	}
}

func TestRedactPlaces(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END " + "RSA PRIVATE KEY-----"
	for text, want := range map[string]string{
		"dial postgres://app:hunter22@db:5432/x?y=1":               "dial postgres://***@db:5432/x?y=1",
		"https://" + fakeToken("", 40) + "@example.com/x.git":      "https://***@example.com/x.git",
		"redis://:s3cret@localhost":                                "redis://***@localhost",
		"Authorization: Bearer " + fakeToken("", 30):               "Authorization: Bearer ***",
		`"authorization": "Basic dXNlcjpwYXNzd29yZA=="`:            `"authorization": "Basic ***"`,
		"GET /x?access_token=" + fakeToken("", 20) + "&page=2 404": "GET /x?access_token=***&page=2 404",
		"read " + key + " from file":                               "read -----BEGIN " + "RSA PRIVATE KEY-----***-----END " + "RSA PRIVATE KEY----- from file",
		"AUTHORIZATION: Bearer " + fakeToken("", 30):               "AUTHORIZATION: Bearer ***",
		"cut " + key[:40]:                                          "cut -----BEGIN " + "RSA PRIVATE KEY-----***",
	} {
		r := &Report{Failures: []Failure{{Output: text}}}
		r.Redact(nil)
		if got := r.Failures[0].Output; got != want {
			t.Errorf("%q:\n got %q\nwant %q", text, got, want)
		}
	}
}

// TestRedactLeavesTheRest checks that text that only resembles a secret stays.
func TestRedactLeavesTheRest(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"commit 32c6194f2b8a6f1d3c5e7a9b1d3f5a7c9e1b3d5f", "550e8400-e29b-41d4-a716-446655440000",
		"github.com/spf13/pflag v1.1.0 h1:4EBh2KAYBwaONj6b2Ye1GiHfwjqyROoF4RwYO+vPwFk=",
		"git@github.com:regreen-ci/regreen.git", "https://example.com/@user/x", "https://example.com:8080/a@b", "import sk-learn; task-runner",
		"TestParse/ghp_short", "http://localhost:8080/x?token=short", "AKIAlower", "-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----",
		"mail to a.person@example.com", "var_token_names = 3", "got token=, want token=", "https://[::1]:443/", "ssh://git@host/repo",
	} {
		r := &Report{Notes: []string{text}}
		r.Redact(nil)
		if r.Notes[0] != text {
			t.Errorf("%q became %q", text, r.Notes[0])
		}
	}
}

// TestRedactOrigin checks that texts from a source are redacted.
func TestRedactOrigin(t *testing.T) {
	t.Parallel()
	origin := func() *PatchOrigin {
		return &PatchOrigin{Source: "model", Model: "https://app:hunter22@host/v1", Answer: "hunter22!"}
	}
	r := &Report{Patches: []Patch{{Origin: origin()}}, Attempts: []Attempt{{Origin: origin()}, {}}}
	r.Redact([]string{"hunter22!"})
	want := PatchOrigin{Source: "model", Model: "https://***@host/v1", Answer: "***"}
	if *r.Patches[0].Origin != want || *r.Attempts[0].Origin != want {
		t.Errorf("got %+v, %+v", *r.Patches[0].Origin, *r.Attempts[0].Origin)
	}
}

func TestRedactPatch(t *testing.T) {
	t.Parallel()
	r := &Report{Patches: []Patch{{Diff: "+\tpassword := \"hunter22!\"\n"}, {Diff: "+\tx++\n"}}}
	r.Redact([]string{"hunter22!"})
	if r.Patches[0].Diff != "+\tpassword := \"***\"\n" || !r.Patches[0].Redacted || r.Patches[1].Redacted {
		t.Errorf("%+v", r.Patches)
	}
}

// TestRedactedCanBeRead checks that a report is readable and has the same verdict after
// redaction, whatever the secrets are.
func TestRedactedCanBeRead(t *testing.T) {
	t.Parallel()
	secrets := append([]string{"template/guard", "0302-091512-k7", "suggestions", "stats/mean.go", "p-3f2a0000"}, slices.Concat(words(verdicts), modes, words(attemptStages), words(attemptVerdicts))...)
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		verdict := r.Verdict
		r.Redact(Secrets([]string{"A_TOKEN=" + rapid.SampledFrom(secrets).Draw(t, "secret"), "B_SECRET=" + r.ID}))
		b, err := JSON(r)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := Read(b); err != nil || read.Verdict != verdict {
			t.Fatalf("%v", err)
		}
	})
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	got := Secrets([]string{
		"PATH=/usr/bin:/bin", "DEPLOY_TOKEN=abcdefgh12", "db_password=hunter22!", "SHORT_TOKEN=abc", "EMPTY_SECRET=", "NO_EQUALS_TOKEN",
		"SSH_PRIVATE_KEY=first line\nsecond line\n", "POSTGRES_PASSWORD=postgres", "AZURE_DEVOPS_EXT_PAT=a1b2c3d4e5",
		"DATABASE_URL=postgres://app:swordfish1@db/x", "PATTERN=a1b2c3d4e5f6", "REGREEN_WEBHOOK_KEY=plainsigningkey123",
	})
	want := "first line\nsecond line\n|plainsigningkey123|second line|abcdefgh12|first line|a1b2c3d4e5|swordfish1|hunter22!"
	if strings.Join(got, "|") != want {
		t.Errorf("got %q", got)
	}
}

// TestRedactProperty checks that a secret is redacted wherever and however it is printed.
func TestRedactProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z0-9!"\\/+= é]{7,20}[A-Za-z0-9]`).Draw(t, "secret")
		r := reports().Draw(t, "report")
		put := func(s *string) { *s = *s + secret }
		put(&r.Command)
		put(&r.Environment.Branch)
		for i := range r.Failures {
			put(&r.Failures[i].Message)
			quoted, _ := json.Marshal(secret)
			r.Failures[i].Output += string(quoted)
		}
		for i := range r.Attempts {
			put(&r.Attempts[i].Reason)
		}
		r.Redact(Secrets([]string{"MY_SECRET=" + secret}))
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		quoted, _ := json.Marshal(secret)
		inner := string(quoted[1 : len(quoted)-1])
		if strings.Contains(string(b), inner) || strings.Contains(r.Command, secret) {
			t.Fatalf("%q leaked", secret)
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	r := &Report{Results: make([]Result, 50_000)}
	for i := range r.Results {
		r.Results[i] = Result{Package: "github.com/regreen-ci/regreen/internal/report", Test: "TestSomething/with_a_name", Status: ResultPassed}
	}
	for b.Loop() {
		r.Redact([]string{"hunter22!"})
	}
}
