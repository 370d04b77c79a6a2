# One line each; `make` alone lists them.
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFILES     = $(shell git ls-files '*.go' | grep -v '^testdata/')

help:          ; @grep -E '^[a-z-]+:.* ## ' Makefile | sed -E 's/:.* ## /\t/' | expand -t 16
demo:          ; go run ./cmd/gossip demo                       ## watch 32 nodes gossip in one process
test:          ; go test ./...                                  ## all tests
race:          ; go test -race ./...                            ## all tests under the race detector
soak:          ; SOAK_SEEDS=2000 go test ./sim -run Faults -timeout 60m -v ## thousands of simulated networks with faults
bench:         ; go test -run '^$$' -bench . -benchmem ./...    ## the micro-benchmarks
fuzz:          ; ./scripts/fuzz.sh $(or $(FUZZTIME),30s)        ## every fuzz target for FUZZTIME each
fmt:           ; gofmt -w $(GOFILES)                            ## format
fmt-check:     ; @test -z "$$(gofmt -l $(GOFILES))" || { gofmt -l $(GOFILES); exit 1; } ## is everything formatted?
vet:           ; go vet ./...                                   ## go vet
staticcheck:   ; $(STATICCHECK) ./...                           ## staticcheck
lint:          ; $(GOLANGCI) run                                ## golangci-lint, which takes minutes to build
check:         fmt-check vet staticcheck ## formatting, vet and staticcheck

.PHONY: help demo test race soak bench fuzz fmt fmt-check vet staticcheck lint check
