# Run `make` to see what there is to make.

# Pinned, and fetched by the go command on first use.
gofumpt     := mvdan.cc/gofumpt@v0.12.0
staticcheck := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# What `regreen version` prints: a tag, or the commit.
version := $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null)
ldflags := -s -w $(if $(version),-X main.version=$(version))

# The bugs that bench-repair measures with.
BUGS   ?= bench/repair/bugs.json
BUDGET ?= 60s
# More flags of the bench, e.g. BENCHFLAGS='-only semver-at-least -out result.json'.
BENCHFLAGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@echo "make TARGET, where TARGET is one of"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-27s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: bin/regreen bin/regreen-gate bin/regreen-action ## Build the binaries into bin/

# The go command knows best what is up to date, so it always runs.
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
release: ## Build a release into dist (VERSION=v0.1.0), which has to be the one that action/release.json tells
	scripts/release.sh build '$(VERSION)' dist
	scripts/release.sh check '$(VERSION)' dist

.PHONY: release-table
release-table: ## Write action/release.json for a release, to be committed before its tag (VERSION=v0.1.0)
	scripts/release.sh table '$(VERSION)'

.PHONY: demo
demo: bin/regreen bin/regreen-gate ## Watch a commit being blocked and repaired (KEEP=1 keeps the folder)
	@scripts/demo.sh

.PHONY: setup
setup: ## Install the programs that the tests need, where they are missing
	@scripts/setup.sh

screenshots := REGREEN_SCREENSHOTS='$(CURDIR)/bin/screenshots'
# With the race detector each process sleeps for a second before it exits, and the tests
# start many.
race := CGO_ENABLED=1 GORACE=atexit_sleep_ms=0 $(screenshots) go test -race
# Tested without it in `make test`: what starts no goroutines, and the scripts of cmd/hook, which
# start regreen a thousand times: with it that takes five times as long.
unraced := regreen/(cmd/hook|internal/(report|patch|resultfile|confine|config|workflows)|docs|bench/.*|action|scripts)$$

.PHONY: test
test: setup ## Vet, and run all tests, with the race detector where there is something to race
	go vet ./...
	@plain="$$(mktemp)"; trap 'rm -f "$$plain"' EXIT; status=0; \
	$(screenshots) go test -timeout 15m $$(go list ./... | grep -E '$(unraced)') >"$$plain" 2>&1 & \
	$(race) -timeout 11m $$(go list ./... | grep -vE '$(unraced)') || status=1; \
	wait $$! || status=1; cat "$$plain"; exit $$status

.PHONY: race
race: setup ## Run all tests with the race detector (a quarter of an hour on two cores)
	$(race) -timeout 20m ./...

# How long `make fuzz` gives each Fuzz function.
FUZZTIME ?= 60s

.PHONY: fuzz
fuzz: ## Fuzz what reads patches, names and reports of strangers (FUZZTIME=60s each)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh internal/patch internal/confine internal/syntax internal/resultfile internal/report

# What goes into package testing of the programs that hold mutants: only its tag builds it here.
pool := ./internal/lang/golang/schemata/pool

.PHONY: lint
lint: ## Check formatting, vet, and run staticcheck
	@unformatted="$$(CGO_ENABLED=0 go run $(gofumpt) -l .)" || exit 1; \
	if [ -n "$$unformatted" ]; then \
		echo "not formatted as gofumpt does:"; echo "$$unformatted"; \
		echo "hint: go run $(gofumpt) -w ."; exit 1; \
	fi
	CGO_ENABLED=0 go vet ./...
	CGO_ENABLED=0 go run $(staticcheck) ./...
	CGO_ENABLED=0 go vet -tags regreen_pool $(pool)
	CGO_ENABLED=0 GOOS=windows go vet -tags regreen_pool $(pool)
	CGO_ENABLED=0 go run $(staticcheck) -tags regreen_pool $(pool)

.PHONY: bench-hooks
bench-hooks: bin/regreen bin/regreen-gate ## Measure what a commit costs with each hook manager (strace counts execs)
	go run ./bench/hooks $(BENCHFLAGS)

.PHONY: bench-patch
bench-patch: ## Measure putting patches on, beside git apply and GNU patch
	go run ./bench/patch $(BENCHFLAGS)

.PHONY: bench-report
bench-report: bin/regreen ## Measure writing reports in each format, beside gotestsum and junit-to-ctrf
	go run ./bench/report -regreen bin/regreen $(BENCHFLAGS)

.PHONY: bench-repair
bench-repair: bin/regreen ## Measure on seeded bugs how many are repaired (BUGS=FILE BUDGET=60s)
	go run ./bench/repair -regreen bin/regreen -bugs $(BUGS) -budget $(BUDGET) $(BENCHFLAGS)

.PHONY: bench-repair-history
bench-repair-history: bin/regreen ## Measure how often the culprit hunk of a commit is named
	go run ./bench/repair -regreen bin/regreen -bugs $(BUGS) -budget $(BUDGET) -history $(BENCHFLAGS)

.PHONY: bench-validate
bench-validate: ## Measure candidates a second, beside the naive loop
	go run ./bench/validate -bugs $(BUGS) $(BENCHFLAGS)

.PHONY: bench-validate-differential
bench-validate-differential: ## Compare verdicts on candidates with the naive loop's
	go run ./bench/validate -bugs $(BUGS) -differential 300 $(BENCHFLAGS)

.PHONY: bench-weight
bench-weight: build ## Measure how large the binaries are, and how long they take to start
	go run ./bench/weight $(BENCHFLAGS) bin/regreen bin/regreen-gate bin/regreen-action

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist
