/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cells.c - files of manifests and cells: the cluster, the lines, the questions.
 */
#include "cells.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "source/load.h"
#include "source/problems.h"
#include "tap.h"

#define ROW 300

/* ---- files ---- */

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

char **wd_cells_list(void)
{
	struct dirent **entry = NULL;
	int cnt = scandir(WD_CELLS_FOLDER, &entry, is_shown, alphasort);
	char **names;

	if (cnt < 0)
		cnt = 0;
	names = wd_xcalloc((size_t)cnt + 1, sizeof(*names));
	for (int i = 0; i < cnt; i++) {
		names[i] = wd_xstrdup(entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return names;
}

bool wd_cells_read(struct wd_cells *cells, const char *name)
{
	char path[512];
	FILE *from;
	size_t len;

	memset(cells, 0, sizeof(*cells));
	cells->file = name;
	(void)snprintf(path, sizeof(path), WD_CELLS_FOLDER "/%s", name);
	from = fopen(path, "re");
	if (!from)
		return false;
	len = fread(cells->text, 1, WD_CELLS_TEXT - 1, from);
	cells->text[len] = '\0';
	(void)fclose(from);
	return len > 0 && len < WD_CELLS_TEXT - 1;
}

/* ---- what is told to be wrong ---- */

/* Line "#! OBJECT FIELD" of this problem there? */
static bool is_foretold(const char *text, const struct wd_problem *problem)
{
	char line[ROW];
	const char *at;

	(void)snprintf(line, sizeof(line), "#! %s %s\n", problem->object,
		       problem->field);
	at = strstr(text, line);
	return at && (at == text || at[-1] == '\n');
}

/* @text: as it was before it was read. */
static void check_problems(const struct wd_load *load, const char *text)
{
	size_t wanted = 0;

	for (const char *at = strstr(text, "#! "); at;
	     at = strstr(at + 1, "#! "))
		wanted++;
	wd_expect_int((long long)wanted, (long long)load->problems.cnt);
	for (size_t i = 0; i < load->problems.cnt; i++) {
		const struct wd_problem *problem = &load->problems.problem[i];

		if (!wd_expect(is_foretold(text, problem)))
			printf("# line %u: %s %s: %s\n", problem->line,
			       problem->object, problem->field, problem->text);
	}
}

/* ---- the cluster ---- */

static void changed(void *ctx, const struct wd_object *was,
		    const struct wd_object *now)
{
	const struct wd_cells *cells = ctx;

	wd_model_changed(cells->model, was, now);
}

static void add_objects(struct wd_cells *cells, const char *text)
{
	char *copy = wd_xstrdup(text); /* reading changes it */
	struct wd_load load = { 0 };

	wd_load_text(&load, cells->file, copy, strlen(copy));
	wd_problems_sort(&load.problems);
	for (size_t i = 0; i < load.obj_cnt; i++) {
		wd_store_put(cells->store, load.obj[i]);
		load.obj[i] = NULL;
	}
	check_problems(&load, text);
	wd_load_fini(&load);
	free(copy);
}

static void add_endpoint(struct wd_cells *cells, const struct wd_object *pod,
			 const uint32_t *ifindex)
{
	struct wd_endpoint *ep = &cells->ep[cells->ep_cnt];

	memset(ep, 0, sizeof(*ep));
	ep->ifindex = ifindex ? ifindex[cells->ep_cnt] : cells->ep_cnt + 1;
	ep->id = ep->stat = ++cells->ep_cnt;
	ep->host_mac[0] = ep->pod_mac[0] = 2;
	ep->host_mac[5] = 1;
	ep->pod_mac[5] = 2;
	ep->ns = pod->ns;
	ep->name = pod->name;
	ep->uid = ep->container = ep->network = ep->netns = "";
	for (uint32_t i = 0; i < pod->pod.addr_cnt; i++)
		ep->addr[ep->addr_cnt++] = pod->pod.addr[i];
	wd_model_endpoint_set(cells->model, ep);
}

static void add_node(struct wd_cells *cells)
{
	const struct wd_object *node =
		wd_store_get(cells->store, WD_KIND_NODE, "", "here");

	for (uint32_t i = 0; node && i < node->node.addr_cnt; i++)
		if (cells->host_cnt < 4)
			cells->host[cells->host_cnt++] = node->node.addr[i];
	wd_model_host_addrs(cells->model, cells->host, cells->host_cnt);
}

static void commit(struct wd_cells *cells)
{
	wd_self_sync(&cells->self, cells->store, "here", cells->model);
	wd_expect_int(0, wd_model_commit(cells->model, NULL));
}

void wd_cells_open(struct wd_cells *cells, const struct wd_sink *sink,
		   const uint32_t *ifindex)
{
	const struct wd_model_config config = { .node = "here" };
	const struct wd_object *pod = NULL;

	cells->store = wd_store_new(changed, cells);
	cells->model = wd_model_new(cells->store, sink, &config);
	add_objects(cells, cells->text);
	while ((pod = wd_store_next(cells->store, WD_KIND_POD, pod))) {
		if (pod->pod.host_network || pod->pod.finished ||
		    (pod->pod.node && strcmp(pod->pod.node, "here") != 0))
			continue;
		if (wd_expect(cells->ep_cnt < WD_CELLS_PODS))
			add_endpoint(cells, pod, ifindex);
	}
	add_node(cells);
	commit(cells);
}

void wd_cells_add(struct wd_cells *cells, const char *text)
{
	add_objects(cells, text);
	commit(cells);
}

void wd_cells_close(struct wd_cells *cells)
{
	wd_self_fini(&cells->self, cells->model);
	wd_model_free(cells->model);
	wd_store_free(cells->store);
	cells->model = NULL;
	cells->store = NULL;
}

const struct wd_endpoint *wd_cells_local(const struct wd_cells *cells,
					 const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < cells->ep_cnt; i++)
		for (uint32_t k = 0; k < cells->ep[i].addr_cnt; k++)
			if (wd_addr_equal(&cells->ep[i].addr[k], addr))
				return &cells->ep[i];
	return NULL;
}

bool wd_cells_is_host(const struct wd_cells *cells, const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < cells->host_cnt; i++)
		if (wd_addr_equal(&cells->host[i], addr))
			return true;
	return false;
}

/* ---- who and what ---- */

static bool find_pod(const struct wd_cells *cells, const char *who,
		     uint8_t family, struct wd_addr *ret_addr)
{
	const char *slash = strchr(who, '/');
	const struct wd_object *pod = NULL;

	while ((pod = wd_store_next(cells->store, WD_KIND_POD, pod))) {
		if (strncmp(pod->ns, who, (size_t)(slash - who)) != 0 ||
		    pod->ns[slash - who] || strcmp(pod->name, slash + 1) != 0)
			continue;
		for (uint32_t i = 0; i < pod->pod.addr_cnt; i++) {
			*ret_addr = pod->pod.addr[i];
			if (ret_addr->family == family)
				return true;
		}
	}
	return false;
}

/* Address of a pod, of this node, or the one written. Return: has it any of @family */
static bool find(const struct wd_cells *cells, const char *who, uint8_t family,
		 struct wd_addr *ret_addr)
{
	if (strchr(who, '/'))
		return find_pod(cells, who, family, ret_addr);
	if (strcmp(who, "host") != 0)
		return !wd_addr_parse(who, ret_addr) &&
		       ret_addr->family == family;
	for (uint32_t i = 0; i < cells->host_cnt; i++) {
		*ret_addr = cells->host[i];
		if (ret_addr->family == family)
			return true;
	}
	return false;
}

struct proto {
	const char *name;
	uint8_t number;
	uint8_t family; /* 0: both */
};

static const struct proto protos[] = {
	{ "tcp", IPPROTO_TCP, 0 },	{ "udp", IPPROTO_UDP, 0 },
	{ "sctp", IPPROTO_SCTP, 0 },	{ "icmp", IPPROTO_ICMP, 4 },
	{ "icmp6", IPPROTO_ICMPV6, 6 },
};

static void set_echo(struct wd_flow *flow)
{
	bool is_v4 = flow->src.family == 4;

	flow->proto = is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	flow->port = (uint16_t)((is_v4 ? 8 : 128) << 8);
}

/* "80", "53/udp", "13.2/icmp", "0/112", or NULL: an echo request. Return: is there such a thing in its family */
static bool set_port(struct wd_flow *flow, const char *port)
{
	const char *slash = port ? strchr(port, '/') : NULL;
	const struct proto *proto = NULL;
	char *end = NULL;

	set_echo(flow);
	if (!port)
		return true;
	flow->port = (uint16_t)strtoul(port, &end, 10);
	for (size_t i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (!strcmp(protos[i].name, slash ? slash + 1 : "tcp"))
			proto = &protos[i];
	if (!proto) {
		flow->proto = (uint8_t)strtoul(slash + 1, NULL, 10);
		flow->port = 0;
		return wd_expect(flow->proto);
	}
	flow->proto = proto->number;
	if (proto->family)
		flow->port = (uint16_t)(flow->port << 8);
	if (proto->family && *end == '.')
		flow->port |= (uint8_t)strtoul(end + 1, NULL, 10);
	return !proto->family || proto->family == flow->src.family;
}

/* ---- lines ---- */

/* How the cells of a text are asked. */
struct asking {
	struct wd_cells *cells;
	wd_cell_fn *fn;
	void *ctx;
	bool open; /* as this line says */
	int cnt;
};

static void ask_pair(struct asking *a, const char *from, const char *to,
		     const char *port)
{
	int before = a->cnt;

	for (uint8_t family = 4; family <= 6; family += 2) {
		struct wd_cell cell = { .open = a->open };
		char row[ROW];

		if (!find(a->cells, from, family, &cell.flow.src) ||
		    !find(a->cells, to, family, &cell.flow.dst) ||
		    !set_port(&cell.flow, port))
			continue;
		cell.flow.from_host = !strcmp(from, "host");
		(void)snprintf(row, sizeof(row), "%s: %s -> %s:%s over IPv%d",
			       a->cells->file, from, to, port ? port : "echo",
			       family);
		wd_test_row(row);
		a->fn(a->ctx, &cell);
		a->cnt++;
	}
	wd_test_row(NULL);
	if (!wd_expect(a->cnt > before))
		printf("# nobody: %s -> %s\n", from, to);
}

/* The port behind the last colon of "ns/pod:80" and "10.0.0.1:80", cut off. */
static char *cut_port(char *to)
{
	char *colon = strrchr(to, ':');

	if (!colon || (strchr(to, ':') != colon && !strchr(to, ']')))
		return NULL;
	*colon = '\0';
	if (*to == '[')
		to[strlen(to) - 1] = '\0';
	return colon + 1;
}

static void ask_line(struct asking *a, char *line)
{
	const char *mode = strsep(&line, " ");
	const char *from = strsep(&line, " ");
	const char *arrow = strsep(&line, " ");
	char *one;

	if (!wd_expect(line && !strcmp(arrow, "->") &&
		       (!strcmp(mode, "allow") || !strcmp(mode, "deny"))))
		return;
	a->open = !strcmp(mode, "allow");
	while ((one = strsep(&line, ","))) {
		const char *port = cut_port(one);
		char *froms = wd_xstrdup(from);
		char *at = froms;
		char *src;

		while ((src = strsep(&at, ",")))
			ask_pair(a, src, one + (*one == '['), port);
		free(froms);
	}
}

int wd_cells_each(struct wd_cells *cells, wd_cell_fn *fn, void *ctx)
{
	struct asking asking = { .cells = cells, .fn = fn, .ctx = ctx };
	char *lines = wd_xstrdup(cells->text);
	char *at = lines;
	char *line;

	while ((line = strsep(&at, "\n")))
		if (strncmp(line, "#: ", 3) == 0)
			ask_line(&asking, line + 3);
	free(lines);
	return asking.cnt;
}

void wd_cells_ask(void *ctx, const struct wd_cell *cell)
{
	const struct wd_cells *cells = ctx;
	struct wd_decision d[WD_DIR__MAX];
	bool open = true;

	wd_model_why(cells->model, &cell->flow, false, d, NULL);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		if (!d[dir].enforced)
			continue;
		wd_expect_int(d[dir].verdict, d[dir].table_verdict);
		wd_expect_int(d[dir].reason, d[dir].table_reason);
		open &= d[dir].verdict == WD_ALLOW;
	}
	wd_expect_int(cell->open, open);
}
