// SPDX-License-Identifier: GPL-2.0-only
/* ports.c - made by `ip`, or WireGuard's own; agents say what they know. */
#include "ports.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "agents.h"
#include "datapath/fixture.h"
#include "expect.h"
#include "tap.h"

#define FOU_PORT 7781
#define L2TP_PORT 7782
#define FREE_PORT 7783
#define SOON_MS 120000 /* emulated, on a busy machine */

/* ---- WireGuard ---- */

static void again_both(int sig)
{
	for (int n = 0; n < SITE_NODES; n++) {
		agent_stop(n, sig);
		wd_expect(agent_start(n));
		wd_expect(agent_ready(n));
	}
}

static void end_and_kill_both(void)
{
	again_both(SIGTERM);
	again_both(SIGKILL);
}

/*
 * What WireGuard sends is of nodes: it passes as its own because its port is known,
 * and must be known before WireGuard has been asked.
 */
void row_125_nothing_is_lost_at_a_start_where_nodes_must_encrypt(void)
{
	agents_opts.nodes = "required";
	again_both(SIGTERM);
	expect_none_lost(end_and_kill_both);
	agents_opts.nodes = NULL;
	again_both(SIGTERM);
}

/* ---- FOU, L2TP ---- */

/* Would a pod's datagram to its node be dropped as a tunnel's? */
static bool is_shut(int port)
{
	const char *name = site_node[0].name;
	char text[64], pod[64];

	snprintf(pod, sizeof(pod), "shop/%s", site_pod_name(0, SITE_POD));
	snprintf(text, sizeof(text), WD_FX_ROOT "/%s/text", name);
	/* exit status 1: denied */
	(void)wd_fx_run("%s why %s %s:%d/udp --run-dir " WD_FX_ROOT
			"/%s/run >%s 2>&1; true",
			agents_opts.warder, pod, site_node[0].ip[0], port, name,
			text);
	return wd_fx_says(text, 0, "ENCAP_FORBIDDEN");
}

static bool becomes(bool shut, int port)
{
	long until = site_now_ms() + SOON_MS;

	while (is_shut(port) != shut) {
		if (site_now_ms() > until)
			return false;
		usleep(500000);
	}
	return true;
}

/* No device comes with them: whoever unpacks there needs none. */
void ports_of_fou_and_l2tp_are_shut_to_pods(void)
{
	const char *name = site_node[0].name, *ip = site_node[0].ip[0];

	wd_expect(!is_shut(FOU_PORT));
	wd_expect(wd_fx_run("ip -n %s fou add port %d ipproto 4", name,
			    FOU_PORT));
	wd_expect(wd_fx_run("ip -n %s l2tp add tunnel tunnel_id 3 "
			    "peer_tunnel_id 3 encap udp local %s remote %s "
			    "udp_sport %d udp_dport %d",
			    name, ip, site_node[1].ip[0], L2TP_PORT,
			    L2TP_PORT));
	wd_expect(becomes(true, FOU_PORT));
	wd_expect(becomes(true, L2TP_PORT));
	wd_expect(!is_shut(FREE_PORT));
	wd_expect(wd_fx_run("ip -n %s fou del port %d", name, FOU_PORT));
	wd_expect(wd_fx_run("ip -n %s l2tp del tunnel tunnel_id 3", name));
	wd_expect(becomes(false, FOU_PORT));
	wd_expect(becomes(false, L2TP_PORT));
}
