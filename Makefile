# Everything here works on a fresh clone: a target brings the npm packages, Go modules and Python packages it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The pinned Node.js and CDK CLI come before the machine's own.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export npm_config_update_notifier := false
ENV ?= dev
CDK := npx --no-install cdk
# The pipelines of the emulated account are not those of config.
CONTEXT := --no-lookups -c env=$(ENV) $(if $(filter local,$(ENV)),-c delivery=test/emulator/delivery.yaml)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  ENV=NAME chooses an environment of config/environments, or the pipelines with delivery (now: $(ENV)); PEAKLINE_PORT moves the emulator (now: $${PEAKLINE_PORT:-4566})."

node_modules/.ready: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm was not found: install Node.js 20 or newer (it brings npm), then try again." >&2; exit 1; }
	@echo "Installing the CDK CLI and its Node.js (once) ..."
	@npm ci --silent
	@touch $@

# ---- the emulated account: make up, make down ----
include test/emulator/emulator.mk

# ---- the CDK, one environment at a time ----
.PHONY: synth diff deploy destroy
synth: node_modules/.ready ## Write the templates of ENV to cdk.out; needs no AWS account
	@$(CDK) synth --quiet $(CONTEXT) 2>&1 | sed '/^Supply a stack id/d' # none would do: the stacks are in a stage
	@ls cdk.out/assembly-$(ENV)/*.template.json

diff: synth ## Tell what a deployment of ENV would do to what is deployed, and fail when it is dangerous
	@go run ./cmd/peakline diff -deployed -new cdk.out/assembly-$(ENV)

deploy: node_modules/.ready ## Deploy ENV to the AWS account of its file; asks before it widens rights, and not while a release alarm fires (DESPITE=reason)
	@$(if $(filter delivery,$(ENV)),,go run ./cmd/peakline release check -env $(ENV) -despite "$${DESPITE:-}")
	@$(CDK) deploy $(CONTEXT) '$(ENV)/*'

destroy: node_modules/.ready ## Delete the stacks of ENV
	@$(CDK) destroy $(CONTEXT) '$(ENV)/*'

# ---- tests ----
# The jsii kernel that the CDK runs on is single-threaded, and racy when it shuts down: what uses it runs without -race.
CDK_PACKAGES := . ./constructs/... ./stacks/... ./test
PURE_PACKAGES := ./config/... ./lambda/... ./cmd/... ./test/cloudwatch ./test/dashboard ./test/logfilter ./test/postgres ./test/pgbouncer ./test/pgpool ./test/browser

.PHONY: test test-go test-templates test-collector test-emulator test-e2e golden mutate soak fuzz bench
test: test-go test-templates test-collector test-emulator test-e2e ## Run every test

test-go: node_modules/.ready $(VENV_READY)
	go test -race $(PURE_PACKAGES)

test-templates: node_modules/.ready $(VENV_READY)
	go vet $(CDK_PACKAGES)
	go test $(CDK_PACKAGES)

# A module of its own, so that the app does without the collector's dependencies.
test-collector:
	cd test/collector && go vet . && go test .

test-e2e: node_modules/.ready $(VENV_READY)
	go test -count=1 -timeout 75m ./test/e2e/...

golden: node_modules/.ready $(VENV_READY) ## Rewrite the golden templates and generated documents
	go test ./test -update
	go test ./config -update
	node cmd/peakline/internal/diff/schema.mjs

mutate: node_modules/.ready ## Break one property per requirement and list the tests that did not notice
	go test ./test -run Mutate -mutate -v -timeout 60m

soak: ## A million ticks of the replica decision under injected faults
	go test ./lambda/decision -run Soak -soak.ticks=1000000 -timeout 60m -v

fuzz: ## Fuzz every parser for FUZZTIME (default 30s) each
	@for target in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs grep -hoE 'func Fuzz\w+' | sed 's/func //' | sort -u); do \
	  package=./$$(dirname $$(grep -rlE "func $$target\(" --include='*_test.go' . | head -1)); \
	  echo "$$target in $$package"; go test $$package -run '^$$' -fuzz "^$$target$$" -fuzztime $${FUZZTIME:-30s}; done

bench: node_modules/.ready ## Print what synthesis, functions and decisions cost, beside an empty CDK app
	@go run ./test/bench
	@echo
	@go test -run '^$$' -bench . ./lambda/decision ./lambda/replicascaler ./cmd/peakline/internal/protocol

# ---- quality ----
GOLANGCI_VERSION := v2.15.0
GOLANGCI := .cache/bin/golangci-lint-$(GOLANGCI_VERSION)

$(GOLANGCI):
	@echo "Building golangci-lint $(GOLANGCI_VERSION) (once, a few minutes) ..."
	@GOBIN=$(CURDIR)/.cache/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv .cache/bin/golangci-lint $@

.PHONY: lint fmt
lint: $(GOLANGCI) ## Check formatting, vet and lint rules
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not formatted (make fmt): $$unformatted" >&2; exit 1; }
	go vet ./...
	$(GOLANGCI) run
	go mod tidy -diff

fmt: ## Format the Go files
	gofmt -w $$(git ls-files '*.go')
