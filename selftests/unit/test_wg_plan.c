/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_wg_plan.c - from the nodes' objects and a device to steps: which there
 * are, in which order, and none where nothing has to be done. And the file of
 * the private key, which nobody else may read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wireguard/keyfile.h"
#include "wireguard/plan.h"

#include "../tap.h"

#define NODES 3

/* This node is a; the device is as it should be, with peers b and c. */
struct world {
	struct wd_wg_cluster cluster;
	struct wd_wg_node node[NODES];
	struct wd_cidr cidr[NODES][2];
	struct wd_addr addr[NODES][2];
	struct wd_wg_pod pod[2];
	struct wd_wg_wants wants;
	struct wd_wg_has has;
	struct wd_wg_device dev;
	struct wd_wg_peer peer[NODES]; /* b, c, and a stranger */
	struct wd_cidr prefix[NODES][3];
	struct wd_addr own[3];
	struct wd_cidr route[5];
};

static void cidr(struct wd_cidr *to, const char *text)
{
	if (wd_cidr_parse(text, to))
		abort();
}

static void addr(struct wd_addr *to, const char *text)
{
	if (wd_addr_parse(text, to))
		abort();
}

static void build_cluster(struct world *w)
{
	static const char *const names[] = { "a", "b", "c" };

	for (uint8_t i = 0; i < NODES; i++) {
		char text[64];

		snprintf(text, sizeof(text), "10.0.%d.0/24", i + 1);
		cidr(&w->cidr[i][0], text);
		snprintf(text, sizeof(text), "fd00:%d::/64", i + 1);
		cidr(&w->cidr[i][1], text);
		snprintf(text, sizeof(text), "192.0.2.%d", i + 1);
		addr(&w->addr[i][0], text);
		snprintf(text, sizeof(text), "2001:db8::%d", i + 1);
		addr(&w->addr[i][1], text);
		w->node[i] = (struct wd_wg_node){
			.name = names[i],
			.number = 5u + i,
			.is_self = i == 0,
			.has_key = true,
			.key = { { (uint8_t)(1 + i) } },
			.addr_cnt = 2,
			.addr = w->addr[i],
			.cidr_cnt = 2,
			.cidr = w->cidr[i],
		};
	}
	addr(&w->pod[0].addr, "10.0.2.5"); /* of b, in its prefix */
	w->pod[0].node = 6;
	addr(&w->pod[1].addr, "10.9.9.9"); /* of b, in nobody's */
	w->pod[1].node = 6;
	w->cluster = (struct wd_wg_cluster){
		.node_cnt = NODES,
		.node = w->node,
		.pod_cnt = 2,
		.pod = w->pod,
	};
	w->wants = (struct wd_wg_wants){ "wg", 51871, 1420, true };
}

static void build(struct world *w)
{
	memset(w, 0, sizeof(*w));
	build_cluster(w);
	for (uint8_t i = 0; i < NODES; i++) {
		w->peer[i] = (struct wd_wg_peer){
			.key = { { (uint8_t)(2 + i) } },
			.endpoint_port = 51871,
			.prefix_cnt = 2,
			.prefix = w->prefix[i],
		};
	}
	w->peer[0].endpoint = w->addr[1][0];
	w->peer[1].endpoint = w->addr[2][1]; /* by its other address */
	w->peer[0].prefix_cnt = 3;
	w->prefix[0][0] = w->cidr[1][0];
	cidr(&w->prefix[0][1], "10.9.9.9/32");
	w->prefix[0][2] = w->cidr[1][1];
	w->prefix[1][0] = w->cidr[2][0];
	w->prefix[1][1] = w->cidr[2][1];
	w->peer[2].key.byte[0] = 99;
	w->peer[2].prefix_cnt = 1;
	cidr(&w->prefix[2][0], "172.16.0.0/16");
	w->dev = (struct wd_wg_device){
		.is_up = true,
		.has_key = true,
		.port = 51871,
		.peer_cnt = 2,
		.peer = w->peer,
	};
	w->own[0] = w->cidr[0][0].addr;
	w->own[1] = w->cidr[0][1].addr;
	w->route[0] = w->cidr[2][1]; /* in any order */
	w->route[1] = w->cidr[1][0];
	w->route[2] = w->cidr[1][1];
	w->route[3] = w->cidr[2][0];
	cidr(&w->route[4], "10.9.9.9/32");
	w->has = (struct wd_wg_has){
		.dev = &w->dev,
		.mtu = 1420,
		.addr_cnt = 2,
		.addr = w->own,
		.route_cnt = 5,
		.route = w->route,
	};
}

/* Steps that are told, joined by "; "; keys as their first byte. */
static const char *plan_text(const struct world *w)
{
	static char text[4096];
	struct wd_wg_plan plan;
	size_t len = 0;

	wd_wg_plan(&w->cluster, &w->wants, &w->has, &plan);
	text[0] = '\0';
	for (uint32_t i = 0; i < plan.cnt; i++) {
		char *line = wd_wg_step_str(&plan.step[i]), *at;
		char key[WD_WGKEY_STRLEN];

		(void)wd_wgkey_str(&plan.step[i].key, key);
		at = strstr(line, key);
		if (at)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s%.*s%u%s", len ? "; " : "",
						(int)(at - line), line,
						plan.step[i].key.byte[0],
						at + strlen(key));
		else if (!plan.step[i].is_silent)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s%s", len ? "; " : "", line);
		free(line);
	}
	wd_wg_plan_fini(&plan);
	return text;
}

static void nothing(struct world *w)
{
	(void)w;
}
static void no_link(struct world *w)
{
	memset(&w->has, 0, sizeof(w->has));
	w->node[2].has_key = false;
}
static void node_new(struct world *w)
{
	w->dev.peer_cnt = 1;
	w->has.route_cnt = 0;
}
static void node_left(struct world *w)
{
	w->cluster.node_cnt = 2;
}
static void node_left_in_doubt(struct world *w)
{
	node_left(w);
	w->wants.may_remove = false;
}
static void key_left(struct world *w)
{
	w->node[2].has_key = false;
}
static void key_shared(struct world *w)
{
	w->node[2].key = w->node[1].key;
}
static void key_new(struct world *w)
{
	w->node[2].key.byte[0] = 50;
}
static void stranger(struct world *w)
{
	w->dev.peer_cnt = 3;
}
static void pod_left(struct world *w)
{
	w->cluster.pod_cnt = 1;
}
static void stranger_and_pod_left(struct world *w)
{
	stranger(w);
	pod_left(w);
}
static void pod_moved(struct world *w)
{
	w->pod[1].node = 7;
}
static void pod_in_prefix_of_other(struct world *w)
{
	w->pod[0].node = 7;
}
static void prefix_of_two(struct world *w)
{
	w->cidr[2][0] = w->cidr[1][0];
}
static void endpoint_other(struct world *w)
{
	addr(&w->peer[0].endpoint, "198.51.100.1");
}
static void endpoint_none(struct world *w)
{
	memset(&w->peer[0].endpoint, 0, sizeof(w->peer[0].endpoint));
}
static void endpoint_port(struct world *w)
{
	w->peer[0].endpoint_port = 1;
}
static void endpoint_of_family(struct world *w)
{
	endpoint_none(w);
	w->node[0].addr = &w->addr[0][1]; /* we are reached by IPv6 */
	w->node[0].addr_cnt = 1;
}
static void endpoint_unknown(struct world *w)
{
	endpoint_other(w);
	w->node[1].addr_cnt = 0;
}
static void down(struct world *w)
{
	w->dev.is_up = false;
	w->has.route_cnt = 0;
	w->has.mtu = 1500;
	w->has.addr_cnt = 1;
}
static void port_other(struct world *w)
{
	w->dev.port = 7;
}
static void route_stale(struct world *w)
{
	cidr(&w->route[4], "10.8.0.0/16");
}
static void own_key_as_peer(struct world *w)
{
	w->peer[2].key.byte[0] = 1;
	w->dev.peer_cnt = 3;
}

static const struct {
	const char *name;
	void (*change)(struct world *w);
	const char *steps;
} rows[] = {
	{ "nothing", nothing, "" },
	{ "no link", no_link,
	  "make the device; set private key and port 51871; "
	  "add peer 2 (node b), endpoint 192.0.2.2:51871, add 10.0.2.0/24 "
	  "10.9.9.9/32 fd00:2::/64; set MTU 1420; add address 10.0.1.0; "
	  "add address fd00:1::; bring it up; add routes 10.0.2.0/24 "
	  "10.9.9.9/32 fd00:2::/64" },
	{ "node is new", node_new,
	  "add peer 3 (node c), endpoint 192.0.2.3:51871, add 10.0.3.0/24 "
	  "fd00:3::/64; add routes 10.0.2.0/24 10.0.3.0/24 10.9.9.9/32 "
	  "fd00:2::/64 fd00:3::/64" },
	{ "node left", node_left,
	  "remove routes 10.0.3.0/24 fd00:3::/64; remove peer 3" },
	{ "node left, in doubt", node_left_in_doubt, "" },
	{ "key left", key_left,
	  "remove routes 10.0.3.0/24 fd00:3::/64; remove peer 3" },
	{ "key of two", key_shared,
	  "remove routes 10.0.2.0/24 10.0.3.0/24 10.9.9.9/32 fd00:2::/64 "
	  "fd00:3::/64; remove peer 2; remove peer 3" },
	{ "key is new", key_new,
	  "add peer 50 (node c), endpoint 192.0.2.3:51871, add 10.0.3.0/24 "
	  "fd00:3::/64; remove peer 3" },
	{ "stranger", stranger, "remove peer 99" },
	{ "pod left", pod_left,
	  "remove routes 10.9.9.9/32; take from peer 2 (node b) 10.9.9.9/32" },
	{ "stranger, and pod left", stranger_and_pod_left,
	  "remove routes 10.9.9.9/32; take from peer 2 (node b) 10.9.9.9/32; "
	  "remove peer 99" },
	{ "pod moved: its prefix moves by being added", pod_moved,
	  "change peer 3 (node c), add 10.9.9.9/32" },
	{ "pod in another's prefix", pod_in_prefix_of_other,
	  "change peer 3 (node c), add 10.0.2.5/32; add routes 10.0.2.5/32" },
	{ "prefix of two is nobody's", prefix_of_two,
	  "change peer 2 (node b), add 10.0.2.5/32; add routes 10.0.2.5/32; "
	  "remove routes 10.0.2.0/24 10.0.3.0/24; "
	  "take from peer 2 (node b) 10.0.2.0/24; "
	  "take from peer 3 (node c) 10.0.3.0/24" },
	{ "endpoint elsewhere", endpoint_other,
	  "change peer 2 (node b), endpoint 192.0.2.2:51871" },
	{ "no endpoint", endpoint_none,
	  "change peer 2 (node b), endpoint 192.0.2.2:51871" },
	{ "endpoint's port", endpoint_port,
	  "change peer 2 (node b), endpoint 192.0.2.2:51871" },
	{ "endpoint of our family", endpoint_of_family,
	  "change peer 2 (node b), endpoint [2001:db8::2]:51871" },
	{ "node without addresses", endpoint_unknown, "" },
	{ "down", down,
	  "set MTU 1420; add address fd00:1::; bring it up; add routes "
	  "10.0.2.0/24 10.0.3.0/24 10.9.9.9/32 fd00:2::/64 fd00:3::/64" },
	{ "another port", port_other, "set private key and port 51871" },
	{ "stale route", route_stale,
	  "add routes 10.9.9.9/32; remove routes 10.8.0.0/16" },
	{ "own key as a peer", own_key_as_peer, "remove peer 1 (node a)" },
};

static void steps_bring_what_is_there_to_what_should_be(void)
{
	static struct world w;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].name);
		build(&w);
		rows[i].change(&w);
		wd_wg_device_sort(&w.dev);
		wd_expect_str(rows[i].steps, plan_text(&w));
	}
	wd_test_row(NULL);
}

/* ---- the private key ---- */

static char folder[] = "/tmp/wd-wgkey-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    fchmod(fd, mode))
		abort();
	close(fd);
}

static void a_key_is_made_once_and_for_its_owner_alone(void)
{
	struct wd_wgkey made = { 0 }, read = { 0 }, other;
	struct stat st;

	wd_expect_int(-ENOENT, wd_wg_keyfile_read(path_of("new"), &read));
	umask(0);
	wd_expect_int(0, wd_wg_keyfile_make(path_of("new"), &made));
	umask(022);
	wd_expect(!stat(path_of("new"), &st));
	wd_expect_int(S_IFREG | 0600, st.st_mode);
	wd_expect_int(1, (long long)st.st_nlink); /* no part is left */
	wd_expect_int(45, st.st_size);
	wd_expect_int(0, wd_wg_keyfile_read(path_of("new"), &read));
	wd_expect(!wd_wgkey_compare(&made, &read));
	wd_expect(!(made.byte[0] & 7) && (made.byte[31] & 0xc0) == 0x40);
	wd_expect_int(-EEXIST, wd_wg_keyfile_make(path_of("new"), &other));
	wd_expect_int(0, wd_wg_keyfile_read(path_of("new"), &read));
	wd_expect(!wd_wgkey_compare(&made, &read)); /* as it was */
	wd_expect_int(-ENOENT, wd_wg_keyfile_make(path_of("no/new"), &other));
	unlink(path_of("new"));
}

#define KEY "YAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHl8="

static void files_that_are_no_secret_or_no_key_are_refused(void)
{
	static const struct {
		const char *name;
		const char *text;
		mode_t mode;
		int err;
	} files[] = {
		{ "good", KEY "\n", 0600, 0 },
		{ "read-only", KEY "\n", 0400, 0 },
		{ "no line feed", KEY, 0600, 0 },
		{ "group", KEY "\n", 0640, -EACCES },
		{ "all", KEY "\n", 0604, -EACCES },
		{ "writable by all", KEY "\n", 0602, -EACCES },
		{ "empty", "", 0600, -EINVAL },
		{ "more", KEY "\n\n", 0600, -EINVAL },
		{ "other", "x\n", 0600, -EINVAL },
		{ "two", KEY "\n" KEY "\n", 0600, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct wd_wgkey key;

		wd_test_row(files[i].name);
		put_file("key", files[i].text, files[i].mode);
		wd_expect_int(files[i].err,
			      wd_wg_keyfile_read(path_of("key"), &key));
		unlink(path_of("key"));
	}
	wd_test_row(NULL);
}

static void no_link_is_followed_to_a_key(void)
{
	struct wd_wgkey key;
	char target[64];

	put_file("key", KEY "\n", 0600);
	snprintf(target, sizeof(target), "%s", path_of("key"));
	wd_expect(!symlink(target, path_of("link")));
	wd_expect_int(-ELOOP, wd_wg_keyfile_read(path_of("link"), &key));
	wd_expect_int(-EEXIST, wd_wg_keyfile_make(path_of("link"), &key));
	wd_expect_int(-EINVAL, wd_wg_keyfile_read(folder, &key));
	unlink(path_of("link"));
	unlink(path_of("key"));
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	WD_TEST(steps_bring_what_is_there_to_what_should_be);
	WD_TEST(a_key_is_made_once_and_for_its_owner_alone);
	WD_TEST(files_that_are_no_secret_or_no_key_are_refused);
	WD_TEST(no_link_is_followed_to_a_key);
	wd_expect(!rmdir(folder));
	return wd_tests_end();
}
