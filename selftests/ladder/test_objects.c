/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_objects.c - what every BPF object must be so that kernels go on taking it.
 *
 * Each of these is a way in which a kernel, a compiler or a hardening once put
 * an end to somebody's programs (selftests/kernels/incidents). What the programs
 * decide is not looked at.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "wd_compat.skel.h"
#include "wd_host.skel.h"
#include "wd_late.skel.h"
#include "wd_minimal.skel.h"
#include "wd_pod.skel.h"
#include "wd_seed.skel.h"
#include "wd_wire.skel.h"
#include "wd_wiremin.skel.h"

#define LOG_BYTES 65536
#define FRAME_MAX 256 /* bytes of stack of one function */
#define STACK_MAX 448 /* of calls in calls; the kernel takes 512 */
/* Of a program: JITs and their hardening jump by 16 bits. */
#define INSNS_MAX 16384
/* A quarter of the limit: another kernel may need more for the same. */
#define VERIFIED_MAX 250000
#define PROGS_MAX 4
#define PAGE_MAX 65536 /* bytes */
#define FUNCTIONS_MAX 64
#define LEVELS_MAX 8 /* of calls, as the kernel has it */
#define FRAME_ROUND 32 /* kernels before 6.7; the JITs round to less */
/* Helpers are numbered in the order they came; the last of Linux 5.10. */
#define LAST_HELPER 155

static const struct object {
	const char *name;
	const void *(*elf)(size_t *bytes);
} objects[] = {
	{ "wd_pod", wd_pod__elf_bytes },
	{ "wd_compat", wd_compat__elf_bytes },
	{ "wd_minimal", wd_minimal__elf_bytes },
	{ "wd_seed", wd_seed__elf_bytes },
	{ "wd_wire", wd_wire__elf_bytes },
	{ "wd_wiremin", wd_wiremin__elf_bytes },
	{ "wd_late", wd_late__elf_bytes },
	{ "wd_host", wd_host__elf_bytes },
};

/* Of a kind of program that came with 6.4, and optional: it reads the kernel. */
static bool looks_inside(const char *name)
{
	return !strcmp(name, "wd_late") || !strcmp(name, "wd_host");
}

#define OBJECT_CNT (sizeof(objects) / sizeof(*objects))

/* Loaded once, with what the verifier said of each program. */
static struct loaded {
	struct bpf_object *obj;
	char log[PROGS_MAX][LOG_BYTES];
} loaded[OBJECT_CNT];

static int print_nothing(enum libbpf_print_level level, const char *fmt,
			 va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

static bool load(size_t i)
{
	struct loaded *l = &loaded[i];
	struct bpf_program *prog;
	const void *elf;
	size_t bytes;
	int n = 0;

	elf = objects[i].elf(&bytes);
	l->obj = bpf_object__open_mem(elf, bytes, NULL);
	wd_test_row(objects[i].name);
	if (!wd_expect(l->obj != NULL))
		return false;
	bpf_object__for_each_program(prog, l->obj) {
		if (!wd_expect(n < PROGS_MAX))
			return false;
		(void)bpf_program__set_log_buf(prog, l->log[n++], LOG_BYTES);
		(void)bpf_program__set_log_level(prog, 4);
	}
	return wd_expect_int(0, bpf_object__load(l->obj));
}

/* Calls @fn for each program of each object that was loaded. */
static void each_program(void (*fn)(const struct bpf_program *prog,
				    const char *log))
{
	for (size_t i = 0; i < OBJECT_CNT; i++) {
		struct bpf_program *prog;
		int n = 0;

		bpf_object__for_each_program(prog, loaded[i].obj) {
			wd_test_row(bpf_program__name(prog));
			fn(prog, loaded[i].log[n++]);
		}
	}
}

static void every_object_loads_here(void)
{
	for (size_t i = 0; i < OBJECT_CNT; i++)
		(void)load(i);
}

/* ---- what the verifier and the JIT are asked for ---- */

/* Functions of a program: where they begin, and their own stack as the log has it. */
struct functions {
	int cnt;
	long begin[FUNCTIONS_MAX], stack[FUNCTIONS_MAX];
};

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) &&
	       insn->src_reg == BPF_PSEUDO_CALL;
}

static int by_place(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static bool find_functions(const struct bpf_program *prog, struct functions *f)
{
	const struct bpf_insn *insn = bpf_program__insns(prog);
	long cnt = (long)bpf_program__insn_cnt(prog);

	f->cnt = 1;
	f->begin[0] = 0;
	for (long i = 0; i < cnt; i++) {
		long at = i + insn[i].imm + 1;
		bool known = !is_call(&insn[i]);

		for (int j = 0; !known && j < f->cnt; j++)
			known = f->begin[j] == at;
		if (known)
			continue;
		if (!wd_expect(f->cnt < FUNCTIONS_MAX))
			return false;
		f->begin[f->cnt++] = at;
	}
	qsort(f->begin, (size_t)f->cnt, sizeof(*f->begin), by_place);
	return true;
}

/* "stack depth 240+16+0": in the order the functions stand. */
static bool read_stacks(const char *log, struct functions *f)
{
	const char *at = strstr(log, "stack depth ");
	int n = 0;

	if (!wd_expect(at != NULL) || !at)
		return false;
	at += strlen("stack depth ") - 1;
	do {
		char *end;
		long own = strtol(at + 1, &end, 10);

		wd_expect(own <= FRAME_MAX);
		if (n < f->cnt)
			f->stack[n] = own;
		n++;
		at = end;
	} while (*at == '+');
	return wd_expect_int(f->cnt, n);
}

/* The most that this function and what it calls take at a time. */
static long deepest(const struct bpf_program *prog, const struct functions *f,
		    int nr, int level)
{
	const struct bpf_insn *insn = bpf_program__insns(prog);
	long end = nr + 1 < f->cnt ? f->begin[nr + 1] :
				     (long)bpf_program__insn_cnt(prog);
	long own = (f->stack[nr] + FRAME_ROUND - 1) / FRAME_ROUND * FRAME_ROUND;
	long below = 0;

	if (!wd_expect(level < LEVELS_MAX))
		return 0;
	for (long i = f->begin[nr]; i < end; i++) {
		for (int j = 0; is_call(&insn[i]) && j < f->cnt; j++) {
			long more = 0;

			if (f->begin[j] == i + insn[i].imm + 1)
				more = deepest(prog, f, j, level + 1);
			below = more > below ? more : below;
		}
	}
	return own + below;
}

static void check_stack(const struct bpf_program *prog, const char *log)
{
	struct functions f;
	long most;

	if (!find_functions(prog, &f) || !read_stacks(log, &f))
		return;
	most = deepest(prog, &f, 0, 0);
	printf("# %s: %ld bytes of stack\n", bpf_program__name(prog), most);
	wd_expect(most <= STACK_MAX);
}

static void stacks_leave_room(void)
{
	each_program(check_stack);
}

static void check_size(const struct bpf_program *prog, const char *log)
{
	(void)log;
	wd_expect(bpf_program__insn_cnt(prog) <= INSNS_MAX);
}

static void programs_are_short_enough_for_jumps_of_16_bits(void)
{
	each_program(check_size);
}

static void check_verified(const struct bpf_program *prog, const char *log)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	(void)log;
	if (wd_expect_int(0, bpf_prog_get_info_by_fd(bpf_program__fd(prog),
						     &info, &len)))
		wd_expect(info.verified_insns <= VERIFIED_MAX);
}

static void the_verifier_needs_a_quarter_of_its_limit_at_most(void)
{
	each_program(check_verified);
}

/* ---- what the programs use of the kernel ---- */

/* Neither is of use to anybody, and both have ended programs. */
static bool is_never_called(int helper)
{
	return helper == BPF_FUNC_tail_call || helper == BPF_FUNC_trace_printk;
}

static bool is_forbidden(int helper)
{
	static const int forbidden[] = {
		BPF_FUNC_tail_call,	      BPF_FUNC_trace_printk,
		BPF_FUNC_probe_read,	      BPF_FUNC_probe_read_str,
		BPF_FUNC_probe_read_user,     BPF_FUNC_probe_read_kernel,
		BPF_FUNC_probe_read_user_str, BPF_FUNC_probe_read_kernel_str,
	};

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++) {
		if (helper == forbidden[i])
			return true;
	}
	return false;
}

static void check_calls(const struct bpf_program *prog, const char *log)
{
	const struct bpf_insn *insn = bpf_program__insns(prog);
	size_t cnt = bpf_program__insn_cnt(prog);

	(void)log;
	for (size_t i = 0; i < cnt; i++) {
		if (insn[i].code != (BPF_JMP | BPF_CALL))
			continue;
		wd_expect(insn[i].src_reg || !is_never_called(insn[i].imm));
		if (looks_inside(bpf_program__name(prog)))
			continue;
		wd_expect(insn[i].src_reg != BPF_PSEUDO_KFUNC_CALL);
		if (insn[i].src_reg)
			continue;
		wd_expect(insn[i].imm <= LAST_HELPER);
		wd_expect(!is_forbidden(insn[i].imm));
	}
}

static void programs_call_only_helpers_of_the_oldest_kernel(void)
{
	each_program(check_calls);
}

static void no_map_holds_programs(void)
{
	for (size_t i = 0; i < OBJECT_CNT; i++) {
		struct bpf_map *map;

		bpf_object__for_each_map(map, loaded[i].obj) {
			wd_test_row(bpf_map__name(map));
			wd_expect(bpf_map__type(map) !=
				  BPF_MAP_TYPE_PROG_ARRAY);
		}
	}
}

static void a_ring_buffer_fits_every_page_size(void)
{
	for (size_t i = 0; i < OBJECT_CNT; i++) {
		struct bpf_map *map;

		bpf_object__for_each_map(map, loaded[i].obj) {
			if (bpf_map__type(map) != BPF_MAP_TYPE_RINGBUF)
				continue;
			wd_test_row(bpf_map__name(map));
			wd_expect_int(0, bpf_map__max_entries(map) % PAGE_MAX);
		}
	}
}

/* Bytes that no member has are not written by who sets the members. */
static void expect_no_hole(const struct btf *btf, int id, int level)
{
	const struct btf_type *t;
	const struct btf_member *m;
	uint32_t end = 0;

	id = btf__resolve_type(btf, (uint32_t)id);
	t = btf__type_by_id(btf, (uint32_t)id);
	if (t && btf_is_array(t) && wd_expect(level < LEVELS_MAX)) {
		expect_no_hole(btf, (int)btf_array(t)->type, level + 1);
		return;
	}
	if (!t || !btf_is_struct(t) || !wd_expect(level < LEVELS_MAX))
		return;
	wd_test_row(btf__name_by_offset(btf, t->name_off));
	m = btf_members(t);
	for (int i = 0; i < btf_vlen(t); i++) {
		wd_expect_int(end, btf_member_bit_offset(t, (uint32_t)i) / 8);
		end += (uint32_t)btf__resolve_size(btf, m[i].type);
	}
	wd_expect_int(t->size, end);
	for (int i = 0; i < btf_vlen(t); i++)
		expect_no_hole(btf, (int)m[i].type, level + 1);
}

static void keys_and_values_have_no_holes(void)
{
	for (size_t i = 0; i < OBJECT_CNT; i++) {
		const struct btf *btf = bpf_object__btf(loaded[i].obj);
		struct bpf_map *map;
		int cnt = 0;

		bpf_object__for_each_map(map, loaded[i].obj) {
			/* the scratch is nobody's key or value, and zeroed whole */
			if (bpf_map__is_internal(map) ||
			    !strcmp(bpf_map__name(map), "wd_scratch"))
				continue;
			expect_no_hole(btf, (int)bpf_map__btf_key_type_id(map),
				       0);
			expect_no_hole(btf,
				       (int)bpf_map__btf_value_type_id(map), 0);
			cnt += bpf_map__btf_value_type_id(map) != 0;
		}
		wd_test_row(objects[i].name);
		wd_expect(cnt > 0); /* or nothing was looked at */
	}
}

static void no_symbol_is_left_to_the_kernel(void)
{
	for (size_t i = 0; i < OBJECT_CNT; i++) {
		const struct btf *btf = bpf_object__btf(loaded[i].obj);

		wd_test_row(objects[i].name);
		/* the one that takes packets from the kernel as they are */
		if (!strcmp(objects[i].name, "wd_host"))
			continue;
		wd_expect(btf__find_by_name_kind(btf, ".ksyms",
						 BTF_KIND_DATASEC) < 0);
		wd_expect(btf__find_by_name_kind(btf, ".kconfig",
						 BTF_KIND_DATASEC) < 0);
	}
}

/* ---- the file ---- */

/* The one that is shipped, three folders above this test. NULL with the cause told. */
static char *read_binary(size_t *ret_bytes)
{
	static char path[PATH_MAX];
	char *bytes = NULL;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct stat st;
	FILE *f;

	for (int i = 0; i < 3 && len > 0; i++)
		*strrchr(path, '/') = '\0';
	strncat(path, "/warder", sizeof(path) - strlen(path) - 1);
	f = fopen(path, "r");
	if (f && !fstat(fileno(f), &st)) {
		*ret_bytes = (size_t)st.st_size;
		bytes = malloc(*ret_bytes);
	}
	if (bytes && fread(bytes, 1, *ret_bytes, f) != *ret_bytes) {
		free(bytes);
		bytes = NULL;
	}
	if (f)
		(void)fclose(f);
	if (!wd_expect(bytes != NULL))
		printf("# cannot read %s\n", path);
	return bytes;
}

static void the_binary_has_the_objects_that_are_tested(void)
{
	size_t bytes, elf_bytes;
	char *binary = read_binary(&bytes);

	for (size_t i = 0; binary && i < OBJECT_CNT; i++) {
		const void *elf = objects[i].elf(&elf_bytes);

		wd_test_row(objects[i].name);
		wd_expect(memmem(binary, bytes, elf, elf_bytes) != NULL);
	}
	wd_test_row(NULL);
	free(binary);
}

static const Elf64_Shdr *section(const char *elf, const char *name)
{
	const Elf64_Ehdr *head = (const void *)elf;
	const Elf64_Shdr *all = (const void *)(elf + head->e_shoff);
	const char *names = elf + all[head->e_shstrndx].sh_offset;

	for (int i = 0; i < head->e_shnum; i++) {
		if (!strcmp(names + all[i].sh_name, name))
			return &all[i];
	}
	return NULL;
}

static bool is_of_the_kernel(const struct btf_type *t)
{
	return btf_is_func(t) && btf_vlen(t) == BTF_FUNC_EXTERN;
}

/* The library writes over what it loads, so what the file says is read. */
static int expect_known_calls(const char *elf)
{
	const Elf64_Shdr *at = section(elf, ".BTF");
	struct btf *btf = NULL;
	int cnt = 0;

	if (wd_expect(at != NULL) && at)
		btf = btf__new(elf + at->sh_offset, (uint32_t)at->sh_size);
	if (!wd_expect(btf != NULL))
		return 0;
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!is_of_the_kernel(t))
			continue;
		wd_expect_str("bpf_dynptr_from_skb",
			      btf__name_by_offset(btf, t->name_off));
		cnt++;
	}
	btf__free(btf);
	return cnt;
}

/* Also none that the compiler puts there, as __bpf_trap. */
static void no_function_of_the_kernel_is_called_but_one(void)
{
	size_t bytes;
	int known = 0;

	for (size_t i = 0; i < OBJECT_CNT; i++) {
		wd_test_row(objects[i].name);
		known += expect_known_calls(objects[i].elf(&bytes));
	}
	wd_test_row(NULL);
	wd_expect_int(1, known); /* of wd_host */
}

/* Of struct btf_ext_header, which is no kernel's UAPI. */
struct ext_head {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t head_len;
	uint32_t func_off, func_len;
	uint32_t line_off, line_len;
	uint32_t relo_off, relo_len;
};

static void no_field_of_the_kernels_own_is_read(void)
{
	for (size_t i = 0; i < OBJECT_CNT; i++) {
		size_t bytes;
		const char *elf = objects[i].elf(&bytes);
		const Elf64_Shdr *ext = section(elf, ".BTF.ext");
		struct ext_head head = { 0 };

		wd_test_row(objects[i].name);
		if (!wd_expect(ext != NULL) || !ext ||
		    looks_inside(objects[i].name))
			continue;
		memcpy(&head, elf + ext->sh_offset, sizeof(head));
		if (head.head_len >= sizeof(head))
			wd_expect_int(0, head.relo_len);
	}
}

static void close_all(void)
{
	for (size_t i = 0; i < OBJECT_CNT; i++)
		bpf_object__close(loaded[i].obj);
}

int main(void)
{
	(void)libbpf_set_print(print_nothing);
	WD_TEST(every_object_loads_here);
	WD_TEST(stacks_leave_room);
	WD_TEST(programs_are_short_enough_for_jumps_of_16_bits);
	WD_TEST(the_verifier_needs_a_quarter_of_its_limit_at_most);
	WD_TEST(programs_call_only_helpers_of_the_oldest_kernel);
	WD_TEST(no_map_holds_programs);
	WD_TEST(a_ring_buffer_fits_every_page_size);
	WD_TEST(keys_and_values_have_no_holes);
	WD_TEST(no_symbol_is_left_to_the_kernel);
	WD_TEST(no_function_of_the_kernel_is_called_but_one);
	WD_TEST(the_binary_has_the_objects_that_are_tested);
	WD_TEST(no_field_of_the_kernels_own_is_read);
	close_all();
	return wd_tests_end();
}
