# `make` alone lists the targets. Each is one line.
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
PACKAGES    = ./... ./cmd/gossip/... ./metrics/... ./tracing/... ./deploy/... ./internal/wirebench/... ./bench/...
GOFILES     = $(shell git ls-files '*.go' | grep -v '^testdata/')

help:
	@grep -E '^[a-z-]+: .*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

demo: ## watch 32 nodes gossip in one process
	go run ./cmd/gossip demo
agents: ## three agents on this machine that gossip, until interrupted; the first at http://127.0.0.1:7980/
	./scripts/agents.sh
test: ## all tests
	go test $(PACKAGES)
race: ## all tests under the race detector
	go test -race $(PACKAGES)
soak: ## two thousand random scenarios with faults, seeds drawn anew
	@seed=$$(date +%s); echo "go run ./cmd/gossip sim fuzz --seeds 2000 --seed $$seed"; go run ./cmd/gossip sim fuzz --seeds 2000 --seed $$seed
soak-agents: ## 16 agents as processes for MINUTES=20, killed and restarted under load while keys change (Linux)
	go run ./cmd/gossip/internal/soak/soakagents -minutes $(or $(MINUTES),20)
soak-day: ## a day of 40 simulated nodes with faults and stores (some minutes)
	go run ./cmd/gossip/internal/soak/soakday
netns: ## real network faults between 12 hosts in network namespaces (Linux, root, iproute2; 3 minutes)
	GOSSIP_NETNS=all go test -count=1 -v -timeout 20m ./internal/netns
experiments: ## the papers' experiments, with plots, into experiments/ (half an hour)
	go run ./cmd/gossip sim experiment all
bench: ## this project and its peers on the same work (Linux, root, iproute2; an hour for RUNS=1)
	./scripts/bench.sh $(or $(RUNS),1)
bench-large: ## the same with 1,000 nodes, and 10,000 of ours (an hour)
	./scripts/bench.sh $(or $(RUNS),1) large
bench-rest: ## other systems and payloads, logs, origins, 10,000 nodes in one process
	./scripts/bench.sh $(or $(RUNS),1) rest
microbench: ## the micro-benchmarks
	go test -run '^$$' -bench . -benchmem $(PACKAGES)
bench-compare: ## the micro-benchmarks here and at BASE=rev, compared with benchstat
	./scripts/bench-compare.sh "$(BASE)"
fuzz: ## every fuzz target of every module, FUZZTOTAL=60m in all
	./scripts/fuzz.sh $(or $(FUZZTOTAL),60m)
vuln: ## are there known vulnerabilities in what the code calls?
	./scripts/vuln.sh
tidy-check: ## do the go.mod files list what is needed, and no more?
	go mod tidy -diff
	cd cmd/gossip && go mod tidy -diff
	cd metrics && go mod tidy -diff
	cd tracing && go mod tidy -diff
	cd deploy && go mod tidy -diff
	cd internal/wirebench && go mod tidy -diff
	cd bench && go mod tidy -diff
window: ## build the web page that the agent serves into its binary (Node.js 20.19 or later, npm)
	cd cmd/gossip/window && npm ci && npm run build
window-test: window ## test that page, also in a headless Chromium (Debian's package chromium; installed if root)
	./scripts/chromium.sh
	cd cmd/gossip/window && npm test && npm run test:browser
window-shots: window ## draw the pictures in docs/window anew
	./scripts/chromium.sh
	cd cmd/gossip/window && GOSSIP_SCREENSHOTS=docs/window npm run test:browser -- -t screenshots
fmt: ## format
	gofmt -w $(GOFILES)
fmt-check: ## is everything formatted?
	@test -z "$$(gofmt -l $(GOFILES))" || { gofmt -l $(GOFILES); exit 1; }
vet: ## go vet
	go vet $(PACKAGES)
staticcheck: ## staticcheck
	$(STATICCHECK) $(PACKAGES)
lint: ## golangci-lint, which takes minutes to build
	$(GOLANGCI) run $(PACKAGES)
check: fmt-check vet staticcheck ## formatting, vet and staticcheck

.PHONY: help demo agents test race soak soak-agents soak-day netns experiments bench bench-large bench-rest microbench bench-compare fuzz vuln tidy-check window window-test window-shots fmt fmt-check vet staticcheck lint check
