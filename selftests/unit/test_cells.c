/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cells.c - manifests with what they come to: every file of
 * selftests/examples/cells holds objects, and lines
 *
 *	#: allow|deny FROM[,FROM] -> TO[:PORT[/PROTO]][,TO...]
 *
 * FROM and TO are pods (ns/name) or addresses; without a port it is an echo
 * request; PROTO is tcp unless it is udp or sctp. Pods without a nodeName, and
 * those of node "here", are of this node, the others are not. Each cell is asked
 * over every family that both ends have, of the objects and of the tables.
 */
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "reading.h"
#include "../oracle/sinkhole.h"
#include "../tap.h"

#define FOLDER "selftests/examples/cells"
#define PODS 64

static struct {
	struct wd_sinkhole hole;
	struct wd_sink sink;
	struct wd_store *store;
	struct wd_model *model;
	struct wd_endpoint ep[PODS];
	uint32_t ep_cnt;
} w;

static const char *file; /* name of the one that is looked at */
static char text[1 << 16]; /* of it */

static void changed(void *ctx, const struct wd_object *was,
		    const struct wd_object *now)
{
	(void)ctx;
	wd_model_changed(w.model, was, now);
}

/* ---- the cluster ---- */

static void add_endpoint(const struct wd_object *pod)
{
	struct wd_endpoint *ep = &w.ep[w.ep_cnt++];

	memset(ep, 0, sizeof(*ep));
	ep->id = ep->ifindex = w.ep_cnt;
	ep->ns = pod->ns;
	ep->name = pod->name;
	ep->uid = ep->container = ep->netns = "";
	for (uint32_t i = 0; i < pod->pod.addr_cnt; i++)
		ep->addr[ep->addr_cnt++] = pod->pod.addr[i];
	wd_model_endpoint_set(w.model, ep);
}

static void add_objects(void)
{
	struct wd_load load = { 0 };

	reading_load(&load, file, text);
	for (size_t i = 0; i < load.obj_cnt; i++) {
		wd_store_put(w.store, load.obj[i]);
		load.obj[i] = NULL;
	}
	wd_expect_int(0, (long long)load.problems.cnt);
	wd_load_fini(&load);
}

static void set_up(void)
{
	const struct wd_model_config config = { .node = "here" };
	const struct wd_object *pod = NULL;

	w.sink = wd_sinkhole_open(&w.hole);
	w.store = wd_store_new(changed, NULL);
	w.model = wd_model_new(w.store, &w.sink, &config);
	add_objects();
	while ((pod = wd_store_next(w.store, WD_KIND_POD, pod)))
		if (!pod->pod.host_network && w.ep_cnt < PODS &&
		    (!pod->pod.node || !strcmp(pod->pod.node, "here")))
			add_endpoint(pod);
	wd_expect_int(0, wd_model_commit(w.model, NULL));
}

static void tear_down(void)
{
	wd_model_free(w.model);
	wd_store_free(w.store);
	wd_sinkhole_close(&w.sink);
	memset(&w, 0, sizeof(w));
}

/* ---- questions ---- */

/* Address of a pod, or the one written. Return: has it any of @family */
static bool find(const char *who, uint8_t family, struct wd_addr *ret_addr)
{
	const struct wd_object *pod = NULL;
	const char *slash = strchr(who, '/');

	if (!slash)
		return !wd_addr_parse(who, ret_addr) &&
		       ret_addr->family == family;
	while ((pod = wd_store_next(w.store, WD_KIND_POD, pod))) {
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

/* "80", "53/udp", or NULL: an echo request */
static void set_port(struct wd_flow *flow, const char *port)
{
	const char *proto = port ? strchr(port, '/') : NULL;

	flow->proto = flow->src.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	flow->port = flow->src.family == 4 ? 8 << 8 : 128 << 8;
	if (!port)
		return;
	flow->port = (uint16_t)strtoul(port, NULL, 10);
	flow->proto = !proto || !strcmp(proto, "/tcp") ? IPPROTO_TCP :
		      !strcmp(proto, "/udp")	       ? IPPROTO_UDP :
							 IPPROTO_SCTP;
}

static bool is_open(const struct wd_flow *flow)
{
	struct wd_decision d[WD_DIR__MAX];
	bool open = true;

	wd_model_why(w.model, flow, false, d, NULL);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		if (!d[dir].enforced)
			continue;
		wd_expect_int(d[dir].verdict, d[dir].table_verdict);
		wd_expect_int(d[dir].reason, d[dir].table_reason);
		open &= d[dir].verdict == WD_ALLOW;
	}
	return open;
}

/* Return: over how many families it could be asked. */
static int ask(bool want, const char *from, const char *to, const char *port)
{
	int cnt = 0;

	for (uint8_t family = 4; family <= 6; family += 2) {
		struct wd_flow flow = { 0 };
		char row[200];

		if (!find(from, family, &flow.src) ||
		    !find(to, family, &flow.dst))
			continue;
		set_port(&flow, port);
		(void)snprintf(row, sizeof(row), "%s: %s -> %s:%s over IPv%d",
			       file, from, to, port ? port : "echo", family);
		wd_test_row(row);
		wd_expect_int(want, is_open(&flow));
		cnt++;
	}
	wd_test_row(NULL);
	return cnt;
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

static void ask_from(bool want, char *from, const char *to, const char *port)
{
	char *src;

	while ((src = strsep(&from, ",")))
		if (!wd_expect(ask(want, src, to, port)))
			printf("# nobody: %s -> %s\n", src, to);
}

static void ask_line(char *line)
{
	const char *mode = strsep(&line, " ");
	char *from = strsep(&line, " ");
	const char *arrow = strsep(&line, " ");
	char *one;

	if (!wd_expect(line && !strcmp(arrow, "->") &&
		       (!strcmp(mode, "allow") || !strcmp(mode, "deny"))))
		return;
	while ((one = strsep(&line, ","))) {
		const char *port = cut_port(one);
		char *froms = wd_xstrdup(from);

		ask_from(!strcmp(mode, "allow"), froms, one + (*one == '['),
			 port);
		free(froms);
	}
}

static void each_cell_is_as_written(void)
{
	static char lines[sizeof(text)];
	char *at = lines;
	char *line;
	int cnt = 0;

	memcpy(lines, text, sizeof(lines)); /* reading changes the text */
	set_up();
	while ((line = strsep(&at, "\n"))) {
		if (strncmp(line, "#: ", 3) != 0)
			continue;
		ask_line(line + 3);
		cnt++;
	}
	wd_expect(cnt);
	tear_down();
}

/* ---- changes ---- */

#define SLICE(address) \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" \
	"metadata: {name: s, namespace: shop, labels: {kubernetes.io/service-name: db}}\n" \
	"addressType: IPv4\nendpoints: [{addresses: [" address "]}]\n" \
	"ports: [{port: 80, protocol: TCP}]\n"

static const char denied[] =
	"apiVersion: v1\nkind: Pod\n"
	"metadata: {name: a, namespace: shop, labels: {app: a}}\n"
	"status: {podIP: 10.1.0.1}\n---\n"
	"apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\n"
	"spec: {clusterIP: 10.96.0.1, selector: {app: db}, ports: [{port: 80}]}\n---\n"
	"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
	"metadata: {name: no-db, namespace: shop}\nspec:\n"
	"  endpointSelector: {}\n  enableDefaultDeny: {egress: false}\n"
	"  egressDeny: [{toServices: [{k8sService: {serviceName: db, namespace: shop}}]}]\n"
	"---\n" SLICE("10.9.0.1");

/* Also what its selector does not mean, as a pod in its node's network. */
static void a_deny_by_a_service_follows_its_slices(void)
{
	file = "slices";
	(void)snprintf(text, sizeof(text), "%s", denied);
	set_up();
	ask(false, "shop/a", "10.9.0.1", "80");
	ask(false, "shop/a", "10.96.0.1", "80");
	ask(true, "shop/a", "10.9.0.2", "80");
	(void)snprintf(text, sizeof(text), "%s", SLICE("10.9.0.2"));
	add_objects();
	wd_expect_int(0, wd_model_commit(w.model, NULL));
	ask(true, "shop/a", "10.9.0.1", "80");
	ask(false, "shop/a", "10.9.0.2", "80");
	tear_down();
}

/* ---- files ---- */

static bool read_file(const char *name)
{
	char path[512];
	FILE *from;
	size_t len;

	(void)snprintf(path, sizeof(path), FOLDER "/%s", name);
	from = fopen(path, "re");
	if (!from)
		return false;
	len = fread(text, 1, sizeof(text) - 1, from);
	text[len] = '\0';
	(void)fclose(from);
	return len > 0 && len < sizeof(text) - 1;
}

static void a_file_can_be_read(void)
{
	wd_expect(read_file(file));
}

int main(void)
{
	struct dirent **entry = NULL;
	int cnt = scandir(FOLDER, &entry, NULL, alphasort);

	for (int i = 0; i < cnt; i++) {
		char name[300];

		file = entry[i]->d_name;
		if (*file != '.' && !read_file(file)) {
			wd_test_run("a_file_can_be_read", a_file_can_be_read);
		} else if (*file != '.') {
			(void)snprintf(name, sizeof(name), "cells_of_%.*s_hold",
				       (int)strcspn(file, "."), file);
			wd_test_run(name, each_cell_is_as_written);
		}
		free(entry[i]);
	}
	free(entry);
	WD_TEST(a_deny_by_a_service_follows_its_slices);
	return wd_tests_end();
}
