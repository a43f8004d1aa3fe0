// SPDX-License-Identifier: GPL-2.0-only
/* around.c - routes, rules, devices. */
#include "around.h"

#include <stdio.h>
#include <string.h>

#include "datapath/fixture.h"
#include "site.h"

#define TABLE 100 /* all by the uplink */
#define VRF_TABLE 101 /* the same */

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

/* ---- rewritten addresses ---- */

#define NFT "ip netns exec na nft "

static bool rewrite(int v6)
{
	static const char *const ip[] = { "ip", "ip6" };
	static const char *const from[] = { AROUND_SERVICE4, AROUND_SERVICE6 };

	return wd_fx_run(NFT
			 "add rule inet wiretest c %s daddr %s dnat %s to %s",
			 ip[v6], from[v6], ip[v6], site_ip(1, SITE_POD, v6));
}

bool around_service(bool add)
{
	if (!add)
		return wd_fx_run(NFT "delete table inet wiretest");
	return wd_fx_run(NFT "add table inet wiretest") &&
	       wd_fx_run(NFT "'add chain inet wiretest c { type nat hook "
			     "prerouting priority -100; }'") &&
	       rewrite(0) && rewrite(1);
}

/* ---- routing domains ---- */

static bool make_vrf(void)
{
	bool ok = wd_fx_run("ip -n na link add vrf0 type vrf table %d",
			    VRF_TABLE) &&
		  wd_fx_run("ip -n na link set vrf0 up");

	for (int v6 = 0; v6 < 2; v6++)
		ok = ok &&
		     wd_fx_run("ip -n na %s route replace default via %s "
			       "dev eth0 onlink table %d",
			       family[v6], site_node[1].ip[v6], VRF_TABLE);
	return ok;
}

bool around_vrf(bool add)
{
	const char *pod = site_pod_name(0, SITE_POD);

	if (add && !make_vrf())
		return false;
	if (!wd_fx_run("ip -n na link set %s %s", pod,
		       add ? "master vrf0" : "nomaster"))
		return false;
	/* it was down for a moment, and has forgotten what needs it to be up */
	return wd_fx_run("ip -n na addr replace fe80::1/64 dev %s nodad",
			 pod) &&
	       (add ||
		(wd_fx_run("ip -n na link del vrf0") && site_route_pod(0, 0)));
}

/* ---- devices ---- */

static const struct {
	const char *name;
	const char *add[SITE_NODES]; /* behind `link add t0 type` of ip */
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
	{ "ip6tnl",
	  { "ip6tnl mode any local fd00:77::1 remote fd00:77::2",
	    "ip6tnl mode any local fd00:77::2 remote fd00:77::1" },
	  false,
	  true,
	  true },
	{ "gretap",
	  { "gretap local 192.168.77.1 remote 192.168.77.2",
	    "gretap local 192.168.77.2 remote 192.168.77.1" },
	  true,
	  true,
	  true },
	{ "ipip in fou",
	  { "ipip local 192.168.77.1 remote 192.168.77.2 encap fou "
	    "encap-sport auto encap-dport 7781",
	    "ipip local 192.168.77.2 remote 192.168.77.1 encap fou "
	    "encap-sport auto encap-dport 7781" },
	  false,
	  true,
	  false },
	{ "vlan", { "vlan id 5", "vlan id 5" }, true, true, true },
};

#define AROUND (sizeof(around) / sizeof(*around))

const char *around_name(size_t i)
{
	return i < AROUND ? around[i].name : NULL;
}

/* Lines of ip that route the other node's pod by it, over one family. */
static void add_route(size_t i, int n, bool v6, char *ret, size_t room)
{
	const char *ip = site_ip(!n, SITE_POD, v6);

	if (!(v6 ? around[i].v6 : around[i].v4))
		return;
	if (!around[i].ether)
		snprintf(ret, room, "route replace %s dev t0\n", ip);
	else
		snprintf(ret, room,
			 "route replace %s dev t0\n"
			 "neigh replace %s lladdr 02:00:00:00:09:%02d dev t0\n",
			 ip, ip, 2 - n);
}

static bool add_device(size_t i, int n)
{
	bool vlan = !strncmp(around[i].add[n], "vlan", 4);
	char mac[64] = "", routes[2][160] = { "" };

	if (around[i].ether)
		snprintf(mac, sizeof(mac),
			 "link set t0 address 02:00:00:00:09:%02d\n", n + 1);
	for (int v6 = 0; v6 < 2; v6++)
		add_route(i, n, v6, routes[v6], sizeof(routes[v6]));
	return wd_fx_ip(site_node[n].name,
			"link add %s%s\n"
			"%s"
			"link set t0 up\n"
			"%s%s",
			vlan ? "link eth0 name t0 type " : "t0 type ",
			around[i].add[n], mac, routes[0], routes[1]);
}

bool around_device(size_t i)
{
	for (int n = 0; n < SITE_NODES; n++)
		if (!add_device(i, n))
			return false;
	return true;
}

bool around_end(void)
{
	bool ok = true;

	for (int n = 0; n < SITE_NODES; n++)
		ok = wd_fx_run("ip -n %s link del t0", site_node[n].name) && ok;
	return ok;
}
