package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/testrun"
)

const configurationPage = "docs/configuration.md"

// group is a table of the page.
type group struct {
	title, intro string
	keys         []string
}

var groups = []group{
	{"Tests", "How tests run, and what a run is compared with.", []string{"test", "results", "carry", "lang", "base", "timeout", "jobs", "documents", "cache-env"}},
	{"The search", "Where regreen looks for a patch, and for how long.", []string{"budget", "max-cost", "strategies", "exclude-strategies", "seed"}},
	{"What may change", "When a verified patch is applied, and which files a patch may edit.", []string{"apply", "confidence", "protected", "never", "allow"}},
	{"Hooks", "What the [hooks](hooks.md) do.", []string{"hooks", "budgets", "timeouts", "underway"}},
	{"Reports", "Where the [report](report.md) goes; [channels.md](channels.md) describes the channels.", []string{
		"channels", "files", "artifact", "email.server", "email.from", "email.to", "email.tls", "email.username", "email.password-env", "webhooks",
	}},
	{"Log and store", "", []string{"log.format", "log.level", "store"}},
}

// defaults are those of keys whose text does not say what happens by default.
func defaults() map[string]string {
	return map[string]string{
		"timeout":    minutes(testrun.DefaultTimeout),
		"seed":       "1",
		"apply":      detect.Environment{Mode: detect.Development}.Defaults().Policy,
		"confidence": fmt.Sprint(repair.DefaultConfidence),
		"strategies": "all",
		"hooks":      "block; post-merge warns, post-checkout and post-rewrite run in the background",
		"budgets":    "as `budget`",
		"protected":  "none",
		"log.format": "text; json in CI",
		"log.level":  "warn",
		"store":      "`.git/regreen/learn.db`",
		"channels":   "[by where regreen runs](channels.md)",
	}
}

// minutes returns a duration as users write it.
func minutes(d time.Duration) string {
	return regexp.MustCompile(`m0s$`).ReplaceAllString(d.String(), "m")
}

// TestBudgetsDocumented checks that the text of the key budget has the budgets of the code.
func TestBudgetsDocumented(t *testing.T) {
	t.Parallel()
	for _, key := range config.Keys() {
		if key.Name != "budget" {
			continue
		}
		for _, env := range []detect.Environment{
			{Mode: detect.Development, Event: "manual"},
			{Mode: detect.Development, Event: "pre-commit"},
			{Mode: detect.Development, Event: "pre-push"},
			{Mode: detect.Production, Event: "push"},
		} {
			if budget := minutes(env.Defaults().Budget); !strings.Contains(key.Doc, budget) {
				t.Errorf("%s at %s has %s, which the text lacks: %s", env.Mode, env.Event, budget, key.Doc)
			}
		}
	}
}

// TestConfigurationPage keeps the page to the keys.
func TestConfigurationPage(t *testing.T) {
	t.Parallel()
	checkBlock(t, configurationPage, "keys", keysText(t))
}

// keysText returns a table for each group.
func keysText(t *testing.T) string {
	t.Helper()
	keys, values := config.Keys(), defaults()
	shown := 0
	var b strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n", g.title)
		if g.intro != "" {
			b.WriteString(g.intro + "\n\n")
		}
		b.WriteString("| Key, variable | Meaning | Default | Example |\n|---|---|---|---|\n")
		for _, name := range g.keys {
			i := slices.IndexFunc(keys, func(k config.Key) bool { return k.Name == name })
			if i < 0 {
				t.Errorf("there is no key %s", name)
				continue
			}
			shown++
			meaning, otherwise := split(keys[i].Doc)
			if value, ok := values[name]; ok && otherwise != "" {
				t.Errorf("%s: its text has a default, and so has this test: %s", name, value)
			} else if ok {
				otherwise = value
			}
			fmt.Fprintf(&b, "| `%s`<br>`%s` | %s | %s | `%s` |\n", name, keys[i].Env, cell(meaning), cell(otherwise), strings.ReplaceAll(keys[i].Example, "|", `\|`))
		}
	}
	if shown != len(keys) {
		t.Errorf("the groups have %d keys, and there are %d", shown, len(keys))
	}
	return b.String() + "\n"
}

// split returns the sentences of a key's text, and what is so by default.
func split(text string) (meaning, otherwise string) {
	var sentences []string
	for sentence := range strings.SplitSeq(text, ". ") {
		if rest, ok := strings.CutPrefix(sentence, "By default, "); ok {
			otherwise = strings.TrimSuffix(rest, ".")
		} else {
			sentences = append(sentences, strings.TrimSuffix(sentence, "."))
		}
	}
	return strings.Join(sentences, ". ") + ".", otherwise
}

var pageName = regexp.MustCompile(`\bdocs/(\w+\.md)\b`)

// cell returns text as a cell of a table; globs in it are not emphasis.
func cell(text string) string {
	words := strings.Split(strings.ReplaceAll(text, "|", `\|`), " ")
	for i, word := range words {
		if strings.Contains(word, "*") && !strings.Contains(word, "`") {
			glob := strings.TrimRight(word, ",;.")
			words[i] = "`" + glob + "`" + word[len(glob):]
		}
	}
	return pageName.ReplaceAllString(strings.Join(words, " "), "[$1]($1)")
}

// TestConfigurationExample checks that regreen reads the file on the page.
func TestConfigurationExample(t *testing.T) {
	t.Parallel()
	dir, files := t.TempDir(), 0
	for _, block := range fences.FindAllStringSubmatch(read(t, configurationPage), -1) {
		if block[1] != "yaml" {
			continue
		}
		files++
		if err := os.WriteFile(filepath.Join(dir, ".regreen.yml"), []byte(block[2]), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(dir, func(string) string { return "" }); err != nil {
			t.Error(err)
		}
	}
	if files == 0 {
		t.Error("the page has no file")
	}
}
