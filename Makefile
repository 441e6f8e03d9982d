# Short verbs; each is a script or a few commands.
.PHONY: help demo test race check build fuzz bench serve

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## both queries against built-in simulators
	go run ./cmd/partnerlens demo

serve: ## the HTTP API on http://127.0.0.1:8080, from built-in simulators
	go run ./cmd/partnerlens serve --demo

test: ## all tests
	go test ./...

race: ## all tests under the race detector
	go test -race ./...

fuzz: ## every fuzz target for 100,000 inputs
	scripts/fuzz.sh 100000

bench: ## time and memory against floors
	go test -run '^$$' -bench 'Rate|Huawei|Stack|Start|Memory|Watch' -benchtime 1x -timeout 30m ./scripts/bench
	go test -run '^$$' -bench 'Cancel|Connections' -benchtime 50x ./scripts/bench
	go test -run '^$$' -bench '^BenchmarkPage$$' -benchtime 5s ./pkg/tencent ./pkg/huawei

build: ## every artefact into dist/
	scripts/build.sh

check: ## everything that CI runs
	scripts/check.sh

# `sam build` calls these targets for template.yaml. They build the bytes of scripts/build.sh by the same flags.
# ARCHITECTURE must equal the template's parameter of the same name: the value that `sam deploy --guided` saved
# (docs/deploy-aws.md), else its default.
.PHONY: build-CreditFunction build-TagsFunction
ARCHITECTURE ?= $(or $(shell sed -n 's/.*Architecture=[^a-z]*\([a-z0-9_]*\).*/\1/p' samconfig.mine.toml 2>/dev/null),arm64)
build-CreditFunction build-TagsFunction: SHELL := bash
build-CreditFunction: function = credit
build-TagsFunction: function = tags
build-CreditFunction build-TagsFunction:
	@case '$(ARCHITECTURE)' in arm64 | x86_64) ;; *) echo 'ARCHITECTURE is "$(ARCHITECTURE)"; set it to arm64 or x86_64' >&2; exit 1 ;; esac
	. scripts/flags.sh && GOARCH=$(ARCHITECTURE:x86_64=amd64) go build "$${flags[@]}" -tags lambda.norpc -o '$(ARTIFACTS_DIR)/bootstrap' ./functions/$(function)
	@echo '$(function) is built for $(ARCHITECTURE): deploy it with Architecture=$(ARCHITECTURE)'
