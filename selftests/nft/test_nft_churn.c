/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_nft_churn.c - what a change costs, and what is left of one that fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <time.h>

#include "nft/kernel.h"
#include "nft/library.h"
#include "node.h"
#include "simple.h"
#include "tap.h"

#define ADDRS 18000
#define SLOTS 50
#define RULES 1000 /* of all slots together */
#define PREDS 500

static struct node node;
static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

/* Of this process: other tests run at the same time. */
static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static bool sync_now(void)
{
	char *error = NULL;
	int err = wd_nft_sync(node.nft, &error);

	if (!wd_expect_int(0, err))
		printf("# %s\n", error);
	free(error);
	return !err;
}

static const char *addr_nr(uint32_t nr, char buf[INET6_ADDRSTRLEN])
{
	if (nr % 2)
		(void)snprintf(buf, INET6_ADDRSTRLEN, "fd00:10::%x", nr);
	else
		(void)snprintf(buf, INET6_ADDRSTRLEN, "10.%u.%u.%u",
			       100 + (nr >> 16), nr >> 8 & 255, nr & 255);
	return buf;
}

/* A class of 16 rules of its own for each piece of @RULES. */
static void many_rules(struct wd_memory *mem)
{
	struct wd_class_val *classes = wd_memory_window(mem, WD_MAP_wd_class);

	for (uint32_t i = 0; i < RULES; i++) {
		struct wd_class_val *class = &classes[1 + i / 16];

		class->rule[class->cnt++] =
			(struct wd_rule){ .id = i,
					  .pred = (uint16_t)(i % PREDS) };
	}
	for (uint32_t slot = 1; slot <= SLOTS; slot++) {
		simple_slot(mem, slot, WD_INGRESS, true,
			    1 + slot % (RULES / 16));
		simple_slot(mem, slot, WD_EGRESS, true,
			    1 + (slot + SLOTS) % (RULES / 16));
	}
	/* each row has five predicates, so each address is in five sets */
	for (uint32_t row = 1; row <= 2000; row++)
		for (uint32_t i = 0; i < 5; i++)
			simple_row(mem, row, (row * 7 + i * 101) % PREDS);
	for (uint32_t i = 0; i < 100; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "172.16.%u.0", i);
		simple_prefix(mem, text, 24 + i % 8, 1 + i);
	}
}

static void fill(struct wd_memory *mem)
{
	char buf[INET6_ADDRSTRLEN];

	simple_begin(mem);
	many_rules(mem);
	for (uint32_t i = 0; i < ADDRS; i++)
		simple_addr(mem, addr_nr(i, buf), 1 + i % 2000, WD_ADDR_POD, 0);
	for (uint32_t i = 0; i < NODE_PODS; i++)
		simple_pod(mem, node.ifindex[i], 1 + i, addr_nr(2 * i, buf),
			   NULL, mac, 0);
}

static void whole_node_is_written_in_one_transaction(void)
{
	struct wd_nft_info info;
	double begun, took;

	if (!wd_expect(node_open(&node)))
		return;
	fill(node.mem);
	begun = now_ms();
	for (int i = 0; i < NODE_PODS; i++)
		wd_expect_int(0,
			      wd_nft_attach(node.nft, node.ifindex[i], NULL));
	took = now_ms() - begun;
	begun = now_ms();
	(void)sync_now();
	wd_nft_info(node.nft, &info);
	printf("# %d addresses, %d rules in %d slots: first transaction with %d more devices %.0f ms, sync of it all %.0f ms\n",
	       ADDRS, RULES, SLOTS, NODE_PODS - 1, took, now_ms() - begun);
	printf("# %llu rules of nftables, %llu elements\n",
	       (unsigned long long)info.rules, (unsigned long long)info.added);
	wd_expect_int(NODE_PODS + 1, (long long)info.transactions);
	begun = now_ms();
	(void)sync_now();
	wd_nft_info(node.nft, &info);
	printf("# sync without a change: %.0f ms (all are ms of processor time)\n",
	       now_ms() - begun);
	wd_expect_int(NODE_PODS + 1, (long long)info.transactions);
	begun = now_ms();
	wd_expect_int(0, wd_nft_check(node.nft, node.ifindex[0]));
	printf("# check: %.0f ms the first time\n", now_ms() - begun);
	begun = now_ms();
	wd_expect_int(0, wd_nft_check(node.nft, node.ifindex[0]));
	printf("# check: %.2f ms then\n", now_ms() - begun);
}

static void pods_come_and_go_without_a_chain_rewritten(void)
{
	struct wd_nft_info before, after;
	char buf[INET6_ADDRSTRLEN];
	double begun, took;

	wd_nft_info(node.nft, &before);
	for (uint32_t i = 0; i < 1000; i++) {
		simple_addr(node.mem, addr_nr(ADDRS + i, buf), 1 + i % 2000,
			    WD_ADDR_POD, 0);
		simple_no_addr(node.mem, addr_nr(i * 2 + 100, buf));
	}
	begun = now_ms();
	(void)sync_now();
	took = now_ms() - begun;
	wd_nft_info(node.nft, &after);
	printf("# 1000 pods came, 1000 went: %.0f ms, %llu elements added, %llu deleted\n",
	       took, (unsigned long long)(after.added - before.added),
	       (unsigned long long)(after.deleted - before.deleted));
	wd_expect_int(0, (long long)(after.chains - before.chains));
	wd_expect_int(0, (long long)(after.rules - before.rules));
	wd_expect_int(1, (long long)(after.transactions - before.transactions));
	/* of five predicates of each pod most are used */
	wd_expect_int((long long)(after.deleted - before.deleted),
		      (long long)(after.added - before.added));
	wd_expect(after.added - before.added > 4000);
	begun = now_ms();
	simple_addr(node.mem, "10.250.0.1", 1, WD_ADDR_POD, 0);
	(void)sync_now();
	printf("# one pod more: %.0f ms\n", now_ms() - begun);
	node_close(&node);
}

/* ---- two pods ---- */

static bool two_pods(void)
{
	if (!wd_expect(node_open(&node)))
		return false;
	simple_begin(node.mem);
	simple_row(node.mem, 1, 7);
	simple_class(node.mem, 1, 7);
	simple_slot(node.mem, 1, WD_INGRESS, true, 1);
	simple_slot(node.mem, 1, WD_EGRESS, false, 0);
	simple_addr(node.mem, "10.1.0.1", 1, WD_ADDR_POD | WD_ADDR_LOCAL,
		    node.ifindex[0]);
	simple_pod(node.mem, node.ifindex[0], 1, "10.1.0.1", "fd00:1::1", mac,
		   0);
	simple_pod(node.mem, node.ifindex[1], 1, "10.1.0.2", "fd00:1::2", mac,
		   0);
	return wd_expect_int(0,
			     wd_nft_attach(node.nft, node.ifindex[0], NULL)) &&
	       wd_expect_int(0,
			     wd_nft_attach(node.nft, node.ifindex[1], NULL)) &&
	       sync_now();
}

static void run_words(const char *words)
{
	struct wd_nft_library *lib;
	char *error = NULL;

	if (!wd_expect_int(0, wd_nft_library_open(&lib, &error)))
		return;
	if (!wd_expect_int(0, wd_nft_run(lib, words, &error)))
		printf("# %s\n", error);
	free(error);
	wd_nft_library_close(lib);
}

static void an_edited_ruleset_is_noticed_and_written_anew(void)
{
	static const char *const edits[] = {
		"flush chain inet warder prerouting\n",
		"add element inet warder p7_4 { 192.0.2.77 }\n",
		"delete table netdev warder\n",
		"insert rule inet warder sane_in accept\n",
	};

	uint32_t before, after;

	if (!two_pods())
		return;
	for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		wd_test_row(edits[i]);
		wd_expect_int(0, wd_nft_check(node.nft, node.ifindex[0]));
		run_words("add table inet others\n");
		run_words("delete table inet others\n");
		wd_expect_int(0, wd_nft_check(node.nft, node.ifindex[0]));
		run_words(edits[i]);
		wd_expect_int(-ENOLINK,
			      wd_nft_check(node.nft, node.ifindex[0]));
		(void)sync_now();
		wd_expect_int(0, wd_nft_check(node.nft, node.ifindex[0]));
		/* without a check, sync notices by itself */
		run_words(edits[i]);
		wd_expect_int(0, wd_nft_kernel_gen(&before));
		(void)sync_now();
		wd_expect_int(0, wd_nft_kernel_gen(&after));
		wd_expect_int(before + 1, after);
		wd_expect_int(0, wd_nft_check(node.nft, node.ifindex[0]));
	}
	wd_test_row(NULL);
	wd_expect_int(-ENOLINK, wd_nft_check(node.nft, node.ifindex[2]));
	wd_expect_int(-ENODEV, wd_nft_check(node.nft, 4000000));
	node_close(&node);
}

static void may_change_networks(bool on)
{
	cap_value_t cap = CAP_NET_ADMIN;
	cap_t caps = cap_get_proc();

	if (!caps ||
	    cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap,
			 on ? CAP_SET : CAP_CLEAR) ||
	    cap_set_proc(caps))
		abort();
	cap_free(caps);
}

static void a_refused_transaction_leaves_the_old_ruleset(void)
{
	char *error = NULL;
	uint32_t before, after;
	struct rlimit files, none;

	if (!two_pods())
		return;
	simple_class(node.mem, 1, 9);
	wd_expect_int(0, wd_nft_kernel_gen(&before));
	may_change_networks(false);
	wd_expect(wd_nft_sync(node.nft, &error) < 0);
	may_change_networks(true);
	wd_expect(error && strstr(error, "nft: "));
	printf("# %s\n", error ? error : "no message");
	free(error);
	error = NULL;
	/* nor does one end the process that gets no socket */
	(void)getrlimit(RLIMIT_NOFILE, &files);
	none = files;
	none.rlim_cur = 3;
	(void)setrlimit(RLIMIT_NOFILE, &none);
	wd_expect(wd_nft_sync(node.nft, &error) < 0);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	free(error);
	wd_expect_int(0, wd_nft_kernel_gen(&after));
	wd_expect_int(before, after);
	/* and what was in force is known: the next one is a small step */
	(void)sync_now();
	wd_expect_int(0, wd_nft_kernel_gen(&after));
	wd_expect_int(before + 1, after);
	wd_expect_int(0, wd_nft_check(node.nft, node.ifindex[0]));
	node_close(&node);
}

static void a_device_that_goes_does_not_stop_the_rest(void)
{
	if (!two_pods())
		return;
	node_ip(&node, "link del d1\n");
	simple_addr(node.mem, "10.1.0.9", 1, WD_ADDR_POD, 0);
	(void)sync_now();
	wd_expect_int(-ENODEV, wd_nft_check(node.nft, node.ifindex[1]));
	wd_expect_int(0, wd_nft_check(node.nft, node.ifindex[0]));
	wd_expect_int(0, wd_nft_detach(node.nft, node.ifindex[1], NULL));
	wd_expect_int(0, wd_nft_check(node.nft, node.ifindex[0]));
	node_close(&node);
}

static void another_agent_finds_takes_over_and_removes(void)
{
	struct wd_tables tables = { 0 };
	struct wd_nft *second;
	uint64_t packets, bytes;
	char *error = NULL;

	if (!two_pods())
		return;
	wd_expect(wd_nft_found());
	tables = node_tables(&node);
	/* as after a crash: nobody detached anything */
	wd_expect_int(0, wd_nft_open(&tables, &second, &error));
	wd_expect_int(0, wd_nft_attach(second, node.ifindex[0], &error));
	wd_expect_int(0, wd_nft_sync(second, &error));
	wd_expect_int(0, wd_nft_check(second, node.ifindex[0]));
	wd_expect_int(0, wd_nft_stats(second, WD_R_DEFAULT, WD_INGRESS,
				      &packets, &bytes));
	wd_nft_close(second);
	wd_expect(wd_nft_found());
	wd_expect_int(0, wd_nft_remove(&error));
	wd_expect(!wd_nft_found());
	wd_expect_int(0, wd_nft_remove(&error));
	free(error);
	node_close(&node);
}

int main(void)
{
	WD_TEST(whole_node_is_written_in_one_transaction);
	WD_TEST(pods_come_and_go_without_a_chain_rewritten);
	WD_TEST(an_edited_ruleset_is_noticed_and_written_anew);
	WD_TEST(a_refused_transaction_leaves_the_old_ruleset);
	WD_TEST(a_device_that_goes_does_not_stop_the_rest);
	WD_TEST(another_agent_finds_takes_over_and_removes);
	return wd_tests_end();
}
