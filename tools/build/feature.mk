# SPDX-License-Identifier: GPL-2.0-only
#
# Feature probes: one tiny program for each thing the build cannot do without,
# compiled and linked once per set of flags, so that a missing package is named
# before anything is half built. V=1 shows the compiler's own words.

# Include and expression of each probe, then the Debian package that has it.
probe-libbpf := bpf/libbpf.h|bpf_program__attach_tcx(0,0,0)!=0
need-libbpf := libbpf-dev >= 1.4
probe-libmnl := libmnl/libmnl.h|mnl_socket_open(0)!=0
need-libmnl := libmnl-dev
probe-libcap := sys/capability.h|cap_init()!=0
need-libcap := libcap-dev
probe-libyaml := yaml.h|yaml_get_version_string()!=0
need-libyaml := libyaml-dev
probe-json-c := json-c/json.h|json_object_new_object()!=0
need-json-c := libjson-c-dev
probe-uthash := uthash.h|HASH_INITIAL_NUM_BUCKETS==0u
need-uthash := uthash-dev

features := libbpf libmnl libcap libyaml json-c uthash

probe-err := $(if $(filter 1,$(V)),,2>/dev/null)
on = printf '  ... %10s: [ on ]\n' $(1);
off = { printf '  ... %10s: [ OFF ]\n' $(1); \
	echo 'error: $(1) is required and does not work; install $(2),' \
		'or see why with V=1' >&2; rm -f $@.c $@.out; exit 1; };

define probe
	@printf '#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n\
	#include <%s>\nint main(void) { return %s; }\n' \
		'$(word 1,$(subst |, ,$(probe-$(1))))' \
		'$(word 2,$(subst |, ,$(probe-$(1))))' >$@.c; \
	if $(CC) $(cflags) $(ldflags-y) $(LDFLAGS) -w $@.c $(libs) -o $@.out \
		$(probe-err); then $(call on,$(1)) \
	else $(call off,$(1),$(need-$(1))) fi

endef

$(O)/.features: tools/build/feature.mk $(O)/.ccflags $(O)/.ldflags
	@mkdir -p $(@D)
	$(foreach f,$(features),$(call probe,$(f)))
	@echo 'struct t { int a; } __attribute__((preserve_access_index));' \
		'int f(struct t *t) { return t->a; }' >$@.c; \
	if $(CLANG) -target bpf -mcpu=v3 -O2 -g -c $@.c -o $@.out \
		$(probe-err); then $(call on,clang-bpf) \
	else $(call off,clang-bpf,clang-19 or newer) fi
	@rm -f $@.c $@.out; touch $@
