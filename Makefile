# Latchkey. `make` prints this help.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
DATA    ?= data

.PHONY: help
help: ## print this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: run
run: bin ## build, then run the whole system: console, gateway, sandbox exchange, inbox (data in ./data)
	./bin/latchkey demo --data $(DATA)

.PHONY: bin
bin: ## build ./bin/latchkey, with the web console where Node is; the same source makes the same file
	@scripts/need go
	@scripts/console
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-X main.version=$(VERSION)" -o bin/latchkey ./cmd/latchkey

.PHONY: console
console: ## build the web console into web/dist; without Node the program is built without it
	@scripts/console

.PHONY: test
test: ## every test: checks, units on both databases, crashes, a real bot, a real browser, fuzzing; installs what it needs
	@scripts/need go node postgresql redis chromium spin
	scripts/test

.PHONY: test-long
test-long: ## the same with the long forms: 1,000 crashes, 10,000 changes and 5 M requests under faults, 10 minutes of fuzzing a target, the large models
	@scripts/need go node postgresql redis chromium spin
	KILLS=1000 CHANGES=10000 REQUESTS=5000000 RECEIPTS=1000 FUZZTIME=10m MODEL=long \
	FLIPS=1000000 STEPS=1000000 DIFFERENTIAL=1000000 GUESSES=20 TEXTS=100000 SAMPLES=1000000 SOAK=2h SLOW=5000 TIMING=1 REPRODUCIBLE=1 LIMIT=6h scripts/test

.PHONY: model
model: ## the model of revocation: it holds, and each broken rule is found (model/lease.pml)
	@scripts/need spin
	model/run

.PHONY: model-long
model-long: ## the same in large configurations: about 10 minutes, 8 GB of memory
	@scripts/need spin
	model/run long

.PHONY: check
check: ## format, vet, lint, generated code, unit tests: under 5 minutes
	@scripts/need go node postgresql redis
	scripts/check
	$(GO) test ./...

.PHONY: licences
licences: bin ## every Go module and npm package in ./bin/latchkey, with its licence; fails on one that tools/licences.txt does not allow
	@$(GO) run -C tools ./bom licences ..

.PHONY: sbom
sbom: bin ## the same as a bill of materials: bin/latchkey.cdx.json, CycloneDX
	@$(GO) run -C tools ./bom sbom .. >bin/latchkey.cdx.json
	@echo "written: bin/latchkey.cdx.json"

.PHONY: reproducible
reproducible: ## build HEAD twice, in different folders with empty caches, and compare: about 5 minutes
	@scripts/need go node
	scripts/reproducible

.PHONY: vuln
vuln: ## known faults in what the program calls; GOVULNDB=file:///... where vuln.go.dev is out of reach
	@scripts/need go
	scripts/vuln

.PHONY: screenshots
screenshots: bin ## every view and pop-up of the console at 1280 and 375 px, light and dark, into web/e2e/.out/screens
	@scripts/need node chromium
	cd web && npm exec --no -- playwright test --project=screens

.PHONY: bench
bench: ## every goal of performance, beside bare proxies, nginx and HAProxy: one table; under 15 minutes on an idle machine
	@scripts/need go gcc nginx haproxy postgresql
	$(GO) run ./bench

.PHONY: bench-quick
bench-quick: ## the same, shorter and rougher: under 2 minutes
	@scripts/need go gcc nginx haproxy postgresql
	$(GO) run ./bench -quick

.PHONY: pgo
pgo: ## watch the gateway under load for half a minute; every build after it is made for what was seen
	@scripts/need go gcc
	$(GO) run ./bench/rest -profile cmd/latchkey/default.pgo

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (default 30s), as many at a time as there are processors, and tell how far each got
	@scripts/need go
	scripts/fuzz

.PHONY: mutate
mutate: ## turn one operator at a time around in the packages that decide: a test must fail for 85 % of them; an hour
	@scripts/need go redis
	scripts/mutate signature identity internal/stepup internal/verify internal/cluster

.PHONY: generate
generate: ## SQL code from internal/store/queries (needs sqlc 1.31.1; builds it when missing)
	scripts/generate
