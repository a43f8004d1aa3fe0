/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gate.c - see gate.h: keeps account of what of it is in the kernel.
 */
#include "nft/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/xalloc.h"
#include "nft/kernel.h"
#include "nft/library.h"
#include "nft/readback.h"
#include "nft/stats.h"

struct wd_nft_gate {
	struct wd_nft_stats *stats;
	struct wd_nft_ruleset in_force;
	bool is_there; /* in_force is what the kernel has */
	bool probed;
	bool bridge; /* the kernel has that family */
	uint32_t gen; /* of the kernel's ruleset when it was as it should be, 0 not known */
};

struct wd_nft_gate *wd_nft_gate_new(void)
{
	struct wd_nft_gate *gate = wd_xcalloc(1, sizeof(*gate));

	gate->stats = wd_nft_stats_new(WD_NFT_TABLE_GATE);
	return gate;
}

void wd_nft_gate_free(struct wd_nft_gate *gate)
{
	if (!gate)
		return;
	wd_nft_stats_free(gate->stats);
	wd_nft_clear(&gate->in_force);
	free(gate);
}

static int fail(char **ret_error, int err, const char *what, char *why)
{
	*ret_error =
		wd_xprintf("nft: %s: %s", what, why ? why : strerror(-err));
	free(why);
	return err;
}

/* ---- put ---- */

/* A table that comes and goes in the same transaction. Return: 0, or -errno without the library */
static int probe(struct wd_nft_gate *gate, char **ret_error)
{
	struct wd_nft_library *lib;
	char *why = NULL;
	int err = gate->probed ? 0 : wd_nft_library_open(&lib, &why);

	if (err)
		return fail(ret_error, err, "cannot begin", why);
	if (gate->probed)
		return 0;
	gate->bridge = !wd_nft_run(
		lib,
		"add table bridge warder_probe\n"
		"add chain bridge warder_probe probe { type filter hook "
		"forward priority 0; policy accept; }\n"
		"add rule bridge warder_probe probe ip daddr 192.0.2.1 accept\n"
		"delete table bridge warder_probe\n",
		&why);
	gate->probed = true;
	wd_nft_library_close(lib);
	free(why);
	return 0;
}

static void put_old_tables(FILE *out)
{
	bool table[WD_NFT_FAMILIES];

	if (wd_nft_kernel_tables(WD_NFT_TABLE_GATE, table))
		return;
	for (int i = 0; i < WD_NFT_FAMILIES; i++)
		if (table[i])
			fprintf(out, "delete table %s " WD_NFT_TABLE_GATE "\n",
				wd_nft_family_names[i]);
}

static char *commands(struct wd_nft_gate *gate, const struct wd_nft_ruleset *to)
{
	struct wd_nft_ruleset empty = { 0 };
	struct wd_nft_cost cost;
	char *text = NULL;
	size_t len;
	FILE *out = wd_xtext_open(&text, &len);

	if (!gate->is_there) {
		wd_nft_stats_note(gate->stats);
		put_old_tables(out);
	}
	wd_nft_diff(gate->is_there ? &gate->in_force : &empty, to, false, out,
		    &cost);
	wd_xtext_close(out, &text);
	return text;
}

/* What was put there anew is read back. */
static int note(struct wd_nft_gate *gate, struct wd_nft_ruleset *to,
		char **ret_error)
{
	bool is_new = !gate->is_there;
	char *why = NULL;
	int err;

	wd_nft_keep(to);
	wd_nft_clear(&gate->in_force);
	gate->in_force = *to;
	gate->is_there = true;
	gate->gen = 0; /* looked at by the next check */
	if (!is_new)
		return 0;
	wd_nft_stats_keep(gate->stats);
	err = wd_nft_readback(&gate->in_force, &why);
	if (!err)
		return 0;
	gate->is_there = false;
	return fail(ret_error, err, "the ruleset cannot be read back", why);
}

/* The library's memory is wanted by nobody else where programs judge. */
static int run(const char *text, char **ret_error)
{
	struct wd_nft_library *lib;
	char *why = NULL;
	int err = wd_nft_library_open(&lib, &why);

	if (err)
		return fail(ret_error, err, "cannot begin", why);
	err = wd_nft_run(lib, text, &why);
	wd_nft_library_close(lib);
	return err ? fail(ret_error, err, "the kernel refused the ruleset",
			  why) :
		     0;
}

static int put(struct wd_nft_gate *gate, const struct wd_gate_want *want,
	       char **ret_error)
{
	struct wd_nft_ruleset to;
	char *text;
	int err;

	wd_nft_generate_gate(want, gate->bridge, &to);
	text = commands(gate, &to);
	err = *text ? run(text, ret_error) : 0;
	free(text);
	if (!err)
		return note(gate, &to, ret_error);
	wd_nft_clear(&to);
	gate->is_there = false; /* not known: all of it the next time */
	return err;
}

int wd_nft_gate_put(struct wd_nft_gate *gate, const struct wd_gate_want *want,
		    char **ret_error)
{
	bool was_there = gate->is_there;
	uint32_t gen;
	int err = wd_nft_kernel_gen(&gen);

	if (err)
		return fail(ret_error, err, "the kernel has no nftables", NULL);
	err = probe(gate, ret_error);
	if (!err)
		err = put(gate, want, ret_error);
	if (err && was_there) { /* its account of it may be wrong: all anew */
		free(*ret_error);
		*ret_error = NULL;
		err = put(gate, want, ret_error);
	}
	return err;
}

/* ---- check, remove ---- */

int wd_nft_gate_check(struct wd_nft_gate *gate)
{
	char *why = NULL;
	uint32_t gen;
	int err = gate->is_there ? wd_nft_kernel_gen(&gen) : -ENOLINK;

	if (err || gen == gate->gen)
		return err;
	err = wd_nft_readback(&gate->in_force, &why);
	free(why);
	if (err == -EBADMSG || err == -ENOENT) {
		gate->is_there = false;
		return -ENOLINK;
	}
	if (!err)
		gate->gen = gen;
	return err;
}

int wd_nft_gate_remove(void)
{
	bool table[WD_NFT_FAMILIES], any = false;
	int err = wd_nft_kernel_tables(WD_NFT_TABLE_GATE, table);

	if (err == -EPROTONOSUPPORT)
		return 0; /* no nftables, no ruleset */
	for (int i = 0; !err && i < WD_NFT_FAMILIES; i++)
		any |= table[i];
	return !err && any ? wd_nft_kernel_delete(WD_NFT_TABLE_GATE, table) :
			     err;
}

int wd_nft_gate_end(struct wd_nft_gate *gate)
{
	int err;

	wd_nft_stats_note(gate->stats);
	err = wd_nft_gate_remove();
	if (err)
		return err;
	wd_nft_stats_keep(gate->stats);
	wd_nft_clear(&gate->in_force);
	gate->is_there = false;
	return 0;
}

int wd_nft_gate_stats(struct wd_nft_gate *gate, enum wd_reason reason,
		      enum wd_dir dir, uint64_t *ret_packets,
		      uint64_t *ret_bytes)
{
	return wd_nft_stats_read(gate->stats, "", reason, dir, ret_packets,
				 ret_bytes);
}
