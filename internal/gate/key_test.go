package gate

import (
	"testing"

	"github.com/regreen-ci/regreen/internal/config"
)

// What matters to a run gives another key, what does not the same.
func TestKey(t *testing.T) {
	t.Parallel()
	base := Key("tree", config.Config{WitnessEnv: []string{"DB"}}, []string{"HOME=/a", "GOFLAGS=-race", "DB=x"}).ID()
	for _, tc := range []struct {
		name    string
		tree    string
		cfg     config.Config
		environ []string
		same    bool
	}{
		{"another home", "tree", config.Config{WitnessEnv: []string{"DB"}}, []string{"HOME=/b", "GOFLAGS=-race", "DB=x", "EDITOR=vi"}, true},
		{"another tree", "tree2", config.Config{WitnessEnv: []string{"DB"}}, []string{"GOFLAGS=-race", "DB=x"}, false},
		{"other flags", "tree", config.Config{WitnessEnv: []string{"DB"}}, []string{"DB=x"}, false},
		{"another value of what is configured", "tree", config.Config{WitnessEnv: []string{"DB"}}, []string{"GOFLAGS=-race", "DB=y"}, false},
		{"another command", "tree", config.Config{WitnessEnv: []string{"DB"}, Test: "make test"}, []string{"GOFLAGS=-race", "DB=x"}, false},
	} {
		if got := Key(tc.tree, tc.cfg, tc.environ).ID(); (got == base) != tc.same {
			t.Errorf("%s: same %t", tc.name, got == base)
		}
	}
}
