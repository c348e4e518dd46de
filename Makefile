# A thin front: each target works first, alone, from a clean clone. CMake does the building, scripts/ the rest.

.DEFAULT_GOAL := build
.PHONY: build demo test test-long kill fuzz lint install clean system system-test fetch venv configure test-programs
SHELL := /bin/sh
BUILD := build
PREFIX ?= /usr/local
COUNT ?= 1000
SEED ?= 1
SECONDS ?= 60
TARGET ?=
STAGE := @scripts/stage
NINJA := ninja -C $(BUILD) $(shell test -t 2 || echo --quiet)
PYTHON := $(CURDIR)/.venv/bin/python

## build: the program, at build/bin/headrace
build: configure
	$(STAGE) "compile the program" -- $(NINJA) headrace

## demo: build, then five clients' purchases become scores in five databases
demo: build
	$(STAGE) "run the demo" -- python3 examples/agency/demo.py $(BUILD)/bin/headrace

## test: every test but the long ones
test: test-programs
	@echo "==> run the tests"
	@ctest --test-dir $(BUILD) -j2 --output-on-failure --no-tests=error -LE long

## test-long: the long ones
test-long: test-programs
	@echo "==> run the long tests"
	@ctest --test-dir $(BUILD) --verbose --no-tests=error -L long

## long-NAME: one of the long tests, tests/long/NAME.py or .sh; COUNT= and SEED= reach those that draw at random
long-%: test-programs
	@ctest --test-dir $(BUILD) --verbose --no-tests=error -R '^long\.$*$$'

## kill COUNT=1000 SEED=1: so many kills at random moments; ends with one JSON line
kill: test-programs
	@HEADRACE=$(CURDIR)/$(BUILD)/bin/headrace $(PYTHON) tests/long/kill.py --count $(COUNT) --seed $(SEED)

## fuzz SECONDS=60 SEED=1 TARGET=: each fuzzer of fuzz/ (or one) for so long; ends with one JSON line a fuzzer, exit 1 when one found something
fuzz: fetch
	$(STAGE) "system packages for fuzzing" -- scripts/setup.sh fuzz
	$(STAGE) "configure with sanitizers" -- cmake --preset fuzz --log-level=WARNING
	$(STAGE) "compile the fuzzers" -- cmake --build --preset fuzz
	@python3 fuzz/run.py --seconds $(SECONDS) --seed $(SEED) $(TARGET)

## bench-NAME: bench/NAME.sh or bench/NAME.py; ends with one JSON line a figure
bench-%: test-programs
	@if [ -f bench/$*.sh ]; then set -- bash bench/$*.sh; \
	elif [ -f bench/$*.py ]; then set -- $(PYTHON) bench/$*.py; \
	else echo "make: no bench/$*.sh and no bench/$*.py" >&2; exit 2; fi; \
	HEADRACE=$(CURDIR)/$(BUILD)/bin/headrace HEADRACE_BIN_DIR=$(CURDIR)/$(BUILD)/bin PYTHON=$(PYTHON) "$$@"

## lint: arrows between folders; everything once more with clang, warnings being errors
lint: fetch
	$(STAGE) "system packages for lint" -- scripts/setup.sh lint
	$(STAGE) "arrows between folders" -- python3 scripts/check_includes.py
	$(STAGE) "configure with clang" -- cmake --preset clang --log-level=WARNING
	$(STAGE) "compile with clang" -- cmake --build --preset clang

## install PREFIX=DIR: bin/headrace with its libraries, headers, CMake package and licences
install: build
	$(STAGE) "compile the libraries" -- $(NINJA) headrace_library headrace_cpp
	$(STAGE) "install into $(PREFIX)" -- cmake --install $(BUILD) --prefix $(abspath $(PREFIX))

clean:
	rm -rf $(BUILD)

# --- the stages ---

system:
	$(STAGE) "system packages (scripts/apt-packages.txt)" -- scripts/setup.sh build

system-test: system
	$(STAGE) "system packages for tests" -- scripts/setup.sh test

fetch: system
	$(STAGE) "fetched packages (third_party/lock.json)" -- python3 scripts/fetch.py

venv: system-test
	$(STAGE) "Python packages of the tests (tests/requirements.txt)" -- scripts/venv.sh

configure: fetch
	@if [ ! -f $(BUILD)/build.ninja ]; then \
	scripts/stage configure -- cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release --log-level=WARNING; fi

test-programs: venv configure
	@if ! grep -qxF 'HEADRACE_PYTHON:FILEPATH=$(PYTHON)' $(BUILD)/CMakeCache.txt; then \
	scripts/stage "configure for tests" -- \
	cmake -S . -B $(BUILD) -DHEADRACE_PYTHON=$(PYTHON) --log-level=WARNING; fi
	$(STAGE) "compile the program and its tests" -- $(NINJA)
