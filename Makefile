# Run `make` for the list of targets.

# Pinned, and fetched by the go command on first use.
gofumpt     := mvdan.cc/gofumpt@v0.12.0
staticcheck := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# What `regreen version` prints: the tag or the commit.
version := $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null)
ldflags := -s -w $(if $(version),-X main.version=$(version))

# The bugs that bench-repair runs on.
BUGS   ?= bench/repair/bugs.json
BUDGET ?= 60s
# Flags for the bench, such as BENCHFLAGS='-only semver-at-least -out result.json'.
BENCHFLAGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@echo "make TARGET, where TARGET is one of"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-27s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: bin/regreen bin/regreen-gate bin/regreen-action ## Build the binaries into bin/

# The go command decides what is up to date, so these rules always run.
.PHONY: bin/regreen bin/regreen-gate bin/regreen-action
bin/regreen: package := ./cmd/hook
bin/regreen-gate: package := ./cmd/gate
bin/regreen-action: package := ./cmd/action
bin/regreen bin/regreen-gate bin/regreen-action:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(ldflags)' -o $@ $(package)

.PHONY: install
install: ## Install the binaries into PREFIX/bin, or where `go install` puts them
	@scripts/install.sh $(PREFIX)

.PHONY: release
release: ## Build a release into dist and check it against action/release.json (VERSION=v0.1.0)
	scripts/release.sh build '$(VERSION)' dist
	scripts/release.sh check '$(VERSION)' dist

.PHONY: release-table
release-table: ## Write action/release.json; commit it before the tag (VERSION=v0.1.0)
	scripts/release.sh table '$(VERSION)'

.PHONY: demo
demo: bin/regreen bin/regreen-gate ## Watch a commit being blocked and repaired (KEEP=1 keeps the directory)
	@scripts/demo.sh

.PHONY: setup
setup: ## Install the programs that the tests need and that are missing (SETUP=never only lists them)
	@scripts/setup.sh

screenshots := REGREEN_SCREENSHOTS='$(CURDIR)/bin/screenshots'
# By default a process with the race detector sleeps for a second before it exits, and the
# tests start many.
race := CGO_ENABLED=1 GORACE=atexit_sleep_ms=0 $(screenshots) go test -race
# `make test` runs these packages without the race detector: they start no goroutines, or,
# like the scripts of cmd/hook, start regreen so often that it takes five times as long.
unraced := regreen/(cmd/hook|internal(/(report|patch|resultfile|confine|config|workflows))?|docs|bench/.*|action|scripts)$$

.PHONY: test
test: setup ## Vet, and run all tests, those of concurrent code with the race detector
	go vet ./...
	@plain="$$(mktemp)"; trap 'rm -f "$$plain"' EXIT; status=0; \
	$(screenshots) go test -timeout 15m $$(go list ./... | grep -E '$(unraced)') >"$$plain" 2>&1 & \
	$(race) -timeout 11m $$(go list ./... | grep -vE '$(unraced)') || status=1; \
	wait $$! || status=1; cat "$$plain"; exit $$status

# Tests that `make check` leaves to `make test`: they run workflows, other hook managers, all
# commands of the documentation, or kill regreen at every point.
slow := ^Test(Act.*|HookManagers|HookKilledAnywhere|InstallKilledAnywhere|InterruptedAnywhere|Commands|Examples|HelpShown|Browser.*|Reproducible|BuiltFromSource)$$

# The revision that `make check` compares the working tree with.
SINCE ?= HEAD

.PHONY: check
check: ## Check quickly what the working tree changes: format, vet, lint, short tests (SINCE=main)
	@GOFUMPT=$(gofumpt) STATICCHECK=$(staticcheck) SLOW='$(slow)' scripts/check.sh '$(SINCE)'

.PHONY: race
race: setup ## Run all tests with the race detector (15 minutes on two cores)
	$(race) -timeout 20m ./...

# How long `make fuzz` runs each Fuzz function.
FUZZTIME ?= 60s

.PHONY: fuzz
fuzz: ## Fuzz the readers of untrusted patches, names and reports (FUZZTIME=60s each)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh internal/patch internal/confine internal/syntax internal/resultfile internal/report

# The code that is added to package testing in programs with mutants. It needs its build tag.
pool := ./internal/lang/golang/schemata/pool

.PHONY: lint
lint: ## Check formatting, vet, and run staticcheck
	@unformatted="$$(CGO_ENABLED=0 go run $(gofumpt) -l .)" || exit 1; \
	if [ -n "$$unformatted" ]; then \
		echo "not formatted with gofumpt:"; echo "$$unformatted"; \
		echo "hint: go run $(gofumpt) -w ."; exit 1; \
	fi
	CGO_ENABLED=0 go vet ./...
	CGO_ENABLED=0 go run $(staticcheck) ./...
	CGO_ENABLED=0 go vet -tags regreen_pool $(pool)
	CGO_ENABLED=0 GOOS=windows go vet -tags regreen_pool $(pool)
	CGO_ENABLED=0 go run $(staticcheck) -tags regreen_pool $(pool)

.PHONY: bench-repair-commit
bench-repair-commit: bin/regreen ## Measure how often a commit with one wrong token is repaired
	go run ./bench/repair -regreen bin/regreen -bugs bench/repair/commits.json -budget 20s -commit $(BENCHFLAGS)

.PHONY: bench-green
bench-green: bin/regreen bin/regreen-gate ## Compare regreen with go test on published modules, nothing to repair
	go run ./bench/green $(BENCHFLAGS)

.PHONY: bench-hooks
bench-hooks: bin/regreen bin/regreen-gate ## Measure what a commit costs under each hook manager (strace counts execs)
	go run ./bench/hooks $(BENCHFLAGS)

.PHONY: bench-patch
bench-patch: ## Measure applying patches, compared with git apply and GNU patch
	go run ./bench/patch $(BENCHFLAGS)

.PHONY: bench-report
bench-report: bin/regreen ## Measure writing reports in each format, compared with gotestsum and junit-to-ctrf
	go run ./bench/report -regreen bin/regreen $(BENCHFLAGS)

.PHONY: bench-repair
bench-repair: bin/regreen ## Measure how many seeded bugs are repaired (BUGS=FILE BUDGET=60s)
	go run ./bench/repair -regreen bin/regreen -bugs $(BUGS) -budget $(BUDGET) $(BENCHFLAGS)

.PHONY: bench-repair-history
bench-repair-history: bin/regreen ## Measure how often the culprit hunk of a commit is found
	go run ./bench/repair -regreen bin/regreen -bugs $(BUGS) -budget $(BUDGET) -history $(BENCHFLAGS)

.PHONY: bench-validate
bench-validate: ## Measure candidates per second, compared with the naive loop
	go run ./bench/validate -bugs $(BUGS) $(BENCHFLAGS)

.PHONY: bench-validate-differential
bench-validate-differential: ## Check that verdicts agree with the naive loop's
	go run ./bench/validate -bugs $(BUGS) -differential 300 $(BENCHFLAGS)

.PHONY: bench-weight
bench-weight: build ## Measure the size and the start-up time of the binaries
	go run ./bench/weight $(BENCHFLAGS) bin/regreen bin/regreen-gate bin/regreen-action

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf bin dist
