/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cells.h - manifests with what they come to. A file of selftests/examples/cells
 * holds objects, and lines
 *
 *	#: allow|deny FROM[,FROM] -> TO[:PORT[/PROTO]][,TO...]
 *	#! KIND/[NS/]NAME FIELD
 *
 * FROM and TO are pods (ns/name) or addresses; FROM may be "host", a socket of
 * this node. PROTO is tcp unless it is udp, sctp, icmp, icmp6 or a number; what
 * stands before icmp is a type, or TYPE.CODE. Without a port it is an echo
 * request. Pods without a nodeName, and those of node "here", are of this node,
 * the others are not; addresses of a Node "here" are this node's, and policies
 * about it are in force, as if they had been confirmed.
 *
 * Each "#!" is a field that is told to be wrong; no other may be. Decides
 * nothing: who uses it asks each cell over every family that both ends have.
 */
#ifndef WARDER_SELFTESTS_CELLS_H
#define WARDER_SELFTESTS_CELLS_H

#include "model/model.h"
#include "self.h"

struct wd_store;

#define WD_CELLS_FOLDER "selftests/examples/cells"
#define WD_CELLS_PODS 48 /* of this node */
#define WD_CELLS_TEXT (1 << 16)

struct wd_cells {
	const char *file; /* name in the folder */
	char text[WD_CELLS_TEXT];
	struct wd_store *store;
	struct wd_model *model;
	struct wd_endpoint ep[WD_CELLS_PODS];
	uint32_t ep_cnt;
	struct wd_addr host[4];
	uint32_t host_cnt;
	struct wd_self self;
};

struct wd_cell {
	bool open;
	struct wd_flow flow;
};

typedef void wd_cell_fn(void *ctx, const struct wd_cell *cell);

/** wd_cells_list() - the names of the files, sorted, ended by NULL; each and the list to be freed */
char **wd_cells_list(void);

/** wd_cells_read() - the text of file @name, which is borrowed. Return: could it be read */
bool wd_cells_read(struct wd_cells *cells, const char *name);

/**
 * wd_cells_open() - what the text says, compiled; expects what it should
 * @sink: outlives it
 * @ifindex: WD_CELLS_PODS devices for the endpoints, or NULL: numbers from 1
 */
void wd_cells_open(struct wd_cells *cells, const struct wd_sink *sink,
		   const uint32_t *ifindex);

/** wd_cells_add() - objects of another text, compiled */
void wd_cells_add(struct wd_cells *cells, const char *text);

void wd_cells_close(struct wd_cells *cells);

/** wd_cells_each() - every cell of the text, each named as a row of the test. Return: how many */
int wd_cells_each(struct wd_cells *cells, wd_cell_fn *fn, void *ctx);

/** wd_cells_local() - the endpoint with an address, NULL: of another node, or nobody's */
const struct wd_endpoint *wd_cells_local(const struct wd_cells *cells,
					 const struct wd_addr *addr);

/** wd_cells_is_host() - is it an address of this node, and no pod's */
bool wd_cells_is_host(const struct wd_cells *cells, const struct wd_addr *addr);

/** wd_cells_ask() - do the objects and the tables say what the cell says; expects it. @ctx: the cells */
void wd_cells_ask(void *ctx, const struct wd_cell *cell);

#endif /* WARDER_SELFTESTS_CELLS_H */
