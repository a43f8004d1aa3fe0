// SPDX-License-Identifier: GPL-2.0-only
/* around.c - routes, rules, devices. */
#include "around.h"

#include <string.h>

#include "datapath/fixture.h"
#include "site.h"

#define TABLE 100 /* all by the uplink */

/* ---- routes and rules ---- */

static const char *const family[] = { "-4", "-6" };

bool around_route(bool add)
{
	bool ok = true;

	for (int v6 = 0; v6 < 2; v6++)
		ok = wd_fx_run("ip -n na %s route %s %s via %s", family[v6],
			       add ? "replace" : "del",
			       site_ip(1, SITE_POD, v6), site_node[1].ip[v6]) &&
		     ok;
	return ok;
}

static bool fill_table(int v6)
{
	return wd_fx_run("ip -n na %s route replace default via %s table %d",
			 family[v6], site_node[1].ip[v6], TABLE);
}

bool around_rule(bool add)
{
	bool ok = true;

	for (int v6 = 0; v6 < 2; v6++)
		ok = fill_table(v6) &&
		     wd_fx_run("ip -n na %s rule %s priority 1 to %s table %d",
			       family[v6], add ? "add" : "del",
			       site_ip(1, SITE_POD, v6), TABLE) &&
		     ok;
	return ok;
}

bool around_mark(bool add)
{
	bool ok = true;

	for (int v6 = 0; v6 < 2; v6++)
		ok = fill_table(v6) &&
		     wd_fx_run("ip -n na %s rule %s priority 5 fwmark %#x "
			       "table %d",
			       family[v6], add ? "add" : "del", AROUND_MARK,
			       TABLE) &&
		     ok;
	return ok;
}

/* ---- devices ---- */

static const struct {
	const char *name;
	const char *add[SITE_NODES]; /* behind `ip -n NODE link add t0 type` */
	bool ether, v4, v6; /* has addresses of Ethernet; what it carries */
} around[] = {
	{ "vxlan",
	  { "vxlan id 9 local 192.168.77.1 remote 192.168.77.2 dstport 4789",
	    "vxlan id 9 local 192.168.77.2 remote 192.168.77.1 dstport 4789" },
	  true,
	  true,
	  true },
	{ "vxlan over IPv6",
	  { "vxlan id 9 local fd00:77::1 remote fd00:77::2 dstport 8472",
	    "vxlan id 9 local fd00:77::2 remote fd00:77::1 dstport 8472" },
	  true,
	  true,
	  true },
	{ "vxlan at another port",
	  { "vxlan id 9 local 192.168.77.1 remote 192.168.77.2 dstport 7777",
	    "vxlan id 9 local 192.168.77.2 remote 192.168.77.1 dstport 7777" },
	  true,
	  true,
	  true },
	{ "geneve",
	  { "geneve id 9 remote 192.168.77.2",
	    "geneve id 9 remote 192.168.77.1" },
	  true,
	  true,
	  true },
	{ "gre",
	  { "gre local 192.168.77.1 remote 192.168.77.2",
	    "gre local 192.168.77.2 remote 192.168.77.1" },
	  false,
	  true,
	  true },
	{ "ip6gre",
	  { "ip6gre local fd00:77::1 remote fd00:77::2",
	    "ip6gre local fd00:77::2 remote fd00:77::1" },
	  false,
	  true,
	  true },
	{ "ipip",
	  { "ipip local 192.168.77.1 remote 192.168.77.2",
	    "ipip local 192.168.77.2 remote 192.168.77.1" },
	  false,
	  true,
	  false },
	{ "sit",
	  { "sit local 192.168.77.1 remote 192.168.77.2",
	    "sit local 192.168.77.2 remote 192.168.77.1" },
	  false,
	  false,
	  true },
	{ "vlan",
	  { "vlan id 5 link eth0", "vlan id 5 link eth0" },
	  true,
	  true,
	  true },
};

#define AROUND (sizeof(around) / sizeof(*around))

const char *around_name(size_t i)
{
	return i < AROUND ? around[i].name : NULL;
}

static bool add_device(size_t i)
{
	for (int n = 0; n < SITE_NODES; n++) {
		const char *node = site_node[n].name;
		bool vlan = !strncmp(around[i].add[n], "vlan", 4);

		if (!(vlan ? wd_fx_run("ip -n %s link add link eth0 name t0 "
				       "type vlan id 5",
				       node) :
			     wd_fx_run("ip -n %s link add t0 type %s", node,
				       around[i].add[n])))
			return false;
		if (around[i].ether &&
		    !wd_fx_run(
			    "ip -n %s link set t0 address 02:00:00:00:09:%02d",
			    node, n + 1))
			return false;
		if (!wd_fx_run("ip -n %s link set t0 up", node))
			return false;
	}
	return true;
}

/* To the other node's pod, over one family. */
static bool route_one(size_t i, int n, bool v6)
{
	const char *node = site_node[n].name, *ip = site_ip(!n, SITE_POD, v6);

	if (!(v6 ? around[i].v6 : around[i].v4))
		return true;
	return wd_fx_run("ip -n %s route replace %s dev t0", node, ip) &&
	       (!around[i].ether ||
		wd_fx_run("ip -n %s neigh replace %s lladdr "
			  "02:00:00:00:09:%02d dev t0",
			  node, ip, 2 - n));
}

static bool route_by_device(size_t i)
{
	for (int n = 0; n < SITE_NODES; n++)
		if (!route_one(i, n, false) || !route_one(i, n, true))
			return false;
	return true;
}

bool around_device(size_t i)
{
	return add_device(i) && route_by_device(i);
}

bool around_end(void)
{
	bool ok = true;

	for (int n = 0; n < SITE_NODES; n++)
		ok = wd_fx_run("ip -n %s link del t0", site_node[n].name) && ok;
	return ok;
}
