# `make run` and `make test` do everything on a fresh Debian machine with the Swift 6.3 toolchain.

SWIFT ?= swift
# Enough for a whole suite; what takes longer hangs.
GUARD := timeout --kill-after=30
# The thread sanitizer's run keeps its own build, of the layers that it watches.
TSAN_BUILD := .build-tsan
# The optimised build: tests, the short run of the main job and the benchmark share its objects.
RELEASE := -c release -Xswiftc -enable-testing --scratch-path $(CURDIR)/.build-release
# A package of its own that shares the objects of a build: SwiftPM must not take the other's plan for its own.
BESIDE := --disable-build-manifest-caching --package-path
# Tests that the thread sanitizer watches: see docs/decisions/0004-sanitizers.md.
# It reports overflows and crashes itself, and keeps a signal from a forked copy (decision 4).
TSAN_SKIP := StackOverflow|CrashReport|Crash|a copy of the process that watches
TSAN_TESTS ?= PlaitParkingTests|PlaitLoopTests|PlaitSyncTests|PlaitStrandsTests

.PHONY: run test setup lint ledger test-debug test-release test-tsan examples smoke bench-smoke stress bench clean

run: setup
	@echo "==> building plait in release mode"
	@$(SWIFT) build -c release --product plait
	@.build/release/plait lab c10k

test: setup lint ledger test-debug test-release test-tsan examples smoke bench-smoke

setup:
	@scripts/setup

lint:
	@echo "==> lint: swift format, strictly"
	@git ls-files "*.swift" | xargs $(SWIFT) format lint --strict --parallel
	@echo "==> lint: every import is declared, and none goes upward"
	@scripts/house --check
	@echo "==> lint: the forms for tasks are those that scripts/faces writes"
	@scripts/faces --check

# How much of the behaviours of the originals is asserted; nothing that is due may be left open.
ledger:
	@scripts/ledger --demand primitives --demand processes

test-debug:
	@echo "==> tests, debug build; warnings are errors"
	@$(SWIFT) build --build-tests --disable-build-manifest-caching
	@scripts/run-tests 900

test-release:
	@echo "==> tests, release build"
	@$(SWIFT) build --build-tests $(RELEASE) --disable-build-manifest-caching
	@scripts/run-tests 900 -c release --scratch-path .build-release

test-tsan:
	@echo "==> tests under the thread sanitizer"
	@PLAIT_UP_TO_STRANDS=1 $(SWIFT) build --build-tests --sanitize=thread --scratch-path $(TSAN_BUILD)
	@PLAIT_UP_TO_STRANDS=1 TSAN_OPTIONS="die_after_fork=0 halt_on_error=1 suppressions=$(CURDIR)/scripts/tsan.supp" PLAIT_STRESS=0.05 \
		scripts/run-tests 900 --sanitize=thread --scratch-path $(TSAN_BUILD) \
		--filter '$(TSAN_TESTS)' --skip '$(TSAN_SKIP)'

examples:
	@echo "==> examples, and the snippets of the documentation"
	@scripts/snippets
	@$(SWIFT) build $(BESIDE) Examples --scratch-path $(CURDIR)/.build
	@$(GUARD) 120 .build/debug/Snippets

smoke:
	@echo "==> a short run of the main job, release build"
	@$(GUARD) 300 .build-release/release/plait lab c10k --clients 1000 --seconds 2

# That the benchmarks still build and run; their figures want a quiet machine.
bench-smoke:
	@echo "==> the micro benchmarks build, and one runs"
	@$(SWIFT) build $(RELEASE) $(BESIDE) Benchmarks --product ours-micro
	@$(GUARD) 120 .build-release/release/ours-micro queue-fibers-1

# Ten times the rounds of every stress test, and the slow tests.
stress: setup
	@$(SWIFT) build --build-tests $(RELEASE) --disable-build-manifest-caching
	@PLAIT_STRESS=10 PLAIT_SLOW=1 scripts/run-tests 3600 -c release --scratch-path .build-release

# One table of every figure beside its floor; `make bench JSON=figures.json` writes it as rows too.
bench: setup
	@$(SWIFT) build -c release --package-path Benchmarks
	@Benchmarks/.build/release/plait-bench $(if $(JSON),--json $(abspath $(JSON)))

clean:
	@rm -rf .build .build-* Benchmarks/.build Examples/.build
