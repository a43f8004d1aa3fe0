/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_nft_flows.c - whole connections between network stacks: what a change
 * of policy does to live ones, what an answer may and may not do, the host's
 * own, and pods on a bridge.
 *
 * Predicate 7 holds for web and one, 8 for db and two.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nft/nft.h"
#include "node.h"
#include "pods.h"
#include "simple.h"
#include "tap.h"

#define OPEN 1 /* slots: isolates nothing */
#define CLOSED 2 /* isolated in both directions, no rule */
#define FROM7 3 /* isolated, from predicate 7 all is allowed */
#define TO8 4 /* isolated, to predicate 8 all is allowed */
#define FROM7_AGAIN 5 /* the same as FROM7 by another number */

static struct pods pods;
static struct wd_memory *mem;
static struct wd_nft *nft;

static int table_get(void *ctx, enum wd_map map, const void *key, void *ret)
{
	return wd_memory_get(ctx, map, key, ret);
}

static int table_next(void *ctx, enum wd_map map, const void *prev, void *ret)
{
	return wd_memory_next(ctx, map, prev, ret);
}

static void *table_window(void *ctx, enum wd_map map)
{
	return wd_memory_window(ctx, map);
}

static void sync_now(void)
{
	char *error = NULL;

	if (!wd_expect_int(0, wd_nft_sync(nft, &error)))
		printf("# %s\n", error);
	free(error);
}

/* A pod gets a slot, with what it needs at once. */
static void give(int pod, uint32_t slot)
{
	simple_pod(mem, pods.ifindex[pod], slot, pods_addr(pod, 4),
		   pods_addr(pod, 6), pods.mac[pod],
		   pod >= POD_ONE ? pods.bridge : 0);
}

static void write_policies(void)
{
	simple_begin(mem);
	simple_row(mem, 1, 7);
	simple_row(mem, 2, 8);
	simple_class(mem, 1, 7);
	simple_class(mem, 2, 8);
	simple_class(mem, 3, 7);
	for (enum wd_dir dir = 0; dir < WD_DIR__MAX; dir++) {
		bool in = dir == WD_INGRESS;

		simple_slot(mem, OPEN, dir, false, 0);
		simple_slot(mem, CLOSED, dir, true, 0);
		simple_slot(mem, FROM7, dir, true, in ? 1 : 0);
		simple_slot(mem, TO8, dir, true, in ? 0 : 2);
		simple_slot(mem, FROM7_AGAIN, dir, true, in ? 3 : 0);
	}
	for (int i = 0; i < POD_CNT; i++) {
		for (int version = 4; version <= 6; version += 2)
			simple_addr(mem, pods_addr(i, version), 1 + i % 2,
				    WD_ADDR_POD | WD_ADDR_LOCAL,
				    pods.ifindex[i]);
	}
	simple_addr(mem, pods_addr(POD_NODE, 4), 0, WD_ADDR_HOST, 0);
	simple_addr(mem, pods_addr(POD_NODE, 6), 0, WD_ADDR_HOST, 0);
	simple_addr(mem, "169.254.1.1", 0, WD_ADDR_HOST, 0);
}

static bool begin(void)
{
	struct wd_tables tables = { NULL, table_get, table_next, table_window };
	char *error = NULL;

	if (!pods_open(&pods) || wd_memory_new(&mem))
		return false;
	tables.ctx = mem;
	if (wd_nft_open(&tables, &nft, &error)) {
		printf("# %s\n", error);
		free(error);
		return false;
	}
	write_policies();
	for (int i = 0; i < POD_CNT; i++) {
		give(i, OPEN);
		if (wd_nft_attach(nft, pods.ifindex[i], &error)) {
			printf("# %s\n", error);
			free(error);
			return false;
		}
	}
	sync_now();
	return true;
}

static void end(void)
{
	wd_nft_close(nft);
	wd_memory_free(mem);
	pods_close(&pods);
}

/* All four pods, then a change that is in force at once. */
static void slots(uint32_t web, uint32_t db, uint32_t one, uint32_t two)
{
	give(POD_WEB, web);
	give(POD_DB, db);
	give(POD_ONE, one);
	give(POD_TWO, two);
	sync_now();
}

static void drop(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

/* A connection, with both ends. */
struct conn {
	int listener, client, server;
};

static bool conn_open(struct conn *c, int from, int to, int version,
		      uint16_t port)
{
	c->server = -1;
	c->listener = pods_listen(&pods, to, version, port);
	c->client = pods_connect(&pods, from, to, version, port);
	if (c->client >= 0)
		c->server = pods_accept(c->listener);
	return c->client >= 0 && c->server >= 0;
}

static void conn_close(const struct conn *c)
{
	drop(c->client);
	drop(c->server);
	drop(c->listener);
}

static void by_both_versions(void (*check)(int version))
{
	for (int version = 4; version <= 6; version += 2) {
		wd_test_row(version == 4 ? "IPv4" : "IPv6");
		check(version);
	}
	wd_test_row(NULL);
}

/* ---- connections ---- */

static void check_live(int version)
{
	struct conn c;

	slots(OPEN, FROM7, OPEN, OPEN);
	wd_expect(conn_open(&c, POD_WEB, POD_DB, version, 8080));
	wd_expect(pods_passes(c.client, c.server));
	wd_expect(pods_passes(c.server, c.client));
	slots(TO8, FROM7_AGAIN, OPEN, OPEN);
	wd_expect(pods_passes(c.client, c.server));
	wd_expect(pods_passes(c.server, c.client));
	conn_close(&c);
}

static void connection_lives_over_a_change_that_still_allows_it(void)
{
	by_both_versions(check_live);
}

static void check_cut_at_the_server(int version)
{
	struct conn c;

	slots(OPEN, FROM7, OPEN, OPEN);
	wd_expect(conn_open(&c, POD_WEB, POD_DB, version, 8081));
	wd_expect(pods_passes(c.client, c.server));
	slots(OPEN, CLOSED, OPEN, OPEN);
	wd_expect(!pods_passes(c.client, c.server));
	wd_expect(!pods_passes(c.server, c.client));
	conn_close(&c);
	wd_expect(!conn_open(&c, POD_WEB, POD_DB, version, 8082));
	conn_close(&c);
}

static void check_cut_at_the_client(int version)
{
	struct conn c;

	slots(TO8, OPEN, OPEN, OPEN);
	wd_expect(conn_open(&c, POD_WEB, POD_DB, version, 8083));
	wd_expect(pods_passes(c.server, c.client));
	slots(CLOSED, OPEN, OPEN, OPEN);
	wd_expect(!pods_passes(c.server, c.client));
	wd_expect(!pods_passes(c.client, c.server));
	conn_close(&c);
}

static void connection_is_cut_when_either_end_no_longer_allows_it(void)
{
	by_both_versions(check_cut_at_the_server);
	by_both_versions(check_cut_at_the_client);
}

static void check_address(int version)
{
	struct conn c;

	slots(OPEN, FROM7, OPEN, OPEN);
	wd_expect(conn_open(&c, POD_WEB, POD_DB, version, 8084));
	wd_expect(pods_passes(c.client, c.server));
	/* a label changed: the address has another row */
	simple_addr(mem, pods_addr(POD_WEB, version), 2,
		    WD_ADDR_POD | WD_ADDR_LOCAL, pods.ifindex[POD_WEB]);
	sync_now();
	wd_expect(!pods_passes(c.client, c.server));
	simple_addr(mem, pods_addr(POD_WEB, version), 1,
		    WD_ADDR_POD | WD_ADDR_LOCAL, pods.ifindex[POD_WEB]);
	sync_now();
	conn_close(&c);
}

static void connection_is_cut_when_the_peer_is_no_longer_who_it_was(void)
{
	by_both_versions(check_address);
}

/* ---- answers ---- */

static void check_answer(int version)
{
	int web, db, other;

	slots(OPEN, FROM7, OPEN, OPEN);
	web = pods_udp(&pods, POD_WEB, version, 6000);
	other = pods_udp(&pods, POD_WEB, version, 6001);
	db = pods_udp(&pods, POD_DB, version, 6000);
	/* db is isolated for egress: it may not begin */
	wd_expect(!pods_udp_passes(db, web, POD_WEB, version, 6000));
	wd_expect(pods_udp_passes(web, db, POD_DB, version, 6000));
	wd_expect(pods_udp_passes(db, web, POD_WEB, version, 6000));
	/* the answer opened nothing else */
	wd_expect(!pods_udp_passes(db, other, POD_WEB, version, 6001));
	(void)close(web);
	(void)close(other);
	(void)close(db);
}

static void an_answer_passes_and_opens_nothing(void)
{
	by_both_versions(check_answer);
}

/* ---- this host ---- */

static void host_policy(bool on)
{
	struct wd_state_val *state = wd_memory_window(mem, WD_MAP_wd_state);

	state->flags &= ~(uint32_t)WD_STATE_HOST_POLICY;
	if (on)
		state->flags |= WD_STATE_HOST_POLICY;
	sync_now();
}

static void check_probe(int version)
{
	struct conn c;

	slots(CLOSED, CLOSED, CLOSED, CLOSED);
	wd_expect(conn_open(&c, POD_NODE, POD_DB, version, 8085));
	wd_expect(pods_passes(c.client, c.server));
	wd_expect(pods_passes(c.server, c.client));
	conn_close(&c);
	/* and to a pod on a bridge */
	wd_expect(conn_open(&c, POD_NODE, POD_ONE, version, 8085));
	wd_expect(pods_passes(c.server, c.client));
	conn_close(&c);
	/* the other way round it is the pod's flow */
	wd_expect(!conn_open(&c, POD_DB, POD_NODE, version, 8086));
	conn_close(&c);
	host_policy(true);
	wd_expect(!conn_open(&c, POD_NODE, POD_DB, version, 8087));
	conn_close(&c);
	host_policy(false);
	slots(CLOSED, OPEN, CLOSED, CLOSED);
	wd_expect(conn_open(&c, POD_DB, POD_NODE, version, 8088));
	wd_expect(pods_passes(c.server, c.client));
	conn_close(&c);
}

static void host_probes_pass_and_open_no_way_back(void)
{
	by_both_versions(check_probe);
}

/* ---- bridge ---- */

static void check_routed_from_bridge(int version)
{
	struct conn c;

	slots(OPEN, FROM7, TO8, OPEN);
	wd_expect(conn_open(&c, POD_ONE, POD_DB, version, 8089));
	wd_expect(pods_passes(c.server, c.client));
	slots(OPEN, FROM7, CLOSED, OPEN);
	wd_expect(!pods_passes(c.server, c.client));
	conn_close(&c);
	/* to a pod on a bridge; two has not predicate 7 */
	slots(OPEN, OPEN, FROM7, OPEN);
	wd_expect(conn_open(&c, POD_WEB, POD_ONE, version, 8090));
	conn_close(&c);
	wd_expect(!conn_open(&c, POD_DB, POD_ONE, version, 8091));
	conn_close(&c);
}

static void pods_on_a_bridge_are_judged_where_they_are_routed(void)
{
	by_both_versions(check_routed_from_bridge);
}

static void check_bridged(int version)
{
	struct wd_nft_info info;
	struct conn c;
	bool opened;

	wd_nft_info(nft, &info);
	slots(OPEN, OPEN, OPEN, FROM7);
	opened = conn_open(&c, POD_ONE, POD_TWO, version, 8092);
	wd_expect_int(info.bridge_ct, opened);
	if (opened) {
		wd_expect(pods_passes(c.client, c.server));
		wd_expect(pods_passes(c.server, c.client));
		slots(OPEN, OPEN, OPEN, CLOSED);
		wd_expect(!pods_passes(c.client, c.server));
		wd_expect(!pods_passes(c.server, c.client));
	}
	conn_close(&c);
	slots(OPEN, OPEN, CLOSED, OPEN);
	wd_expect(!conn_open(&c, POD_ONE, POD_TWO, version, 8093));
	conn_close(&c);
	slots(OPEN, OPEN, FROM7, OPEN);
	/* two has not predicate 7 */
	wd_expect(!conn_open(&c, POD_TWO, POD_ONE, version, 8094));
	conn_close(&c);
}

static void what_a_bridge_forwards_is_judged_or_dropped(void)
{
	struct wd_nft_info info;

	wd_nft_info(nft, &info);
	printf("# this kernel %s connections of bridges\n",
	       info.bridge_ct ? "tracks" : "does not track");
	by_both_versions(check_bridged);
}

/* ---- life ---- */

static void a_new_pod_is_closed_until_its_policy_is_in(void)
{
	struct conn c;

	slots(OPEN, OPEN, OPEN, OPEN);
	wd_expect_int(0, wd_nft_detach(nft, pods.ifindex[POD_DB], NULL));
	wd_expect_int(0, wd_nft_attach(nft, pods.ifindex[POD_DB], NULL));
	wd_expect(!conn_open(&c, POD_WEB, POD_DB, 4, 8095));
	conn_close(&c);
	sync_now();
	wd_expect(conn_open(&c, POD_WEB, POD_DB, 4, 8096));
	conn_close(&c);
	give(POD_DB, 0); /* no slot: not ready */
	sync_now();
	wd_expect(!conn_open(&c, POD_WEB, POD_DB, 4, 8097));
	conn_close(&c);
}

static void nothing_is_judged_after_the_end(void)
{
	struct conn c;

	slots(CLOSED, CLOSED, CLOSED, CLOSED);
	wd_expect(!conn_open(&c, POD_WEB, POD_DB, 4, 8098));
	conn_close(&c);
	wd_expect_int(0, wd_nft_remove(NULL));
	wd_expect(conn_open(&c, POD_WEB, POD_DB, 4, 8099));
	conn_close(&c);
}

int main(void)
{
	if (!begin()) {
		printf("Bail out! no node\n");
		return 1;
	}
	WD_TEST(connection_lives_over_a_change_that_still_allows_it);
	WD_TEST(connection_is_cut_when_either_end_no_longer_allows_it);
	WD_TEST(connection_is_cut_when_the_peer_is_no_longer_who_it_was);
	WD_TEST(an_answer_passes_and_opens_nothing);
	WD_TEST(host_probes_pass_and_open_no_way_back);
	WD_TEST(pods_on_a_bridge_are_judged_where_they_are_routed);
	WD_TEST(what_a_bridge_forwards_is_judged_or_dropped);
	WD_TEST(a_new_pod_is_closed_until_its_policy_is_in);
	WD_TEST(nothing_is_judged_after_the_end);
	end();
	return wd_tests_end();
}
