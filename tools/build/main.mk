# SPDX-License-Identifier: GPL-2.0-only
#
# The engine: every recipe of the tree, and no list. It reads the Kbuild of each
# folder in subdir-y in turn and makes one graph of them (nothing recurses into
# folders). What a Kbuild may say:
#
#   lib-y       := a.o ...    goes into libwarder.a, which every program links
#   lib-skel-y  := name ...   skeletons that the lib-y of this folder includes
#   bpf-y       := x.bpf.o    BPF object; its skeleton is bpf/x.skel.h
#   x-bpfflags-y := -f        flags of that object alone, after those of all
#   prog-y      := p ...      program, put at the top of $(O)
#   p-alias-y   := q ...      further names of p (links)
#   test-y      := t ...      unit test: `make check` runs it
#   tprog-y     := t ...      test program that some suite runs
#   tlib-y      := a.o ...    shared by all test programs
#   tlib-skel-y := name ...   skeletons that the tlib-y of this folder includes
#   fuzz-y      := f ...      libFuzzer program, linked with CONFIG_FUZZ=y only
#   p-y := a.o; p-skel-y := name; p-libs-y := -lx
#               objects, skeletons, libraries of a program (default: p.o, none)
#   p-all-libs-y := -lx       these libraries, and not those of the whole tree
#   any-$(CONFIG_X) += ...    only when CONFIG_X=y

MAKEFLAGS += -rR --no-print-directory
SHELL := /bin/sh
.DELETE_ON_ERROR:
.SECONDARY:
all:

O ?= build
PREFIX ?= /usr/local
CNIDIR ?= $(PREFIX)/lib/cni
CONFIG_DEBUG ?= n
CONFIG_ASAN ?= n
CONFIG_FUZZ ?= n

ifneq ($(V),1)
Q := @
say = @printf '  %-8s %s\n' $(1) $(2);
endif

# ---- what the machine has (skipped for goals that compile nothing) ----

idle := clean help format test-groups
goals := $(filter-out $(idle),$(or $(MAKECMDGOALS),all))

ifneq ($(goals),)
ifeq ($(origin WD_TOOLCHAIN),undefined)
WD_TOOLCHAIN := $(shell WD_DEPS='$(WD_DEPS)' tools/setup --prefix build)
ifneq ($(.SHELLSTATUS),0)
$(error tools/setup could not provide what the build needs, see above)
endif
endif
endif
export WD_TOOLCHAIN

# first-of NAMES: the first that is a command here, else the first.
first-of = $(or $(firstword $(foreach c,$(1),$(if \
	$(shell command -v $(c) 2>/dev/null),$(c)))),$(firstword $(1)))

ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
ifneq ($(goals),)
ifneq ($(findstring clang,$(CC)),)
CC := $(if $(shell command -v $(CC) 2>/dev/null),$(CC),$(call \
	first-of,clang-19 clang))
endif
ifeq ($(origin CLANG),undefined)
CLANG := $(call first-of,clang-19 clang)
endif
endif
AR := ar
BPFTOOL ?= $(if $(WD_TOOLCHAIN),$(WD_TOOLCHAIN)/bin/bpftool,$(call \
	first-of,bpftool /usr/sbin/bpftool))
LIBBPF ?= $(if $(WD_TOOLCHAIN),$(WD_TOOLCHAIN)/lib/libbpf.a,-l:libbpf.a)

CONFIG_CC_IS_GCC := $(if $(findstring clang,$(CC)),n,y)
CONFIG_PLAIN := $(if $(filter y,$(CONFIG_ASAN) $(CONFIG_DEBUG) $(CONFIG_FUZZ)),n,y)

# Our own short header is the default: everything the programs touch is UAPI or
# wire format, so a build gives the same object everywhere, also where the
# running kernel has no BTF. VMLINUX_H=btf dumps this kernel's, or name a file.
VMLINUX_H ?= tools/build/vmlinux_min.h

# ---- the lists ----

include Kbuild

define read-kbuild
lib-y :=
lib-skel-y :=
bpf-y :=
prog-y :=
test-y :=
tprog-y :=
tlib-y :=
tlib-skel-y :=
fuzz-y :=
include $(1)/Kbuild
kbuilds += $(1)/Kbuild
all-lib += $$(addprefix $(O)/$(1)/,$$(lib-y))
all-tlib += $$(addprefix $(O)/$(1)/,$$(tlib-y))
all-bpf += $$(addprefix $(O)/$(1)/,$$(bpf-y))
all-prog += $$(addprefix $(O)/,$$(prog-y))
all-test += $$(addprefix $(O)/$(1)/,$$(test-y))
all-tprog += $$(addprefix $(O)/$(1)/,$$(tprog-y))
all-fuzz += $$(addprefix $(O)/$(1)/,$$(fuzz-y))
skel-of/$(1) := $$(lib-skel-y) $$(tlib-skel-y)
$$(eval $$(call needs-skel,$(1),$$(lib-y),$$(lib-skel-y)))
$$(eval $$(call needs-skel,$(1),$$(tlib-y),$$(tlib-skel-y)))
$$(foreach p,$$(prog-y),$$(eval $$(call prog-rule,$(1),$$(p),$(O)/$$(p))))
$$(foreach p,$$(test-y) $$(tprog-y) $$(fuzz-y),$$(eval $$(call \
	prog-rule,$(1),$$(p),$(O)/$(1)/$$(p),$(O)/libtest.a)))
endef

# needs-skel DIR OBJECTS SKELETONS: real prerequisites, so that a changed
# .bpf.c reaches every program that embeds it.
define needs-skel
$(if $(and $(2),$(3)),$(addprefix $(O)/$(1)/,$(2)): \
	$(patsubst %,$(O)/bpf/%.skel.h,$(3)))
endef

# prog-rule DIR NAME OUTPUT [ARCHIVE]
define prog-rule
$(3): $(addprefix $(O)/$(1)/,$(or $($(2)-y),$(2).o)) $(4) $(O)/libwarder.a
$(3): private own-libs := $($(2)-libs-y)
$(3): private all-libs = $(or $($(2)-all-libs-y),$$(libs))
all-obj += $(addprefix $(O)/$(1)/,$(or $($(2)-y),$(2).o))
skel-of/$(1) += $($(2)-skel-y)
$(call needs-skel,$(1),$(or $($(2)-y),$(2).o),$($(2)-skel-y))
$(foreach a,$($(2)-alias-y),$(eval $(call alias-rule,$(a),$(2))))
endef

define alias-rule
all-alias += $(O)/$(1)
$(O)/$(1): $(O)/$(2)
	$$(call say,LINK,$$@)
	$$(Q)ln -sfn $(2) $$@
endef

kbuilds := Kbuild
all-lib :=
all-tlib :=
all-bpf :=
all-prog :=
all-test :=
all-tprog :=
all-fuzz :=
all-obj :=
all-alias :=
$(foreach d,$(subdir-y),$(eval $(call read-kbuild,$(d))))
all-obj := $(sort $(all-obj))
all-src := $(patsubst $(O)/%.o,%.c,$(all-lib) $(all-tlib) $(all-obj))

# ---- flags ----

CFLAGS ?= -O2 -g
werror := $(if $(filter 1,$(W)),-Werror)
sys-inc := $(if $(WD_TOOLCHAIN),-isystem $(WD_TOOLCHAIN)/include)
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))

cflags := $(CFLAGS) $(ccflags-y) $(sys-inc)
bpfflags := -target bpf -D__TARGET_ARCH_$(BPF_ARCH) $(bpfflags-y) -I$(O)/bpf \
	$(sys-inc)
libs := $(LIBBPF) $(libs-y) $(LDLIBS)

# dir-flags DIR: only a folder that lists skeletons can include them.
dir-flags = $(if $(strip $(skel-of/$(1))),-I$(O)/bpf) \
	$(if $(filter selftests%,$(1)),-Iselftests)
obj-flags = $(cflags) $(call dir-flags,$(patsubst $(O)/%/,%,$(dir $(1))))

# make cannot see that a flag changed: the flags live in files that are
# rewritten when, and only when, they differ.
same = $(and $(findstring x$(strip $(1))x,x$(strip $(2))x),$(findstring \
	x$(strip $(2))x,x$(strip $(1))x))
stamp = $(if $(call same,$(file <$(1)),$(2)),,$(file >$(1),$(strip $(2))))
ifneq ($(goals),)
$(shell mkdir -p $(O)/bpf)
$(call stamp,$(O)/.ccflags,$(CC) $(cflags) $(werror))
$(call stamp,$(O)/.ldflags,$(CC) $(ldflags-y) $(LDFLAGS) $(libs))
$(call stamp,$(O)/.bpfflags,$(CLANG) $(bpfflags) $(werror) $(VMLINUX_H) \
	$(foreach b,$(all-bpf),$($(notdir $(b:.bpf.o=))-bpfflags-y)))
endif

# ---- recipes ----

.PHONY: all tests unit FORCE
all: $(all-prog) $(all-alias) $(all-bpf)
tests: all unit $(all-tprog) $(O)/compile_commands.json

# Programs of libFuzzer, which is clang's; the library is built for them too.
.PHONY: fuzzers
fuzzers: $(all-fuzz)

include tools/build/feature.mk

$(O)/%.o: %.c $(O)/.ccflags | $(O)/.features
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(call obj-flags,$@) $(werror) -MMD -MP -c $< -o $@

# q, not r: two folders may each have an object of the same name.
$(O)/libwarder.a: $(all-lib) $(kbuilds)
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) qcs $@ $(filter %.o,$^)

$(O)/libtest.a: $(all-tlib) $(kbuilds)
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) qcs $@ $(filter %.o,$^)

$(all-fuzz): private own-libs += -fsanitize=fuzzer
$(all-prog) $(all-test) $(all-tprog) $(all-fuzz): $(O)/.ldflags
	$(call say,LD,$@)
	$(Q)$(CC) $(cflags) $(ldflags-y) $(LDFLAGS) \
		$(filter %.o,$^) $(filter %.a,$^) $(own-libs) $(all-libs) -o $@

$(O)/bpf/vmlinux.h: $(if $(filter btf,$(VMLINUX_H)),,$(VMLINUX_H)) $(O)/.bpfflags
	$(call say,GEN,$@)
ifeq ($(VMLINUX_H),btf)
	$(Q)$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c >$@
else
	$(Q)cp $< $@
endif

$(O)/bpf/%.bpf.o: bpf/%.bpf.c $(O)/.bpfflags $(O)/bpf/vmlinux.h | $(O)/.features
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(bpfflags) $($*-bpfflags-y) $(werror) -MMD -MP -c $< -o $@

# The static linker drops the DWARF, which would triple the embedded object.
$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen object $(@:.skel.h=.slim.o) $<
	$(Q)$(BPFTOOL) gen skeleton $(@:.skel.h=.slim.o) name $* >$@

# ---- tests ----

unit: $(O)/unit.list
$(O)/unit.list: $(all-test) $(kbuilds)
	@printf '%s\n' $(abspath $(all-test)) >$@

# jobs: all processors, unless the caller said how many.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
strict-build = $(MAKE) $(jobs) W=1
fuzz-build = $(MAKE) $(jobs) O=$(O)/fuzz CC=clang CONFIG_FUZZ=y fuzzers
run-tests := selftests/run --build $(abspath $(O))

.PHONY: check test test-long test-asan demo bench kernels fuzz deb
check: unit
	@tools/setup check
	$(Q)$(run-tests) --no-json --only unit

# Everything CI runs: a strict build, every suite, lint.
test:
	@tools/setup build test lint fuzz kernels
	@$(strict-build) tests
	@$(strict-build) O=$(O)/asan CONFIG_ASAN=y unit
	@$(fuzz-build)
	@$(run-tests) --again

test-long:
	@tools/setup build test lint fuzz kernels
	@$(strict-build) tests
	@$(strict-build) O=$(O)/asan CONFIG_ASAN=y unit
	@$(fuzz-build)
	@$(run-tests) --long --again

# The tests of namespaces with an agent under ASan and UBSan, one at a time as far
# as selftests/run lets them be. No leaks are looked for: who gave up the right to
# trace itself cannot. What is found in a process that nobody asks stands in a file.
asan-report := $(abspath $(O))/asan/found
# Beside them what some start the agent by.
net-progs = $(patsubst $(O)/%,$(O)/asan/%,$(filter \
	$(O)/selftests/net/% $(O)/selftests/ladder/refuse,$(all-tprog)))
test-asan:
	@tools/setup build test
	@$(strict-build) O=$(O)/asan CONFIG_ASAN=y all unit $(net-progs)
	$(Q)rm -f $(asan-report).*
	$(Q)ASAN_OPTIONS=detect_leaks=0:exitcode=99:log_path=$(asan-report) \
	UBSAN_OPTIONS=print_stacktrace=1:log_path=$(asan-report) \
	selftests/run --build $(abspath $(O))/asan --only net --no-json; rc=$$?; \
	for f in $(asan-report).*; do \
		[ ! -e "$$f" ] || { cat "$$f"; rc=1; }; done; exit $$rc

# SECONDS of each program; what they find stays in $(O)/fuzz/corpus.
fuzz:
	@tools/setup build fuzz
	@$(fuzz-build)
	@selftests/fuzz/run --build $(abspath $(O)) --seconds $(or $(SECONDS),60)

export WD_BUILD := $(abspath $(O))
export BPFTOOL

demo:
	@$(MAKE) $(jobs) all
	@tools/setup demo
	@tools/demo/run

bench:
	@$(MAKE) $(jobs) tests
	@tools/setup test
	@tools/bench/run

kernels:
	@$(MAKE) $(jobs) tests
	@tools/setup kernels
	@tools/kernels/run $(ARGS)

deb:
	@tools/setup build deb
	@tools/packaging/make-deb $(O)/deb

# ---- analysis ----

# tidy-flags: what both compilers know; written for clangd and clang-tidy.
tidy-flags = $(filter-out -Wlogical-op -Wduplicated-cond,$(call obj-flags,$(1)))
json-entry = {"directory":"$(CURDIR)","file":"$(1)","command":"$(2) -c $(1)"}
comma := ,
empty :=

$(O)/compile_commands.json: $(kbuilds) tools/build/main.mk $(O)/.ccflags \
		$(O)/.bpfflags
	$(call say,GEN,$@)
	@: $(file >$@,[$(subst } {,}$(comma){,$(strip $(foreach \
		s,$(all-src),$(call json-entry,$(s),cc $(call \
		tidy-flags,$(O)/$(s:.c=.o)))) $(foreach \
		b,$(all-bpf),$(call \
		json-entry,$(b:$(O)/%.o=%.c),clang $(bpfflags)))))])

.PHONY: compile_commands.json format lint
compile_commands.json: $(O)/compile_commands.json
	$(Q)cp $< $@

format:
	@tools/setup lint
	$(Q)tools/lint/run --format $(IN)

lint: $(O)/compile_commands.json $(patsubst %.bpf.o,%.skel.h,$(all-bpf))
	@tools/setup lint
	$(Q)$(run-tests) --no-json --only lint

# ---- the rest ----

.PHONY: install clean help
install: all
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(CNIDIR) \
		$(DESTDIR)$(PREFIX)/share/man/man8 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions
	$(Q)install -m 755 $(O)/warder $(DESTDIR)$(PREFIX)/bin/warder
	$(Q)ln -sfn $$(realpath -m --relative-to=$(CNIDIR) $(PREFIX)/bin)/warder \
		$(DESTDIR)$(CNIDIR)/warder-cni
	$(Q)for m in user/man/*.8; do [ ! -e $$m ] || install -m 644 $$m \
		$(DESTDIR)$(PREFIX)/share/man/man8/; done
	$(Q)$(O)/warder completion bash > \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/warder
	$(Q)$(O)/warder completion zsh > \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_warder

clean:
	$(call say,CLEAN,$(O))
	$(Q)rm -rf $(O) compile_commands.json

help:
	@cat tools/build/help.txt

FORCE:

-include $(patsubst %.o,%.d,$(all-obj) $(all-lib) $(all-tlib) $(all-bpf))
