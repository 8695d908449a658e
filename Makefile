# Every target works on a fresh machine with Go and Node; tests also need a C compiler (-race).
.DEFAULT_GOAL := help
SHELL := /bin/bash

GO            ?= go
GOLANGCI      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION       ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS       := -s -w -X main.version=$(VERSION)
ENGINE_DIR    := deploy/engine
ENGINE_LIB    := $(ENGINE_DIR)/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so
SDKS          := $(patsubst %,cmd/llm-hub/testdata/%-sdk,openai anthropic genai vercel langchain)
DATA          ?= data
# Packages tested at once: one more than there are processors, since many of their tests wait.
PACKAGES      ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: help run build engine test test-full test-deps check fmt lint noengine bench prices gen verify-gen clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

run: build engine ## build and start everything embedded, with demo vendors; data is kept in DATA (default ./data)
	bin/llm-hub serve --demo --data $(DATA)

build: ## bin/llm-hub and bin/fake-llm
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/llm-hub ./cmd/llm-hub
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/fake-llm ./cmd/fake-llm

ifeq ($(shell uname -sm),Linux x86_64)
engine: $(ENGINE_LIB) ## the ClickHouse engine, linked beside the binary
	@mkdir -p bin
	@ln -sfn ../$(ENGINE_LIB) bin/libchdb.so
else
engine:
	@echo "No embedded ClickHouse engine for this platform: use --clickhouse-url, or run without analytics."
endif

$(ENGINE_LIB): $(ENGINE_DIR)/package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --prefix $(ENGINE_DIR)
	@touch $@

%-sdk/node_modules/.package-lock.json: %-sdk/package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --prefix $*-sdk
	@touch $@

test-deps: engine $(SDKS:=/node_modules/.package-lock.json)
	cd cmd/llm-hub/testdata/oidc-provider && $(GO) mod download

# Without cgo it is vetted as it is built for users, and what that compiles is used again for the
# binaries under test. A binary with the race detector would sleep for a second at its end.
test: test-deps ## every test that CI needs, with -race, at most 8 minutes on 2 cores
	CGO_ENABLED=0 $(GO) vet ./...
	GORACE=atexit_sleep_ms=20 $(GO) test -race -vet=off -p $(PACKAGES) -timeout 7m ./...

test-full: test-deps ## longer fault campaigns, and clients in Go, as well
	LLMHUB_TEST_FULL=1 $(GO) test -race -timeout 60m -count=1 ./...

check: fmt lint noengine verify-gen test ## what a change must pass: format, lint, vet, generated files, tests

fmt: ## fail on unformatted files
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "gofmt needed:"; echo "$$files"; exit 1; fi

lint: ## golangci-lint, pinned
	$(GO) run $(GOLANGCI) run ./...

noengine: ## the build without the embedded engine, for other platforms
	$(GO) vet -tags noengine ./cmd/... ./projector/...
	GOOS=darwin $(GO) vet ./cmd/llm-hub

gen: ## write generated files anew
	$(GO) test ./gateway/control -run TestSchema -update
	$(GO) test ./gateway/provider/vendors -run TestFidelity -update
	$(GO) test ./gateway/api -run TestTable -update
	$(GO) test ./gateway/admin/openapi -run TestDocument -update

verify-gen: gen ## generated files are what the code generates
	git diff --exit-code -- gateway/control/hub.schema.json docs

prices: ## write the price book anew from published prices
	npm ci --ignore-scripts --no-audit --no-fund --prefix accounting/prices
	node accounting/prices/generate.mjs

bench: build engine ## direct and through the gateway, side by side, books checked afterwards; admissions and leases; every dialect over every wire; a dashboard's questions of 10 M rows; a log of a million events, archived
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/llm-bench ./cmd/llm-bench
	bin/llm-bench -dir bin
	$(GO) test -run '^$$' -bench 'BenchmarkAdmit|BenchmarkLeases' ./gateway/admit
	$(GO) test -run '^$$' -bench BenchmarkLanes -benchtime 0.2s ./gateway/provider/vendors
	$(GO) test -run '^$$' -bench BenchmarkQuestions -benchtime 20x -timeout 30m ./projector/query
	LLMHUB_TEST_FULL=1 $(GO) test ./cmd/llm-hub -run TestMillion -v -timeout 30m

clean: ## remove what was built
	rm -rf bin
