# `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

RACE     ?= -race
FUZZTIME ?= 20s
BENCH    ?= .
# The whole program under test, browsers included: run without the race detector, which slows it fourfold.
WHOLE    := /(cmd/wasl|internal/web|internal/acceptance)$$

.PHONY: help build run demo test race check lint fuzz bench clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | while IFS=$$'\t' read -r t d; do printf '  make %-7s %s\n' "$$t" "$$d"; done

build: ## bin/wasl and bin/smsc, static
	@CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags '-s -w' -o bin/ ./cmd/...

run: ## install what is missing, start the demo on http://localhost:8080 (WASL_HTTP_ADDR)
	@scripts/install-deps run
	@$(MAKE) build
	@exec bin/wasl demo

demo: run ## the same

test: ## install what is missing, run every check (RACE= for a quicker run)
	@scripts/install-deps test
	@$(MAKE) check
	@go test $(RACE) -timeout 10m $$(go list ./... | grep -vE '$(WHOLE)')
	@go test -timeout 10m $$(go list ./... | grep -E '$(WHOLE)')

race: ## the race detector on every package, the whole program and its browsers too (slow)
	@go test -race -timeout 30m ./...

check: ## formatting and go vet
	@out=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); if [ -n "$$out" ]; then echo "gofmt -w these:"; echo "$$out"; exit 1; fi
	@go vet ./...

lint: ## golangci-lint with .golangci.yml (its first build takes minutes)
	@go tool -modfile=internal/tools/go.mod golangci-lint run ./...

fuzz: ## every fuzz target for FUZZTIME (20s)
	@set -e; for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			scripts/fuzz "$${pkg#github.com/wasl-sms/wasl/}" "$$target" $(FUZZTIME); \
		done; \
	done

bench: ## Go benchmarks (BENCH=pattern)
	@go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

clean: ## remove what was built; the demo's data stays
	@rm -rf bin artefacts
