package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/usererr"
)

func TestErrorText(t *testing.T) {
	t.Parallel()
	var c Config
	err := c.parse(File, []byte("test: make\nlog:\n  levle: debug\n"))
	want := `.regreen.yml:3:3: unknown key "log.levle"
    3 |   levle: debug
      |   ^`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	if got, want := usererr.Hint(err), `did you mean "log.level"?`; got != want {
		t.Errorf("got the hint %q, want %q", got, want)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text         string
		line, column int
		msg, hint    string
	}{
		{"bugdet: 20s\n", 1, 1, `unknown key "bugdet"`, `did you mean "budget"?`},
		{"test: x\nexclude_strategies: [x]\n", 2, 1, `unknown key "exclude_strategies"`, `did you mean "exclude-strategies"?`},
		{"Jobs: 2\n", 1, 1, `unknown key "Jobs"`, `did you mean "jobs"?`},
		{"format: json\n", 1, 1, `unknown key "format"`, `did you mean "format" below "log"?`},
		{"log.level: debug\n", 1, 1, `unknown key "log.level"`, `did you mean "level" below "log"?`},
		{"results: [a.xml, /r.xml]\n", 1, 18, "is an absolute path", "relative to the top of the repository"},
		{"results: [build/]\n", 1, 11, "is a directory", "build/**/*.xml"},
		{"results: [.]\n", 1, 11, "is a directory", "**/*.xml"},
		{"results: [./a/.Git/r.xml]\n", 1, 11, "is in the .git directory", "elsewhere"},
		{"results: ['[']\n", 1, 11, "is not a valid glob", "bracket"},
		{"results: [../r.xml]\n", 1, 11, "leads out of the repository", "relative"},
		{"colour: red\n", 1, 1, `unknown key "colour"`, "use one of test, results, carry, lang, base, budget"},
		{"hooks:\n  pre-comit: block\n", 2, 3, `unknown hook "pre-comit"`, `did you mean "pre-commit"?`},
		{"channels: [terminl]\n", 1, 12, `unknown channel "terminl"`, `did you mean "terminal"?`},
		{"channels: [file, pigeon]\n", 1, 18, `unknown channel "pigeon"`, "use one of terminal, file, artifact, summary, annotations, comment, suggestions, check, pull-request, email, webhook"},
		{"hooks:\n  pre-rebase: block\n", 2, 3, `unknown hook "pre-rebase"`, "use one of pre-commit, pre-merge-commit, commit-msg, post-commit"},
		{"budgets: {prepare-commit-msg: 1s}\n", 1, 11, `unknown hook "prepare-commit-msg"`, `did you mean "pre-merge-commit"?`},
		{"hooks:\n  post-checkout: block\n", 2, 18, `unknown value "block"`, "use one of background, off"},
		{"hooks:\n  pre-commit: blok\n", 2, 15, `unknown value "blok"`, `did you mean "block"?`},
		{"apply: alwys\n", 1, 8, `unknown value "alwys"`, `did you mean "always"?`},
		{"log:\n  level: loud\n", 2, 10, `unknown value "loud"`, "use one of debug, info, warn, error"},
		{"budget: 20\n", 1, 9, `"20" is not a duration`, "with its unit"},
		{"budget: 0s\n", 1, 9, "0s is out of range", "above 0s"},
		{"budget: -5s\n", 1, 9, "-5s is out of range", "above 0s"},
		{"budget: 25h\n", 1, 9, "25h0m0s is out of range", "up to 24h"},
		{"budget: [20s]\n", 1, 9, "must be a duration, such as 90s or 5m, not a list", ""},
		{"jobs: 0\n", 1, 7, `"0" is out of range`, "from 1 to 1024"},
		{"jobs: 2.5\n", 1, 7, `"2.5" is not a whole number`, "from 1 to 1024"},
		{"jobs: many\n", 1, 7, `"many" is not a whole number`, "from 1 to 1024"},
		{"jobs: true\n", 1, 7, "must be a whole number, not true or false", ""},
		{"seed: -1\n", 1, 7, `"-1" is out of range`, "whole number"},
		{"max-cost: 0\n", 1, 11, `"0" is out of range`, "above 0"},
		{"max-cost: $5\n", 1, 11, `"$5" is not a number`, "a number of dollars"},
		{"max-cost: NaN\n", 1, 11, `"NaN" is out of range`, "above 0"},
		{"max-cost: 1001\n", 1, 11, `"1001" is out of range`, "at most 1000"},
		{"confidence: 1.5\n", 1, 13, `"1.5" is out of range`, "at most 1"},
		{"confidence: .nan\n", 1, 13, `".nan" is not a number`, "at most 1"},
		{"confidence: NaN\n", 1, 13, `"NaN" is out of range`, "at most 1"},
		{"base: 1234567\n", 1, 7, "must be text, not a whole number", `write it in quotes: "1234567"`},
		{"base: --upload-pack=x\n", 1, 7, `"--upload-pack=x" is not a revision`, "a commit"},
		{"test:\n", 1, 7, "has no value", "remove the key"},
		{"test: ''\n", 1, 7, "is empty", ""},
		{"test: |\n  a\n  b\n", 1, 7, "must be one line", "script"},
		{"test: \"\\e[31m\"\n", 1, 7, "has a character that does not print", ""},
		{"test: [go, test]\n", 1, 7, "must be text, not a list", ""},
		{"log: text\n", 1, 6, "must be a mapping of names to values, not text", ""},
		{"strategies: imports\n", 1, 13, "must be a list, not text", "write [imports]"},
		{"strategies: [a, 3]\n", 1, 17, "must be text, not a whole number", ""},
		{"strategies: ['a b']\n", 1, 14, `"a b" is not a name`, ""},
		{"never: ['!x']\n", 1, 9, `"!x" negates a rule`, `under "allow"`},
		{"never: ['[']\n", 1, 9, `"[" is not a valid glob`, ""},
		{"never: ['../x']\n", 1, 9, `"../x" leads out of the repository`, ""},
		{"never: ['/']\n", 1, 9, `"/" has an empty part`, ""},
		{"allow: ['*.sum']\n", 1, 9, `"*.sum" is a glob`, "by its path"},
		{"allow: [./go.sum]\n", 1, 9, `"./go.sum" is not a plain relative path`, "without ./"},
		{"allow: [/etc/passwd]\n", 1, 9, `"/etc/passwd" is not a plain relative path`, ""},
		{"protected: ['a**b']\n", 1, 13, `"a**b" has ** in the wrong place`, ""},
		{"artifact: ../up\n", 1, 11, `"../up" is not a plain relative path`, ""},
		{"artifact: /tmp/x\n", 1, 11, `"/tmp/x" is not a plain relative path`, ""},
		{"files: {html: .git/hooks/pre-commit}\n", 1, 15, `".git/hooks/pre-commit" is in the .git directory`, "another directory"},
		{"files: {'a b': x}\n", 1, 9, `"a b" is not a name`, ""},
		{"files: [html]\n", 1, 8, "must be a mapping of names to values, not a list", ""},
		{"email: {server: smtp.example.com}\n", 1, 17, `"smtp.example.com" is not a server with a port`, "smtp.example.com:587"},
		{"email: {to: [nobody]}\n", 1, 14, `"nobody" is not a valid email address`, "name@example.com"},
		{"email: {tls: yes please}\n", 1, 14, `unknown value "yes please"`, "use one of starttls"},
		{"webhooks: [{format: slak, url: x}]\n", 1, 21, `unknown value "slak"`, `did you mean "slack"?`},
		{"webhooks: [{format: slack}]\n", 1, 12, "needs one of url and url-env", "url-env:"},
		{"webhooks: [{link: x}]\n", 1, 13, `unknown key "link"`, "use one of url"},
		{"test: x\ntest: y\n", 2, 1, `mapping key "test" already defined at [1:1]`, ""},
		{"---\ntest: x\n---\nbase: y\n", 4, 5, "is a second YAML document", ""},
		{"- a\n", 1, 1, "must be a mapping of names to values, not a list", ""},
		{"foo\n", 1, 1, "must be a mapping of names to values, not text", ""},
		{"1: x\n", 1, 1, `"1" is not a key`, ""},
		{"test: [\n", 1, 7, "']' not found", ""},
		{"test: &x make\n", 1, 7, "anchors and aliases are not supported", ""},
		{"log: &x {format: json}\n", 1, 6, "anchors and aliases are not supported", ""},
		{"log: *x\n", 1, 6, "anchors and aliases are not supported", ""},
		{"<<: {test: x}\n", 1, 1, "anchors and aliases are not supported", ""},
		{"test: !!str x\n", 1, 7, "tags are not supported", ""},
	} {
		var c Config
		err := c.parse(File, []byte(tt.text))
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%q: got error %v", tt.text, err)
			continue
		}
		if e.File != File || e.Line != tt.line || e.Column != tt.column {
			t.Errorf("%q: at %s:%d:%d, want %d:%d", tt.text, e.File, e.Line, e.Column, tt.line, tt.column)
		}
		if !strings.Contains(e.Msg, tt.msg) || !strings.Contains(e.Advice, tt.hint) {
			t.Errorf("%q: got %q, hint %q; want %q, hint %q", tt.text, e.Msg, e.Advice, tt.msg, tt.hint)
		}
		if line := strings.Split(tt.text, "\n")[tt.line-1]; e.Source != line {
			t.Errorf("%q: quotes %q, want %q", tt.text, e.Source, line)
		}
	}
}

func TestEnvironmentMistakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, want, hint string }{
		{"REGREEN_BUDGET", "20", `REGREEN_BUDGET: "20" is not a duration`, "write a number with its unit, such as 90s or 5m"},
		{"REGREEN_APPLY", "maybe", `REGREEN_APPLY: unknown value "maybe"`, "use one of auto, always, never"},
		{"REGREEN_HOOKS", "pre-commit", `REGREEN_HOOKS: "pre-commit" has no value`, "write name=value,name=value"},
		{"REGREEN_HOOKS", "pre-comit=off", `REGREEN_HOOKS: unknown hook "pre-comit"`, `did you mean "pre-commit"?`},
		{"REGREEN_LOG", "loud", `REGREEN_LOG: unknown value "loud"`, "use one of debug, info, warn, error"},
	} {
		_, err := Load(t.TempDir(), environ{tt.name: tt.value}.getenv)
		if err == nil || err.Error() != tt.want || usererr.Hint(err) != tt.hint {
			t.Errorf("%s=%s: got %v, hint %q; want %s, hint %q", tt.name, tt.value, err, usererr.Hint(err), tt.want, tt.hint)
		}
	}
}

// An address may hold a password, and users write a password where the name of its variable
// belongs. No error may repeat it.
func TestSecretsAreNotQuoted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"store: http://user:hunter2@example.com\n",
		"webhooks:\n  - url: ftp://user:hunter2@example.com\n",
		"webhooks:\n  - url: https://user:hunter2@example.com/hook\n",
		"webhooks:\n  - url: https://example.com/hook?key=hunter2\n",
		"webhooks:\n  - url: https://hooks.example.com/T1/hunter2\n    format: slack\n",
		"webhooks: [{url-env: hunter2}]\n",
		"webhooks: [{url-env: REGREEN_URL, secret-env: hunter2}]\n",
		"email:\n  password-env: hunter2\n",
	} {
		_, err := Load(write(t, map[string]string{File: text}), nil)
		if err == nil || strings.Contains(usererr.OneLine(err), "hunter2") {
			t.Errorf("%q: got error %v", text, err)
		}
	}
	for _, env := range []environ{
		{"REGREEN_STORE": "http://user:hunter2@example.com"},
		{"REGREEN_WEBHOOKS": "url=hunter2"},
		{"REGREEN_WEBHOOKS": "https://example.com/hunter2"},
		{"REGREEN_WEBHOOKS": "https://example.com/hunter2?a=b"},
		{"REGREEN_WEBHOOKS": "secret-env=hunter2"},
		{"REGREEN_EMAIL_PASSWORD_ENV": "hunter2"},
	} {
		if _, err := Load(t.TempDir(), env.getenv); err == nil || strings.Contains(usererr.OneLine(err), "hunter2") {
			t.Errorf("%v: got error %v", env, err)
		}
	}
	if c, err := Load(t.TempDir(), environ{"REGREEN_WEBHOOKS": "format=slack,url=https://hooks.example.com/T1/hunter2"}.getenv); err != nil || len(c.Webhooks) != 1 {
		t.Errorf("a variable with the address: %v, %v", c.Webhooks, err)
	}
}

func TestQuotedIsHarmless(t *testing.T) {
	t.Parallel()
	if got, want := quoted("a\x1b[2Jb\tc\u202ed", 1), "a\uFFFD[2Jb c\uFFFDd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := []rune(quoted(strings.Repeat("x", 5000), 1)); len(got) != 161 {
		t.Errorf("%d runes of a long line", len(got))
	}
	if got := quoted(strings.Repeat("x", 5000), 4000); got != "" {
		t.Errorf("quotes %q, but the mark would be past its end", got)
	}
}

// The former names of keys still work, but are neither listed nor suggested.
func TestFormerNames(t *testing.T) {
	t.Parallel()
	for _, r := range renamed {
		if key, ok := find(r.name); !ok || key.Name != r.now {
			t.Errorf("%s is the key %q", r.name, key.Name)
		}
		for _, k := range Keys() {
			if k.Name == r.name || k.Env == r.env {
				t.Errorf("Keys lists the former name %s", r.name)
			}
		}
		_, err := Load(write(t, map[string]string{File: r.name + "s: x\n"}), nil)
		if err == nil || !strings.Contains(err.Error(), "unknown key") || strings.Contains(err.Error(), strconv.Quote(r.name)) {
			t.Errorf("%ss: %v", r.name, err)
		}
	}
}

// Every key is documented, and its example sets exactly one field, the same from a file and
// from the variable.
func TestKeys(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	touched := map[string]string{}
	for _, k := range Keys() {
		if len(k.Doc) < 20 || !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s: doc %q is not a sentence", k.Name, k.Doc)
		}
		if seen[k.Name] || seen[k.Env] || !strings.HasPrefix(k.Env, "REGREEN_") {
			t.Errorf("%s, %s: used twice or misnamed", k.Name, k.Env)
		}
		seen[k.Name], seen[k.Env] = true, true

		text := k.Name + ": " + k.Example + "\n"
		if group, name, nested := strings.Cut(k.Name, "."); nested {
			text = fmt.Sprintf("%s:\n  %s: %s\n", group, name, k.Example)
		}
		fromFile, err := Load(write(t, map[string]string{File: text}), nil)
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		variable := strings.NewReplacer("[", "", "]", "", "{", "", "}", "", "'", "", ": ", "=").Replace(k.Example)
		fromEnv, err := Load(t.TempDir(), environ{k.Env: variable}.getenv)
		if err != nil {
			t.Errorf("%s: %v", k.Env, err)
		}
		if diff := cmp.Diff(fromFile, fromEnv); diff != "" {
			t.Errorf("%s: the file and the variable disagree (-file +variable):\n%s", k.Name, diff)
		}
		fields := set(reflect.ValueOf(fromFile), "")
		if len(fields) != 1 {
			t.Errorf("%s: sets %v", k.Name, fields)
			continue
		}
		if other := touched[fields[0]]; other != "" {
			t.Errorf("%s and %s set %s", other, k.Name, fields[0])
		}
		touched[fields[0]] = k.Name
	}
	if all := reflect.TypeFor[Config]().NumField() - 2 + reflect.TypeFor[Log]().NumField() + reflect.TypeFor[Email]().NumField(); len(touched) != all {
		t.Errorf("keys set %d fields of %d", len(touched), all)
	}
}

// set returns the names of the fields that are not zero.
func set(v reflect.Value, prefix string) (fields []string) {
	for i := range v.NumField() {
		name := prefix + v.Type().Field(i).Name
		switch field := v.Field(i); {
		case field.Kind() == reflect.Struct:
			fields = append(fields, set(field, name+".")...)
		case !field.IsZero():
			fields = append(fields, name)
		}
	}
	return fields
}

// The parser would take too long for these files, so they are refused before.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'z'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	stairs := ""
	for i := range 350 {
		stairs += strings.Repeat(" ", i) + "a:\n"
	}
	many := ""
	for i := range 5000 {
		many += fmt.Sprintf("k%d: 1\n", i)
	}
	long := func(unit string) string {
		return strings.Repeat(strings.Repeat(unit, 960/len(unit))+"\n", 32)
	}
	for name, text := range map[string]string{
		"aliases": bomb, "stairs": stairs, "keys": many,
		"brackets": strings.Repeat("[", MaxSize), "braces": strings.Repeat("{a: ", 64), "one line": strings.Repeat("- ", MaxSize/2),
		"dashes": long("- "), "colons": long("a: "), "questions": long("? "), "anchors": long("&a "), "quotes": long("\""), "tags": long("!!a "), "items": "never: [\n" + long("a, ") + "]",
	} {
		start := time.Now()
		var c Config
		if err := c.parse(File, []byte(text)); err == nil && name != "items" {
			t.Errorf("%s: no error", name)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: reading took %s", name, took)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var names []string
		for _, k := range keys {
			if len(k.Name) > 4 && !strings.Contains(k.Name, ".") {
				names = append(names, k.Name)
			}
		}
		name := rapid.SampledFrom(names).Draw(t, "name")
		i := rapid.IntRange(0, len(name)-2).Draw(t, "i")
		swapped := name[:i] + name[i+1:i+2] + name[i:i+1] + name[i+2:]
		if got := Nearest(swapped, names); got != name {
			t.Errorf("Nearest(%q) = %q, want %q", swapped, got, name)
		}
	})
}

func TestDistance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-c]{0,6}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Errorf("distance(%q, %q) = %d", a, b, d)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, k := range keys {
		f.Add(k.Name + ": " + k.Example + "\n")
	}
	for _, seed := range []string{"", "~", "log:\n  level: debug\n", "a: &a [*a]\n", "? a\n: b\n", "- a\n", "test: |\n  a\n", "{", "---\n---\n", "%YAML 1.2\n---\na: b", "\uFEFF", "test: \"\\x1b\"\n", "!!x y: z\n", "hooks: {? a : b}\n", "\r0", "allow: a\x1b\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		var c Config
		err := c.parse(File, []byte(text))
		if err == nil {
			return
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Msg == "" || e.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 {
			t.Errorf("%q: %#v", text, err)
		}
		if strings.ContainsAny(e.Source+e.Msg+e.Advice, "\x1b\n") {
			t.Errorf("%q: quotes control characters: %#v", text, e)
		}
	})
}
