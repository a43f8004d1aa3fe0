/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_hostopen.c - what of the host stays open: how it is written, and the
 * policy it comes to.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <warder/verdict.h>

#include "host/hostopen.h"
#include "model/object.h"
#include "model/xalloc.h"
#include "source/load.h"
#include "tap.h"

static void lists_of_ports_are_read_strictly(void)
{
	static const char *const good[] = {
		"22",	   "22/tcp", "22,80/UDP,5-9/sctp",
		"1-65535", "none",   WD_HOST_OPEN_DEFAULT,
	};
	static const char *const bad[] = {
		"",
		"0",
		"65536",
		"22,",
		",22",
		"22/icmp",
		"9-5",
		"x",
		"22 ",
		"22/",
		"22/tcp/udp",
		"-5",
		"5-",
		"none,22",
		"+22",
		"22,,23",
		"99999999999999999999",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		wd_test_row(good[i]);
		wd_expect_int(0, wd_host_open_check(good[i]));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		wd_test_row(bad[i]);
		wd_expect_int(-EINVAL, wd_host_open_check(bad[i]));
	}
	wd_test_row(NULL);
}

static void the_policy_isolates_nobody_and_lets_these_in(void)
{
	char *text = wd_host_open_text("22,53/udp,7-9/sctp");
	char *copy = wd_xprintf("%s ", text); /* room for one more byte */
	const struct wd_policy_rule *rule;
	const struct wd_policy *policy;
	struct wd_load load;

	wd_load_text(&load, "open", copy, strlen(text));
	wd_expect_int(0, (long long)load.problems.cnt);
	if (!wd_expect_int(1, (long long)load.obj_cnt))
		return;
	policy = &load.obj[0]->policy;
	wd_expect(wd_policy_nodes(policy));
	wd_expect(!wd_policy_isolates(policy, WD_INGRESS));
	wd_expect(!wd_policy_isolates(policy, WD_EGRESS));
	rule = wd_policy_rule(policy, WD_INGRESS, 0);
	if (wd_expect(rule != NULL)) {
		wd_expect(rule->any_peer && !rule->broken);
		wd_expect_int(3, rule->port_cnt);
		wd_expect_int(IPPROTO_UDP, rule->port[1].proto);
		wd_expect_int(7, rule->port[2].lo);
		wd_expect_int(9, rule->port[2].hi);
	}
	wd_load_fini(&load);
	free(copy);
	free(text);
}

static void none_lets_nothing_in(void)
{
	char *text = wd_host_open_text("none");

	wd_expect(!strstr(text, "ingress: [{"));
	free(text);
}

int main(void)
{
	WD_TEST(lists_of_ports_are_read_strictly);
	WD_TEST(the_policy_isolates_nobody_and_lets_these_in);
	WD_TEST(none_lets_nothing_in);
	return wd_tests_end();
}
