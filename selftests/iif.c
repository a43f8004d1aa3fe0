/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iif.c - finds the loads of ingress_ifindex in a program and bends them.
 *
 * Which registers and stack slots hold the context is followed along every
 * edge of the program, several ways united: the verifier takes no load whose
 * pointer is the context on one way and something else on another, so what is
 * the context on one way is it on all.
 */
#include "iif.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOPBACK 1
#define SLOTS 64 /* of 8 bytes */

/* Where the context is, at one instruction. */
struct where {
	uint64_t slots;
	uint16_t regs;
	bool is_reached;
};

struct scan {
	struct bpf_insn *insns;
	struct where *at;
	size_t cnt;
	bool is_changed;
};

static bool by_mark;

static void flow_to(struct scan *s, size_t to, struct where from)
{
	struct where *at;

	if (to >= s->cnt)
		return;
	at = &s->at[to];
	if (at->is_reached && !(from.slots & ~at->slots) &&
	    !(from.regs & ~at->regs))
		return;
	at->slots |= from.slots;
	at->regs |= from.regs;
	at->is_reached = true;
	s->is_changed = true;
}

static int slot_of(const struct bpf_insn *insn, uint8_t base)
{
	int slot = -insn->off / 8;

	return base == BPF_REG_10 && slot > 0 && slot < SLOTS ? slot : -1;
}

static void copy_bit(struct where *w, uint8_t dst, bool is_ctx)
{
	w->regs &= (uint16_t)~(1U << dst);
	w->regs |= (uint16_t)((unsigned int)is_ctx << dst);
}

/* What one instruction that is no jump does to the places. */
static void apply(const struct bpf_insn *insn, struct where *w)
{
	bool src_is_ctx = w->regs >> insn->src_reg & 1;
	int slot;

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU64:
	case BPF_ALU:
		copy_bit(w, insn->dst_reg,
			 src_is_ctx &&
				 insn->code == (BPF_ALU64 | BPF_MOV | BPF_X));
		break;
	case BPF_LDX:
		slot = slot_of(insn, insn->src_reg);
		copy_bit(w, insn->dst_reg,
			 slot > 0 && BPF_SIZE(insn->code) == BPF_DW &&
				 w->slots >> slot & 1);
		break;
	case BPF_LD:
		copy_bit(w, insn->dst_reg, false);
		break;
	case BPF_STX:
		slot = slot_of(insn, insn->dst_reg);
		if (BPF_MODE(insn->code) != BPF_MEM)
			copy_bit(w, insn->src_reg, false);
		else if (slot > 0 && BPF_SIZE(insn->code) == BPF_DW)
			w->slots = (w->slots & ~(1ULL << slot)) |
				   (uint64_t)src_is_ctx << slot;
		break;
	}
}

static void follow_call(struct scan *s, size_t i, struct where w)
{
	if (s->insns[i].src_reg == BPF_PSEUDO_CALL)
		flow_to(s, i + 1 + (size_t)s->insns[i].imm,
			(struct where){ .regs = w.regs & 0x3e,
					.is_reached = true });
	w.regs &= (uint16_t)~0x3f; /* the callee's to use */
	flow_to(s, i + 1, w);
}

static void follow(struct scan *s, size_t i)
{
	const struct bpf_insn *insn = &s->insns[i];
	uint8_t class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);
	struct where w = s->at[i];

	if (class != BPF_JMP && class != BPF_JMP32) {
		apply(insn, &w);
		/* a 64-bit constant takes the room of two */
		flow_to(s, i + 1 + (insn->code == (BPF_LD | BPF_IMM | BPF_DW)),
			w);
	} else if (op == BPF_CALL) {
		follow_call(s, i, w);
	} else if (op != BPF_EXIT) {
		if (insn->code == (BPF_JMP32 | BPF_JA))
			flow_to(s, i + 1 + (size_t)insn->imm, w);
		else
			flow_to(s, i + 1 + (size_t)insn->off, w);
		if (op != BPF_JA)
			flow_to(s, i + 1, w);
	}
}

static void follow_all(struct scan *s)
{
	flow_to(s, 0, (struct where){ .regs = 1U << BPF_REG_1 });
	while (s->is_changed) {
		s->is_changed = false;
		for (size_t i = 0; i < s->cnt; i++)
			if (s->at[i].is_reached)
				follow(s, i);
	}
}

/* Does instruction @i load something of the context? */
static bool is_ctx_load(const struct scan *s, size_t i)
{
	const struct bpf_insn *insn = &s->insns[i];

	return BPF_CLASS(insn->code) == BPF_LDX &&
	       BPF_MODE(insn->code) == BPF_MEM &&
	       s->at[i].regs >> insn->src_reg & 1;
}

static void bend(struct scan *s)
{
	follow_all(s);
	for (size_t i = 0; i < s->cnt; i++) {
		struct bpf_insn *insn = &s->insns[i];

		if (is_ctx_load(s, i) &&
		    insn->off == offsetof(struct __sk_buff, ingress_ifindex))
			insn->off = offsetof(struct __sk_buff, mark);
	}
}

static int prepare_load(struct bpf_program *prog,
			struct bpf_prog_load_opts *opts, long cookie)
{
	struct scan s = { .cnt = bpf_program__insn_cnt(prog) };
	int err = -ENOMEM;

	(void)opts;
	(void)cookie;
	s.insns = calloc(s.cnt, sizeof(*s.insns));
	s.at = calloc(s.cnt, sizeof(*s.at));
	if (s.insns && s.at) {
		memcpy(s.insns, bpf_program__insns(prog),
		       s.cnt * sizeof(*s.insns));
		bend(&s);
		err = bpf_program__set_insns(prog, s.insns, s.cnt);
	}
	free(s.insns);
	free(s.at);
	return err;
}

int wd_ctx_loads(const struct bpf_program *prog, uint64_t *ret_words)
{
	struct scan s = { .cnt = bpf_program__insn_cnt(prog) };
	uint64_t words = 0;

	s.insns = calloc(s.cnt, sizeof(*s.insns));
	s.at = calloc(s.cnt, sizeof(*s.at));
	if (!s.insns || !s.at) {
		free(s.insns);
		free(s.at);
		return -ENOMEM;
	}
	memcpy(s.insns, bpf_program__insns(prog), s.cnt * sizeof(*s.insns));
	follow_all(&s);
	for (size_t i = 0; i < s.cnt; i++)
		if (is_ctx_load(&s, i))
			words |= 1ULL << (s.insns[i].off / 4);
	free(s.insns);
	free(s.at);
	*ret_words = words;
	return 0;
}

/* Does the kernel run a program on a packet that came in by the loopback? */
static int probe(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	uint8_t frame[64] = { 0 };
	struct __sk_buff ctx = { .ingress_ifindex = LOOPBACK };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = sizeof(frame), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);
	int fd, err;

	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "wd_probe", "GPL", insns, 2,
			   NULL);
	if (fd < 0)
		return fd;
	err = bpf_prog_test_run_opts(fd, &opts);
	close(fd);
	return err;
}

int wd_iif_prepare(void)
{
	static const struct {
		const char *name; /* of the objects of all rungs */
		enum bpf_attach_type attach;
	} sections[] = {
		{ "tcx/egress", BPF_TCX_EGRESS },
		{ "tcx/ingress", BPF_TCX_INGRESS },
		{ "tc", 0 },
	};
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts,
		    .prog_prepare_load_fn = prepare_load);
	int err = probe();

	if (err != -EINVAL)
		return err;
	by_mark = true;
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		err = libbpf_register_prog_handler(sections[i].name,
						   BPF_PROG_TYPE_SCHED_CLS,
						   sections[i].attach, &opts);
		if (err < 0)
			return err;
	}
	return 0;
}

void wd_iif_set(struct __sk_buff *ctx, uint32_t iif)
{
	if (by_mark)
		ctx->mark = iif;
	else
		ctx->ingress_ifindex = iif;
}
