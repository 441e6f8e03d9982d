# Short verbs a person types; each is a script or one command.
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

fuzz: ## every fuzz target for 30 s
	scripts/fuzz.sh 30s

bench: ## time and memory against floors
	go run ./scripts/bench

build: ## every artefact into dist/
	scripts/build.sh

check: ## everything that CI runs
	scripts/check.sh
