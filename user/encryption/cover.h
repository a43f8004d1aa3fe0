/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover.h - what was encrypted and what was not, added up by names.
 *
 * The rows of wd_cover with names in place of numbers: numbers are the agent's
 * of the day, names are what an auditor asks for a year later. Knows no map
 * and no file.
 */
#ifndef WARDER_COVER_H
#define WARDER_COVER_H

#include <stddef.h>
#include <stdint.h>

#include <warder/abi.h>

struct wd_cover;

#define WD_COVER_UNKNOWN "?" /* inside the cluster, but nobody knows the pod */

/* What went between two namespaces and a node, in one way. */
struct wd_cover_row {
	/* namespaces of source and destination; "" a node, or not of the cluster */
	const char *from;
	const char *to;
	const char *peer; /* the other node, "" not known */
	uint8_t kind; /* enum wd_cover_kind */
	uint8_t dir; /* enum wd_dir, as seen from this node */
	uint8_t family; /* 4, 6, 0 not seen */
	uint64_t packets;
	uint64_t bytes;
};

/** wd_cover_new() - an empty sum; ends the program without memory */
struct wd_cover *wd_cover_new(void);
void wd_cover_free(struct wd_cover *cover);

/** wd_cover_clear() - all rows away */
void wd_cover_clear(struct wd_cover *cover);

/** wd_cover_add() - add a row's packets and bytes; its names are copied, nothing counted adds nothing */
void wd_cover_add(struct wd_cover *cover, const struct wd_cover_row *row);

/** wd_cover_merge() - add every row of @from */
void wd_cover_merge(struct wd_cover *cover, const struct wd_cover *from);

/** wd_cover_cnt() - rows */
size_t wd_cover_cnt(const struct wd_cover *cover);

/**
 * wd_cover_rows() - all of them, by source, destination, peer, direction, kind and family
 * Return: array of wd_cover_cnt() to be freed; its names are the sum's. NULL if there are none.
 */
struct wd_cover_row *wd_cover_rows(const struct wd_cover *cover);

/** wd_cover_kind_name() - "wireguard", "dropped", ...; NULL no such kind */
const char *wd_cover_kind_name(uint32_t kind);

/** wd_cover_kind_find() - Return: enum wd_cover_kind, -ENOENT */
int wd_cover_kind_find(const char *name);

/** wd_cover_kind_evidence() - what it is worth: "proven", "seen", "stopped", "observed", "clear" */
const char *wd_cover_kind_evidence(uint32_t kind);

/** wd_cover_kind_help() - what is counted, and how much it says; one clause */
const char *wd_cover_kind_help(uint32_t kind);

#endif /* WARDER_COVER_H */
