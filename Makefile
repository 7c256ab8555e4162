# Tests need no set-up: they find, start or install PostgreSQL. Where from can be
# said: PGMCP_TEST_POSTGRES="URL..." or PGMCP_TEST_IMAGES="IMAGE...".
gotest := go run ./internal/pgtest/gotest
FUZZTIME ?= 10s
MUTANTS ?= 0
SEED ?= 1
staticcheck := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help build demo test race fuzz mutate bench cover replay update lint

help: ## say what there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

build: ## build bin/pgmcp
	go build -o bin/pgmcp ./cmd/pgmcp

demo: build ## show pgmcp at work on two databases of made data
	bin/pgmcp demo

test: ## run every test on PostgreSQL and print the coverage
	$(gotest) -cover coverage.out -- -timeout 40m ./...

race: ## run every test with the race detector
	$(gotest) -- -race -timeout 80m ./...

fuzz: ## look for inputs that break what must not break, FUZZTIME for each target
	grep -ro --include='*_test.go' '^func Fuzz[A-Za-z]*' internal | sort | while IFS=: read -r file name; do \
		go test -run '^$$' -fuzz "^$${name#func }$$" -fuzztime $(FUZZTIME) "./$${file%/*}" || exit 1; done

mutate: ## remove one rule of the guard at a time and see a test fail; MUTANTS=50 SEED=1 tries a sample
	$(gotest) -- -timeout 2h ./internal/guard/mutate -args -n $(MUTANTS) -seed $(SEED)

bench: ## run the benchmarks
	$(gotest) -- -run '^$$' -bench . -benchmem ./...

cover: test ## run the tests and write coverage.html
	go tool cover -html coverage.out -o coverage.html

replay: build ## run the scenarios
	bin/pgmcp replay scenarios

update: ## run the tests that have recorded answers and record them anew
	$(gotest) -- $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -args -update

lint: ## check formatting, likely mistakes and the direction of imports
	! gofmt -l . | grep .
	go vet ./...
	go test ./internal
	go run $(staticcheck) ./...
