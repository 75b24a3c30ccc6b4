package session

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/witness"
)

// mattering are the variables that the go command and the tests of most projects go by.
var mattering = []string{
	"GOFLAGS", "GOOS", "GOARCH", "GOAMD64", "GOARM", "GOARM64", "GO386", "GOEXPERIMENT", "GODEBUG", "GOTOOLCHAIN", "GOWORK", "GOFIPS140",
	"CGO_ENABLED", "CC", "CGO_CFLAGS", "CGO_LDFLAGS", "TZ", "LANG", "LC_ALL",
}

// WitnessKey is what the outcome of the tests of a tree depends on, as far as it can
// be told without running anything. The files of the configuration that are tracked
// are part of the tree.
func WitnessKey(tree string, cfg config.Config, environ []string) witness.Key {
	k := witness.Key{Tree: tree, Command: cfg.Test}
	programs := []string{"go"}
	if words := strings.Fields(cfg.Test); len(words) > 0 && words[0] != "go" {
		programs = append(programs, words[0])
	}
	for _, program := range programs {
		k.Toolchain = append(k.Toolchain, fingerprint(program))
	}
	getenv := Getenv(environ)
	for _, name := range append(mattering[:len(mattering):len(mattering)], cfg.WitnessEnv...) {
		if value := getenv(name); value != "" {
			k.Environ = append(k.Environ, name+"="+value)
		}
	}
	return k
}

// fingerprint tells one program from its other versions.
func fingerprint(program string) string {
	name, err := exec.LookPath(program)
	if err != nil {
		return program
	}
	info, err := os.Stat(name)
	if err != nil {
		return name
	}
	return fmt.Sprintf("%s %d %d", name, info.Size(), info.ModTime().UnixNano())
}
