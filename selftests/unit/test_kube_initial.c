// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_kube_initial.c - when a server is asked for the head of a watch.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/now.h"
#include "kube/initial.h"
#include "kube/reflector.h"
#include "tap.h"

static const struct wd_kube_timing timing = {
	.initial_ms = 60000,
	.initial_max_ms = 200000,
};

static void refuse(struct wd_kube_initial *server)
{
	wd_kube_initial_refused(server, &timing, "/api/v1/pods", 422);
}

static void a_server_is_asked_until_it_refuses_and_then_after_a_while(void)
{
	struct wd_kube_initial server = { 0 };

	wd_expect_int(0, wd_kube_initial_may(NULL));
	wd_expect_int(1, wd_kube_initial_may(&server));
	refuse(&server);
	wd_expect_int(0, wd_kube_initial_may(&server));
	server.again_ms = wd_now_ms();
	wd_expect_int(1, wd_kube_initial_may(&server));
}

static void pauses_grow_with_each_refusal_and_not_for_ever(void)
{
	static const int64_t want[] = { 60000, 120000, 200000, 200000 };
	struct wd_kube_initial server = { 0 };

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		int64_t before = wd_now_ms();
		int64_t pause;

		refuse(&server);
		refuse(&server); /* another kind, asked at the same time */
		pause = server.again_ms - before;
		wd_expect_int(1,
			      pause >= want[i] &&
				      pause <= want[i] + wd_now_ms() - before);
		server.again_ms = 0;
	}
	wd_kube_initial_given(&server);
	wd_expect_int(0, server.refusals);
	wd_expect_int(1, wd_kube_initial_may(&server));
}

int main(void)
{
	WD_TEST(a_server_is_asked_until_it_refuses_and_then_after_a_while);
	WD_TEST(pauses_grow_with_each_refusal_and_not_for_ever);
	return wd_tests_end();
}
