# SPDX-License-Identifier: MIT
# attnbench: build, test, measure. `make help` lists the targets.

.DEFAULT_GOAL := build
BUILD  ?= build
PREFIX ?= /usr/local
CC     ?= cc
OPT    ?= -O2 -g
VERSION := 0.1.0
COMMIT  := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

PKGS   := hwloc sqlite3 zlib
# Loaded when a method asks for it, and not linked.
PKGS_LOADED := openblas
CFLAGS_ALL := -std=c17 -D_GNU_SOURCE -I. -fopenmp -Wall -Wextra -Werror -fno-math-errno \
	$(shell pkg-config --cflags $(PKGS) $(PKGS_LOADED)) $(OPT) $(CFLAGS)
LIBS   := $(shell pkg-config --libs $(PKGS)) -lm -ldl $(LDFLAGS)

# Kernels of one instruction set each: chosen at run time, so only these files may use it.
ISA_COMMON := -O3 -ffp-contract=fast
ISA_avx2   := -mavx2 -mfma
ISA_avx512 := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mprefer-vector-width=512
ISA_avx512_bf16 := $(ISA_avx512) -mavx512bf16 -mavx512vnni
ISA_amx := $(ISA_avx512_bf16)
ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)

VARIANTS := $(wildcard variants/*.c variants/*/*.c)
HARNESS  := $(wildcard harness/*.c harness/*/*.c)
SRC := $(VARIANTS) $(HARNESS)
OBJ := $(SRC:%.c=$(BUILD)/%.o)
# Everything but main(), shared with the unit tests.
CORE := $(filter-out $(BUILD)/harness/main.o,$(OBJ))

TEMPLATES := $(wildcard scripts/plots/*.gp)
TESTS := $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))
# make V=1 shows whole commands.
Q := $(if $(V),,@)
SETTINGS := $(CC) $(CFLAGS_ALL) $(LIBS)

build: $(BUILD)/attnbench ## compile build/attnbench

$(BUILD)/attnbench: $(OBJ)
	@echo "  ld $@"
	$(Q)$(CC) $(CFLAGS_ALL) -rdynamic -o $@ $(OBJ) $(LIBS)

# Objects depend on the settings they were built with: another compiler or flag rebuilds all, another
# commit what names it.
$(BUILD)/settings: STAMP = $(SETTINGS)
$(BUILD)/commit:   STAMP = $(COMMIT)
$(BUILD)/settings $(BUILD)/commit: FORCE
	@mkdir -p $(BUILD)
	@echo '$(STAMP)' | cmp -s - $@ || echo '$(STAMP)' > $@
FORCE:

isa_flags = $(ISA_COMMON) $(if $(filter x86_64,$(ARCH)),$(ISA_$(1)))
$(BUILD)/%_portable.o:    EXTRA = $(ISA_COMMON)
$(BUILD)/%_avx2.o:        EXTRA = $(call isa_flags,avx2)
$(BUILD)/%_avx512.o:      EXTRA = $(call isa_flags,avx512)
$(BUILD)/%_avx512_bf16.o: EXTRA = $(call isa_flags,avx512_bf16)
$(BUILD)/%_amx.o:         EXTRA = $(call isa_flags,amx)
$(BUILD)/variants/kernels/block_pack.o: EXTRA = -O3
# Inputs must have the same bits on every machine.
$(BUILD)/harness/inputs/%.o: EXTRA = -ffp-contract=off -fno-trapping-math -O3
$(BUILD)/harness/judge/%.o: EXTRA = -O3
IDENTITY := -DATTN_VERSION='"$(VERSION)"' -DATTN_COMMIT='"$(COMMIT)"' -DATTN_CFLAGS='"$(OPT) $(CFLAGS)"'
$(BUILD)/harness/version.o: EXTRA = $(IDENTITY)
$(BUILD)/harness/version.o: $(BUILD)/commit
$(BUILD)/harness/report/templates.o: $(TEMPLATES)

$(BUILD)/%.o: %.c $(BUILD)/settings
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(CFLAGS_ALL) $(EXTRA) -MMD -MP -c -o $@ $<

-include $(OBJ:.o=.d) $(wildcard $(BUILD)/emulated/*.d $(BUILD)/tests/*/*.d)

# ---- tests ---------------------------------------------------------------------------------

$(BUILD)/tests/unit/test_%: tests/unit/test_%.c $(CORE)
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(CFLAGS_ALL) -rdynamic -MMD -MP -o $@ $(filter %.c %.o,$^) $(LIBS) -lcmocka

# Code of vec.h, one object for each instruction set.
$(BUILD)/tests/unit/test_exp: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/exp_*.c))

# The AMX back end on an emulation of AMX: tests/emulation holds headers that stand in front.
EMULATED := $(BUILD)/emulated/isa.o $(BUILD)/emulated/block_amx.o
AMX_TESTS := $(BUILD)/tests/amx-emulated/test_amx_tiles $(BUILD)/tests/amx-emulated/test_variants
$(BUILD)/emulated/block_amx.o: EXTRA = $(call isa_flags,amx)
$(EMULATED): $(BUILD)/emulated/%.o: variants/kernels/%.c $(BUILD)/settings
	@mkdir -p $(@D)
	@echo "  cc $< (AMX emulated)"
	$(Q)$(CC) -iquote tests/emulation $(CFLAGS_ALL) $(EXTRA) -MMD -MP -c -o $@ $<

$(BUILD)/tests/amx-emulated/test_%: tests/unit/test_%.c $(EMULATED) $(CORE)
	@mkdir -p $(@D)
	@echo "  cc $< (AMX emulated)"
	$(Q)$(CC) -iquote tests/emulation $(CFLAGS_ALL) -rdynamic -MMD -MP -o $@ $< $(EMULATED) \
		$(filter-out %/isa.o %/block_amx.o,$(CORE)) $(LIBS) -lcmocka

$(BUILD)/plugins/%.so: tests/plugins/%.c variants/attn.h
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) -std=c17 -fopenmp -D_GNU_SOURCE -I. $(shell pkg-config --cflags $(PKGS_LOADED)) -O2 -Wall -Wextra -Werror \
		-shared -fPIC -DATTN_PLUGIN -o $@ $<

PLUGINS := $(patsubst tests/plugins/%.c,$(BUILD)/plugins/%.so,$(wildcard tests/plugins/*.c))

test-programs: $(BUILD)/attnbench $(TESTS:%=$(BUILD)/tests/unit/test_%) $(PLUGINS) \
	$(BUILD)/tests/fuzz_readers $(AMX_TESTS)

$(BUILD)/tests/fuzz_readers: tests/fuzz/fuzz_readers.c $(CORE)
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(CFLAGS_ALL) -rdynamic -o $@ $< $(CORE) $(LIBS)

test: test-programs ## every test, at every ISA level of this machine
	BUILD=$(BUILD) sh tests/run.sh

test-amx: $(AMX_TESTS) ## the AMX back end on an emulation of AMX (needs AVX512-BF16)
	$(BUILD)/tests/amx-emulated/test_amx_tiles
	ATTN_ISA=amx ATTN_TEST_ROUNDED=1 $(BUILD)/tests/amx-emulated/test_variants

# What is compiled for aarch64 and nowhere else; tests/run.sh runs it in an emulator.
CROSS       := build-aarch64
CROSS_LIBS  := $(CURDIR)/$(CROSS)/sysroot/usr/lib/aarch64-linux-gnu
CROSS_BLAS  := $(CROSS_LIBS)/openblas-pthread
CROSS_TESTS := variants block rounding scan exp
aarch64-programs: ## the kernels' tests for aarch64, against Debian's libraries
	sh scripts/aarch64.sh libraries $(CROSS)/sysroot
	PKG_CONFIG_SYSROOT_DIR=$(CURDIR)/$(CROSS)/sysroot \
		PKG_CONFIG_LIBDIR=$(CROSS_LIBS)/pkgconfig:$(CROSS_BLAS)/pkgconfig \
		$(MAKE) BUILD=$(CROSS) CC=aarch64-linux-gnu-gcc \
		CFLAGS='-isystem $(CROSS)/sysroot/usr/include -isystem $(CROSS)/sysroot/usr/include/aarch64-linux-gnu' \
		LDFLAGS='-L$(CROSS_LIBS) -Wl,--disable-new-dtags,-rpath,$(CROSS_LIBS):$(CROSS_BLAS)' \
		$(CROSS_TESTS:%=$(CROSS)/tests/unit/test_%)

SANITIZED := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer -DATTN_SANITIZED
asan: ## the unit tests and the command line under AddressSanitizer and UBSan
	ATTN_TEST_QUICK=1 $(MAKE) BUILD=build-asan OPT='$(SANITIZED)' test

tsan: ## the variants' tests under ThreadSanitizer (needs clang and libomp for OpenMP awareness)
	$(MAKE) BUILD=build-tsan CC=clang OPT='-O1 -g -fsanitize=thread -DATTN_SANITIZED' test-programs
	ATTN_TEST_QUICK=1 TSAN_OPTIONS=ignore_noninstrumented_modules=1 \
		build-tsan/tests/unit/test_variants

fuzz: $(BUILD)/tests/fuzz_readers ## mutate .npy, .npz and .safetensors files for a while
	$(BUILD)/tests/fuzz_readers 200000

check: lint test asan ## what CI runs: format, lint, tests, sanitizers

FORMATTED := $(SRC) $(wildcard variants/*.h variants/*/*.h harness/*.h harness/*/*.h \
	tests/emulation/*/*/*.h \
	tests/unit/*.c tests/unit/*.h tests/plugins/*.c tests/fuzz/*.c)
format: ## rewrite the sources in the project's style
	@clang-format -i $(FORMATTED)

lint: build ## formatting, clang-tidy (with libomp-dev), and the table of variants in README
	@clang-format --dry-run --Werror $(FORMATTED)
	sh scripts/readme_table.sh $(BUILD)/attnbench README.md --check
	@clang-tidy --quiet $(HARNESS) $(filter-out variants/kernels/%,$(VARIANTS)) -- \
		-std=c17 -D_GNU_SOURCE -I. -fopenmp $(shell pkg-config --cflags $(PKGS) $(PKGS_LOADED)) $(IDENTITY)

# ---- use -----------------------------------------------------------------------------------

RESULTS ?= results
bench: build ## measure the quick suite, print the table, draw the plots
	$(BUILD)/attnbench run --suite quick --db $(RESULTS)/attnbench.db
	$(BUILD)/attnbench show --db $(RESULTS)/attnbench.db
	$(BUILD)/attnbench plot --db $(RESULTS)/attnbench.db -o $(RESULTS)/plots

plots: build ## draw the plots of the last run again
	$(BUILD)/attnbench plot --db $(RESULTS)/attnbench.db -o $(RESULTS)/plots

readme: build ## write the table of variants into README.md
	sh scripts/readme_table.sh $(BUILD)/attnbench README.md

new-variant: ## NAME=my_method FAMILY=sparse: write a skeleton and its line in variants.def
	sh scripts/new_variant.sh '$(NAME)' '$(FAMILY)'

peers-setup: ## PyTorch and ONNX Runtime in an environment of their own, for the suite peers
	sh scripts/peers/setup.sh

install: build ## install into PREFIX (DESTDIR is honoured)
	install -D -m 755 $(BUILD)/attnbench $(DESTDIR)$(PREFIX)/bin/attnbench
	install -D -m 644 variants/attn.h $(DESTDIR)$(PREFIX)/include/attnbench/variants/attn.h
	for f in variants/kernels/block.h variants/kernels/blas.h; do \
		install -D -m 644 $$f $(DESTDIR)$(PREFIX)/include/attnbench/$$f; done
	for f in results/captures/*; do \
		install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/attnbench/captures/$$(basename $$f); done
	for f in scripts/peers/*.py scripts/peers/setup.sh scripts/peers/requirements.txt; do \
		install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/attnbench/peers/$$(basename $$f); done

clean: ## remove everything built
	rm -rf build build-asan build-tsan

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

.PHONY: build test test-programs test-amx aarch64-programs asan tsan fuzz check format lint bench \
	plots readme new-variant peers-setup install clean help FORCE
