/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_doctor.c - faults are planted one by one, in a tree of files and in answers
 * of an agent; each is found, alone, with a fix, and a sound node has none.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/opt.h"
#include "doctor/doctor.h"
#include "net/rtnl.h"

#include "../tap.h"

#define CONF "/etc/cni/net.d"
#define BIN "/opt/cni/bin"
#define RUN "/run/warder"

static char root[] = "/tmp/wd-doctor-XXXXXX";
static struct wd_doctor doctor;

static size_t found(void)
{
	return json_object_array_length(doctor.findings);
}

static const char *get(size_t i, const char *key)
{
	return wd_json_get_str(json_object_array_get_idx(doctor.findings, i),
			       key);
}

/* Exactly one finding, of this check, about this object, that says this. */
static void expect_one(const char *check, const char *object, const char *text)
{
	if (!wd_expect_int(1, (long long)found()))
		for (size_t i = 0; i < found(); i++)
			printf("#   found %s: %s\n", get(i, "check"),
			       get(i, "text"));
	wd_expect_str(check, get(0, "check"));
	wd_expect_str(object, get(0, "object"));
	wd_expect(strstr(get(0, "text"), text) != NULL);
	wd_expect(*get(0, "fix") != '\0');
}

static void begin(void)
{
	wd_doctor_init(&doctor, root);
}

static void end(void)
{
	wd_doctor_fini(&doctor);
}

/* @path of a tree of our own; NULL for @text takes the file away */
static void plant(const char *path, const char *text)
{
	char whole[512];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	if (!text) {
		(void)unlink(whole);
		return;
	}
	for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/'));
	     *at++ = '/') {
		*at = '\0';
		(void)mkdir(whole, 0700);
	}
	file = fopen(whole, "we");
	if (!wd_expect(file != NULL))
		return;
	(void)fputs(text, file);
	(void)fclose(file);
	(void)chmod(whole, 0700);
}

static void plant_sound_kernel(void)
{
	plant("/sys/kernel/btf/vmlinux", "x");
	plant("/proc/sys/net/core/bpf_jit_enable", "1\n");
	plant("/proc/sys/net/core/bpf_jit_harden", "0\n");
	plant("/proc/sys/kernel/unprivileged_bpf_disabled", "2\n");
	plant("/proc/sys/net/ipv4/ip_forward", "1\n");
}

/* bpffs cannot be planted in a plain tree: its finding is always there. */
static void each_fault_of_the_kernel_is_found(void)
{
	static const struct {
		const char *path, *text, *check;
	} rows[] = {
		{ "/sys/kernel/btf/vmlinux", NULL, "btf" },
		{ "/proc/sys/net/core/bpf_jit_enable", "0\n", "jit" },
		{ "/proc/sys/net/core/bpf_jit_enable", "2\n", "jit" },
		{ "/proc/sys/net/core/bpf_jit_harden", "2\n", "jit" },
		{ "/proc/sys/kernel/unprivileged_bpf_disabled", "0\n",
		  "unprivileged-bpf" },
		{ "/proc/sys/net/ipv4/ip_forward", "0\n", "forwarding" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].path);
		plant_sound_kernel();
		begin();
		wd_doctor_kernel(&doctor, "/sys/fs/bpf/warder", NULL);
		expect_one("bpffs", "/sys/fs/bpf/warder", "no BPF filesystem");
		end();
		plant(rows[i].path, rows[i].text);
		begin();
		wd_doctor_kernel(&doctor, "/sys/fs/bpf/warder", NULL);
		wd_expect_int(2, (long long)found());
		wd_expect_str(rows[i].check, get(0, "check"));
		wd_expect(*get(0, "fix") != '\0');
		end();
	}
	wd_test_row(NULL);
}

#define CHAIN(version, plugins) \
	"{\"cniVersion\":\"" version \
	"\",\"name\":\"pods\",\"plugins\":[" plugins "]}"
#define PTP "{\"type\":\"ptp\"}"
#define OURS "{\"type\":\"warder-cni\"}"

static void each_fault_of_the_chain_is_found(void)
{
	static const struct {
		const char *conf, *object, *text; /* NULL text: it is sound */
	} rows[] = {
		{ CHAIN("1.0.0", PTP "," OURS), NULL, NULL },
		{ CHAIN("1.0.0", PTP), CONF "/10-a.conflist",
		  "has no warder-cni: pods" },
		{ CHAIN("1.0.0", OURS "," PTP), CONF "/10-a.conflist",
		  "comes first" },
		{ CHAIN("1.0.0", PTP "," OURS ",{\"type\":\"portmap\"}"),
		  CONF "/10-a.conflist", "'portmap' comes after" },
		{ CHAIN("0.2.0", PTP "," OURS), CONF "/10-a.conflist",
		  "version '0.2.0'" },
		{ CHAIN("1.0.0",
			PTP ",{\"type\":\"warder-cni\",\"runDir\":\"/run/x\"}"),
		  CONF "/10-a.conflist", "in '/run/x'" },
		{ "{\"cniVersion\":\"1.0.0\",\"type\":\"ptp\"}",
		  CONF "/10-a.conflist", "has no warder-cni" },
		{ "{", CONF "/10-a.conflist", "no JSON" },
	};

	plant(BIN "/warder-cni", "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].conf);
		plant(CONF "/10-a.conflist", rows[i].conf);
		begin();
		wd_doctor_cni(&doctor, CONF, "/none:" BIN, RUN);
		if (rows[i].text)
			expect_one("cni", rows[i].object, rows[i].text);
		else
			wd_expect_int(0, (long long)found());
		end();
	}
	wd_test_row(NULL);
}

static void only_the_first_file_of_the_chain_counts(void)
{
	plant(CONF "/10-a.conflist", CHAIN("1.0.0", PTP));
	plant(CONF "/20-b.conflist", CHAIN("1.0.0", PTP "," OURS));
	begin();
	wd_doctor_cni(&doctor, CONF, BIN, RUN);
	expect_one("cni", CONF "/10-a.conflist",
		   "it is in " CONF "/20-b.conflist");
	end();
	plant(CONF "/10-a.conflist", NULL);
	begin();
	wd_doctor_cni(&doctor, CONF, BIN, RUN);
	wd_expect_int(0, (long long)found());
	end();
	plant(BIN "/warder-cni", NULL);
	begin();
	wd_doctor_cni(&doctor, CONF, BIN, RUN);
	expect_one("cni", "warder-cni", "is in none of");
	end();
	plant(CONF "/20-b.conflist", NULL);
	begin();
	wd_doctor_cni(&doctor, CONF, BIN, RUN);
	wd_expect_int(0, (long long)found());
	wd_expect_int(1, (long long)json_object_array_length(doctor.skipped));
	end();
}

#define CAPS "\"capabilities\":[\"cap_net_admin\",\"cap_bpf\"]"
#define SOUND "\"rung\":\"full\",\"ready\":true," CAPS
#define POD "\"namespace\":\"shop\",\"name\":\"db\""

static void each_fault_the_agent_tells_is_found(void)
{
	static const struct {
		const char *status, *check, *object, *text;
	} rows[] = {
		{ "{\"rung\":\"nft\",\"rung_reason\":\"no clsact\",\"ready\":true," CAPS
		  "}",
		  "rung", "nft", "no clsact" },
		{ "{" SOUND ",\"everything_allowed\":true}", "rung", "full",
		  "talk to everybody" },
		{ "{\"rung\":\"full\"," CAPS "}", "agent", "", "nothing yet" },
		{ "{" SOUND ",\"commits\":{\"error\":\"no room\"}}", "agent",
		  "", "no room" },
		{ "{\"rung\":\"full\",\"ready\":true,\"capabilities\":[\"cap_bpf\"]}",
		  "capabilities", "", "lacks" },
		{ "{" SOUND
		  ",\"problems\":[{\"file\":\"a.yaml\",\"line\":8,\"field\":\"spec\",\"text\":\"odd\",\"effect\":\"isolated\"},"
		  "{\"file\":\"b.yaml\",\"effect\":\"ignored\"}]}",
		  "objects", "a.yaml:8", "spec: odd (isolated)" },
		{ "{" SOUND ",\"endpoint_problems\":[{" POD
		  ",\"state\":\"unattached\",\"error\":\"-EBUSY\"}]}",
		  "pods", "shop/db", "unattached: -EBUSY" },
		{ "{" SOUND ",\"blind_spots\":[{" POD
		  ",\"interface\":\"veth1\",\"kind\":\"before ingress\",\"text\":\"program 7 runs first\"}]}",
		  "foreign-program", "shop/db", "program 7 runs first" },
		{ "{" SOUND
		  ",\"maps\":{\"wd_addr4\":{\"used\":81,\"max\":100},\"wd_row\":{\"used\":80,\"max\":100}}}",
		  "maps", "wd_addr4", "81 of 100" },
		{ "{" SOUND
		  ",\"wireguard\":{\"findings\":[{\"finding\":\"stale-handshake\",\"object\":\"node-b\",\"text\":\"200 s\"}]}}",
		  "wireguard", "node-b", "stale-handshake: 200 s" },
		{ "{" SOUND ",\"wires\":{\"open\":true}}", "wires", "",
		  "cannot be guarded" },
		{ "{" SOUND ",\"wires\":{\"no_prefix\":[\"IPv6\"]}}", "wires",
		  "IPv6", "no prefix" },
		{ "{" SOUND ",\"services\":{\"error\":\"-EINVAL\"}}",
		  "services", "", "-EINVAL" },
	};
	struct json_object *status;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].text);
		status = json_tokener_parse(rows[i].status);
		begin();
		wd_doctor_agent(&doctor, status, NULL);
		expect_one(rows[i].check, rows[i].object, rows[i].text);
		end();
		json_object_put(status);
	}
	wd_test_row(NULL);
	status = json_tokener_parse("{" SOUND "}");
	begin();
	wd_doctor_agent(&doctor, status, NULL);
	wd_expect_int(0, (long long)found());
	end();
	json_object_put(status);
}

static struct json_object *endpoints_of(const char *mode)
{
	struct json_object *doc = json_object_new_object();
	struct json_object *ep = wd_json_push(wd_json_array(doc, "endpoints"));

	wd_json_str(ep, "namespace", "shop");
	wd_json_str(ep, "name", "db");
	wd_json_str(ep, "interface", "veth1");
	wd_json_str(ep, "mode", mode);
	return doc;
}

static void a_mode_that_was_left_on_is_found(void)
{
	struct json_object *status = json_tokener_parse("{" SOUND "}");
	struct json_object *endpoints = endpoints_of("audit");

	begin();
	wd_doctor_agent(&doctor, status, endpoints);
	expect_one("mode", "shop/db", "mode audit");
	end();
	json_object_put(endpoints);
	endpoints = endpoints_of("enforce");
	begin();
	wd_doctor_agent(&doctor, status, endpoints);
	wd_expect_int(0, (long long)found());
	end();
	json_object_put(endpoints);
	json_object_put(status);
}

static void packets_too_large_for_wireguard_are_found(void)
{
	struct wd_link link[] = {
		{ .name = "eth0", .is_up = true, .mtu = 1500 },
		{ .name = "wg0",
		  .is_up = true,
		  .mtu = 1420,
		  .kind = "wireguard" },
		{ .name = "veth1", .is_up = true, .mtu = 1420, .kind = "veth" },
		{ .name = "vx", .is_up = true, .mtu = 1000, .kind = "vxlan" },
		{ .name = "lo", .is_up = true, .mtu = 100, .is_loopback = true },
	};
	struct json_object *endpoints = endpoints_of("enforce");

	begin();
	wd_doctor_links(&doctor, link, 5, endpoints);
	wd_expect_int(0, (long long)found());
	end();
	link[2].mtu = 1421;
	begin();
	wd_doctor_links(&doctor, link, 5, endpoints);
	expect_one("mtu", "veth1", "1 pod has a larger MTU than wg0 (1420)");
	end();
	link[2].mtu = 1419;
	link[0].mtu = 1499;
	begin();
	wd_doctor_links(&doctor, link, 5, endpoints);
	expect_one("mtu", "wg0", "does not fit eth0 (1499)");
	wd_expect_str("ip link set wg0 mtu 1419", get(0, "fix"));
	end();
	json_object_put(endpoints);
}

static void rules_of_others_that_drop_for_pods_are_found(void)
{
	static const struct {
		const char *policy, *rule, *object, *text, *fix;
	} rows[] = {
		{ "accept", "", NULL, NULL, NULL },
		{ "accept", "\t\toifname \"veth1\" accept # handle 7\n", NULL,
		  NULL, NULL },
		{ "accept", "\t\toifname \"veth10\" drop # handle 7\n", NULL,
		  NULL, NULL },
		{ "drop", "\t\tjump OTHERS # handle 7\n", NULL, NULL, NULL },
		{ "accept", "\t\toifname \"veth1\" counter drop # handle 7\n",
		  "shop/db",
		  "'oifname \"veth1\" counter drop' in chain FORWARD",
		  "nft delete rule ip filter FORWARD handle 7" },
		{ "accept",
		  "\t\tip daddr { 10.0.0.5, 10.0.0.6 } reject # handle 9\n",
		  "shop/db", "of table ip filter drops packets of the pod",
		  "nft delete rule ip filter FORWARD handle 9" },
		{ "accept",
		  "\t\tip daddr 10.0.0.6 counter packets 3 bytes 180 drop # handle 9\n",
		  "shop/db", "drops packets of the pod",
		  "nft delete rule ip filter FORWARD handle 9" },
		{ "accept",
		  "\t\tiifname { \"veth0\", \"veth1\" } drop # handle 9\n",
		  "shop/db", "drops packets of the pod",
		  "nft delete rule ip filter FORWARD handle 9" },
		{ "drop", "\t\tlog prefix \"a # b\" accept # handle 7\n", NULL,
		  NULL, NULL },
		{ "drop", "\t\tip saddr 10.0.0.1 # xt_x # handle 7\n", NULL,
		  NULL, NULL },
		{ "drop", "", "FORWARD", "drops all that is forwarded",
		  "nft chain ip filter FORWARD '{ policy accept; }'" },
	};
	struct json_object *endpoints = endpoints_of("enforce");

	wd_json_push_str(wd_json_array(wd_json_at(endpoints, "endpoints", 0),
				       "addresses"),
			 "10.0.0.6");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;

		wd_test_row(rows[i].rule);
		wd_format(
			&text,
			"table ip filter { # handle 3\n"
			"\tchain FORWARD { # handle 1\n"
			"\t\ttype filter hook forward priority filter; policy %s;\n"
			"%s\t}\n}\n"
			"table inet warder { # handle 4\n\tchain c { # handle 1\n"
			"\t\toifname \"veth1\" drop # handle 2\n\t}\n}\n",
			rows[i].policy, rows[i].rule);
		begin();
		wd_doctor_rules(&doctor, text, endpoints);
		if (rows[i].text) {
			expect_one("rules", rows[i].object, rows[i].text);
			wd_expect_str(rows[i].fix, get(0, "fix"));
		} else {
			wd_expect_int(0, (long long)found());
		}
		end();
		free(text);
	}
	wd_test_row(NULL);
	json_object_put(endpoints);
}

#define OPEN "type filter hook forward priority filter; policy accept;"
#define SHUT "type filter hook forward priority filter; policy drop;"
#define DROPS "iifname \"veth1\" drop"

/* Nothing is found, and no command given; it may be said that it was not judged. */
static void what_may_spare_packets_is_not_taken_for_a_fault(void)
{
	static const struct {
		const char *table, *hook, *rule;
		size_t skipped;
	} rows[] = {
		{ "ip filter", OPEN,
		  "iifname \"veth1\" ip saddr != 10.0.0.6 drop", 1 },
		{ "ip filter", OPEN, "ip saddr != 10.0.0.6 drop", 1 },
		{ "ip filter", OPEN, "iifname != \"veth1\" drop", 1 },
		{ "ip filter", OPEN, "iifname != { \"veth1\" } drop", 1 },
		{ "ip filter", OPEN, "ip saddr != 10.0.0.6 tcp dport 22 drop",
		  1 },
		{ "ip filter", OPEN,
		  "ip saddr 10.0.0.6 ip daddr 169.254.169.254 drop", 1 },
		{ "ip filter", OPEN,
		  "iifname \"veth1\" limit rate over 1000/second drop", 1 },
		{ "ip filter", OPEN,
		  "iifname \"veth1\" accept comment \"do not drop\"", 1 },
		{ "ip filter", OPEN, "iifname \"veth1\" drop comment \"mine\"",
		  1 },
		{ "ip filter", OPEN,
		  "ip saddr 10.0.0.6 drop comment \"# handle 5\"", 1 },
		{ "ip filter", OPEN, "ip daddr 10.0.0.6 reject with tcp reset",
		  1 },
		{ "ip filter", OPEN, "iifname \"veth1 counter\" drop", 1 },
		{ "ip filter", OPEN, "iifname \"veth1\" counter name \"drop\"",
		  1 },
		{ "ip filter", OPEN, "ip saddr 10.0.0.6 # xt_x drop", 1 },
		{ "ip filter", OPEN,
		  "ip saddr . ip daddr { 10.0.0.6 . 192.0.2.1 } drop", 1 },
		/* what sees not all of the pod's packets, or nothing */
		{ "ip filter", OPEN, "accept # handle 8\n\t\t" DROPS, 1 },
		{ "ip filter", "", DROPS, 1 },
		{ "ip filter",
		  "type filter hook input priority filter; policy accept;",
		  DROPS, 1 },
		{ "ip filter",
		  "type filter hook input priority filter; policy drop;", "",
		  0 },
		{ "ip6 filter", OPEN, DROPS, 1 },
		{ "bridge filter", OPEN, DROPS, 1 },
		{ "ip6 filter", SHUT, "", 0 },
		{ "bridge filter", SHUT, "", 0 },
		{ "ip a$(b)", OPEN, DROPS, 1 },
		{ "ip a$(b)", SHUT, "", 0 },
		{ "ip filter { # handle 3\n\tflags dormant\n", OPEN, DROPS, 0 },
		{ "ip filter { # handle 3\n\tflags dormant\n", SHUT, "", 0 },
	};
	struct json_object *endpoints = endpoints_of("enforce");

	wd_json_push_str(wd_json_array(wd_json_at(endpoints, "endpoints", 0),
				       "addresses"),
			 "10.0.0.6");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool whole = strchr(rows[i].table, '{');
		char *text = NULL;

		wd_test_row(*rows[i].rule ? rows[i].rule : rows[i].table);
		wd_format(&text,
			  "table %s%s\tchain c { # handle 1\n"
			  "\t\t%s\n\t\t%s # handle 9\n\t}\n}\n",
			  rows[i].table, whole ? "" : " { # handle 3\n",
			  rows[i].hook, rows[i].rule);
		begin();
		wd_doctor_rules(&doctor, text, endpoints);
		wd_expect_int(0, (long long)found());
		wd_expect_int(
			(long long)rows[i].skipped,
			(long long)json_object_array_length(doctor.skipped));
		end();
		free(text);
	}
	wd_test_row(NULL);
	json_object_put(endpoints);
}

/* A table that sleeps says nothing of the next one. */
static void pods_of_ipv6_have_chains_of_it(void)
{
	struct json_object *endpoints = endpoints_of("enforce");

	wd_json_push_str(wd_json_array(wd_json_at(endpoints, "endpoints", 0),
				       "addresses"),
			 "fd00::6");
	begin();
	wd_doctor_rules(&doctor,
			"table ip6 a { # handle 1\n\tflags dormant\n}\n"
			"table ip6 b { # handle 2\n\tchain c { # handle 1\n"
			"\t\t" SHUT "\n"
			"\t\tip6 saddr fd00::6 drop # handle 9\n\t}\n}\n",
			endpoints);
	wd_expect_int(2, (long long)found());
	wd_expect_str("nft delete rule ip6 b c handle 9", get(0, "fix"));
	wd_expect_str("nft chain ip6 b c '{ policy accept; }'", get(1, "fix"));
	end();
	json_object_put(endpoints);
}

#define ZEROS28 "0000000000000000000000000000"
#define ZEROS30 ZEROS28 "00"
#define ZEROS ZEROS30 "00"
#define ROUTER "fe800000000000000000000000000001"
#define DEFAULT6(flags, device) \
	ZEROS " 00 " ZEROS " 00 " ROUTER " 00000400 00000001 00000000 " flags \
	      "     " device "\n"
#define ON "sysctl -w net.ipv6.conf.all.forwarding=1"
#define RA(device) "sysctl -w net/ipv6/conf/" device "/accept_ra=2 && "

static void routes_that_routers_advertise_outlive_the_fix(void)
{
	static const struct {
		const char *routes, *fix;
	} rows[] = {
		{ "", ON },
		{ DEFAULT6("00000003", "eth0"), ON }, /* by hand */
		{ DEFAULT6("00450003", "eth0"), RA("eth0") ON },
		{ DEFAULT6("00450003", "eth0") DEFAULT6("00450003", "eth0"),
		  RA("eth0") ON },
		{ DEFAULT6("00450003", "eth0") DEFAULT6("00450003", "eth1.7"),
		  RA("eth1.7") RA("eth0") ON },
		{ DEFAULT6("00450003", "kept"), ON }, /* accept_ra is 2 */
		{ "fd000000000000000000000000000000 40 " ZEROS " 00 " ZEROS
		  " 00000100 00000001 00000000 00040001     eth0\n",
		  ON },
		{ DEFAULT6("00450003", "a;b"), NULL },
		{ NULL, NULL },
	};
	static const char forwarding[] =
		"/proc/sys/net/ipv6/conf/all/forwarding";
	static const char kept[] = "/proc/sys/net/ipv6/conf/kept/accept_ra";
	struct json_object *endpoints = endpoints_of("enforce");

	wd_json_push_str(wd_json_array(wd_json_at(endpoints, "endpoints", 0),
				       "addresses"),
			 "fd00::6");
	plant_sound_kernel();
	plant(forwarding, "0\n");
	plant(kept, "2\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].routes);
		plant("/proc/net/ipv6_route", rows[i].routes);
		begin();
		wd_doctor_kernel(&doctor, "/sys/fs/bpf/warder", endpoints);
		wd_expect_int(2, (long long)found());
		wd_expect_str("forwarding", get(0, "check"));
		if (rows[i].fix)
			wd_expect_str(rows[i].fix, get(0, "fix"));
		else
			wd_expect(!strstr(get(0, "fix"), "sysctl"));
		wd_expect(strstr(get(0, "text"), "accept_ra is 2") != NULL);
		end();
	}
	wd_test_row(NULL);
	plant(forwarding, NULL);
	plant(kept, NULL);
	json_object_put(endpoints);
}

static void one_size_is_told_that_fits_all_uplinks(void)
{
	static const struct {
		unsigned int mtu[2];
		const char *fix;
	} rows[] = {
		{ { 1450, 1400 }, "ip link set wg0 mtu 1320" },
		{ { 1400, 1450 }, "ip link set wg0 mtu 1320" },
		{ { 1360, 1500 }, "ip link set wg0 mtu 1280" },
		{ { 1359, 1500 }, "ip link set eth0 mtu 1500" },
		{ { 1500, 80 }, "ip link set eth1 mtu 1500" },
	};
	struct wd_link link[] = {
		{ .name = "eth0", .is_up = true },
		{ .name = "eth1", .is_up = true },
		{ .name = "wg0",
		  .is_up = true,
		  .mtu = 1420,
		  .kind = "wireguard" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		link[0].mtu = rows[i].mtu[0];
		link[1].mtu = rows[i].mtu[1];
		begin();
		wd_doctor_links(&doctor, link, 3, NULL);
		expect_one("mtu", "wg0", "does not fit eth");
		wd_expect_str(rows[i].fix, get(0, "fix"));
		end();
	}
}

/* Does what the commands of a fix say. */
static void follow(const char *fix, struct wd_link *link, size_t cnt)
{
	for (char name[IFNAMSIZ]; fix; fix = strstr(fix + 1, "ip link")) {
		unsigned int mtu;

		if (sscanf(fix, "ip link set %15s mtu %u", name, &mtu) != 2 &&
		    !wd_expect(!"no command that is known"))
			return;
		for (size_t i = 0; i < cnt; i++)
			if (!strcmp(link[i].name, name))
				link[i].mtu = mtu;
	}
}

static void one_fix_mends_all_devices_at_once(void)
{
	static const struct {
		unsigned int uplink[3], wg[2];
		const char *fix;
	} rows[] = {
		{ { 1450, 1500, 1500 },
		  { 1420, 1400 },
		  "ip link set wg0 mtu 1370 && ip link set wg1 mtu 1370" },
		{ { 1500, 1480, 1500 },
		  { 1400, 1420 },
		  "ip link set wg1 mtu 1400" },
		{ { 1300, 1400, 1500 },
		  { 1280, 1420 },
		  "ip link set eth0 mtu 1500 && ip link set eth1 mtu 1500" },
		{ { 1300, 1500, 1499 },
		  { 1420, 1280 },
		  "ip link set eth0 mtu 1500 && ip link set eth2 mtu 1500" },
	};
	struct wd_link link[] = {
		{ .name = "eth0", .is_up = true },
		{ .name = "eth1", .is_up = true },
		{ .name = "eth2", .is_up = true },
		{ .name = "wg0", .is_up = true, .kind = "wireguard" },
		{ .name = "wg1", .is_up = true, .kind = "wireguard" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].fix);
		for (size_t k = 0; k < 3; k++)
			link[k].mtu = rows[i].uplink[k];
		for (size_t k = 0; k < 2; k++)
			link[3 + k].mtu = rows[i].wg[k];
		begin();
		wd_doctor_links(&doctor, link, 5, NULL);
		expect_one("mtu", rows[i].wg[0] > rows[i].wg[1] ? "wg0" : "wg1",
			   "does not fit eth");
		wd_expect_str(rows[i].fix, get(0, "fix"));
		follow(get(0, "fix"), link, 5);
		end();
		begin();
		wd_doctor_links(&doctor, link, 5, NULL);
		wd_expect_int(0, (long long)found());
		end();
	}
	wd_test_row(NULL);
}

/* What pods are told fits what the devices will have. */
static void pods_are_told_one_size_that_stays(void)
{
	struct wd_link link[] = {
		{ .name = "eth0", .is_up = true, .mtu = 1450 },
		{ .name = "wg0",
		  .is_up = true,
		  .mtu = 1420,
		  .kind = "wireguard" },
		{ .name = "wg1",
		  .is_up = true,
		  .mtu = 1350,
		  .kind = "wireguard" },
		{ .name = "veth1", .is_up = true, .mtu = 1400, .kind = "veth" },
	};
	struct json_object *endpoints = endpoints_of("enforce");

	begin();
	wd_doctor_links(&doctor, link, 4, endpoints);
	wd_expect_int(2, (long long)found());
	wd_expect_str("ip link set wg0 mtu 1370", get(0, "fix"));
	wd_expect(strstr(get(1, "fix"), "\"mtu\": 1350 in") != NULL);
	wd_expect(strstr(get(1, "text"), "than wg1 (1350)") != NULL);
	end();
	link[2].mtu = 1410;
	begin();
	wd_doctor_links(&doctor, link, 4, endpoints);
	wd_expect_int(2, (long long)found());
	wd_expect(strstr(get(1, "text"), "(1370 when that is mended)") != NULL);
	end();
	json_object_put(endpoints);
}

#define ROUTES4(device, mask) \
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n" device \
	"\t0002000A\t00000000\t0001\t0\t0\t0\t" mask "\t0\n"
#define ROUTES6(target, len, device) \
	target " " len " " ZEROS " 00 " ZEROS \
	       " 00000100 00000001 00000000 00000001     " device "\n"

static void pairs_are_uplinks_where_a_network_is_behind_them(void)
{
	static const struct {
		const char *name, *v4, *v6;
		uint32_t peer;
		int nsid;
		bool is_uplink;
	} rows[] = {
		{ "on a network", ROUTES4("veth5", "00FFFFFF"), "", 7, 0,
		  true },
		{ "by default", ROUTES4("veth5", "00000000"), "", 7, 0, true },
		{ "of a pod", ROUTES4("veth5", "FFFFFFFF"), "", 7, 0, false },
		{ "of another", ROUTES4("veth50", "00FFFFFF"), "", 7, 0,
		  false },
		{ "both ends here", ROUTES4("veth5", "00FFFFFF"), "", 7, -1,
		  false },
		{ "IPv6", "", ROUTES6("fd" ZEROS30, "40", "veth5"), 7, 0,
		  true },
		{ "of a pod, IPv6", "", ROUTES6("fd" ZEROS30, "80", "veth5"), 7,
		  0, false },
		{ "of the link alone", "",
		  ROUTES6("fe80" ZEROS28, "40", "veth5"), 7, 0, false },
		{ "no table", NULL, NULL, 7, 0, false },
	};
	struct wd_link link[] = {
		{ .name = "veth5", .is_up = true, .mtu = 1400, .kind = "veth" },
		{ .name = "wg0",
		  .is_up = true,
		  .mtu = 1420,
		  .kind = "wireguard" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].name);
		plant("/proc/net/route", rows[i].v4);
		plant("/proc/net/ipv6_route", rows[i].v6);
		link[0].peer = rows[i].peer;
		link[0].peer_nsid = rows[i].nsid;
		begin();
		wd_doctor_links(&doctor, link, 2, NULL);
		wd_expect_int(rows[i].is_uplink, (long long)found());
		end();
	}
	wd_test_row(NULL);
	plant("/proc/net/route", NULL);
	plant("/proc/net/ipv6_route", NULL);
}

static void strict_filters_beside_wireguard_are_found(void)
{
	static const struct {
		const char *all, *own;
		bool strict;
	} rows[] = { { "0\n", "0\n", false },
		     { "1\n", "0\n", true },
		     { "0\n", "1\n", true },
		     { "1\n", "2\n", false } };
	struct wd_link link = {
		.name = "wg0", .is_up = true, .mtu = 1420, .kind = "wireguard"
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		plant("/proc/sys/net/ipv4/conf/all/rp_filter", rows[i].all);
		plant("/proc/sys/net/ipv4/conf/wg0/rp_filter", rows[i].own);
		begin();
		wd_doctor_links(&doctor, &link, 1, NULL);
		if (rows[i].strict)
			expect_one("rp-filter", "wg0", "the kernel drops");
		else
			wd_expect_int(0, (long long)found());
		end();
	}
}

static void flowtables_on_devices_of_pods_are_found(void)
{
	struct json_object *endpoints = endpoints_of("enforce");

	begin();
	wd_doctor_flowtables(
		&doctor,
		"table inet x {\n\tflowtable ft {\n\t\thook ingress priority filter\n"
		"\t\tdevices = { eth0, veth1 }\n\t}\n}\n",
		endpoints);
	expect_one("flowtable", "veth1", "'ft' carries");
	end();
	begin();
	wd_doctor_flowtables(
		&doctor,
		"table inet veth1 {\n\tflowtable veth1 {\n\t\tdevices = { \"eth0\", \"veth10\" };\n\t}\n}\n",
		endpoints);
	wd_expect_int(0, (long long)found());
	end();
	json_object_put(endpoints);
}

static void expect_found_and_skipped(size_t findings, size_t skipped)
{
	wd_expect_int((long long)findings, (long long)found());
	wd_expect_int((long long)skipped,
		      (long long)json_object_array_length(doctor.skipped));
}

static void look_at_cilium(const char *macros, const char *config)
{
	plant("/run/cilium/state/globals/node_config.h", macros);
	plant("/run/cilium/state/agent-runtime-config.json", config);
	begin();
	wd_doctor_cilium(&doctor);
}

static void cilium_that_goes_past_the_hooks_is_found(void)
{
	static const char past[] = "#define ENABLE_HOST_ROUTING 1\n";
	static const struct {
		const char *macros, *config;
		size_t findings, skipped;
	} cases[] = {
		{ past, NULL, 1, 0 },
		{ past, "no JSON", 1, 0 },
		{ past, "{\"EnableHostLegacyRouting\": true}", 0, 0 },
		{ NULL, "{\"EnableHostLegacyRouting\": false}", 1, 0 },
		{ NULL,
		  "{\"A\": 1, \"O\": {\"EnableHostLegacyRouting\": false}}", 1,
		  0 },
		{ NULL, "{\"O\": {\"EnableHostLegacyRouting\": true}}", 0, 0 },
		{ NULL, "{\"EnableHostLegacyRouting\": \"no\"}", 0, 1 },
		{ NULL, "[]", 0, 1 },
		{ NULL, NULL, 0, 1 },
		/* no macro, and nothing else: it may be told elsewhere */
		{ "#define ENABLE_HOST_ROUTING_OF_OTHERS 1\n", NULL, 0, 1 },
		{ NULL,
		  "{\"EnableHostLegacyRouting\": true, \"DatapathMode\": \"netkit-l2\"}",
		  1, 0 },
		{ NULL,
		  "{\"EnableHostLegacyRouting\": true, \"DatapathMode\": \"veth\"}",
		  0, 0 },
	};

	look_at_cilium(past, NULL); /* of one that is gone */
	expect_found_and_skipped(0, 0);
	end();
	plant("/sys/class/net/cilium_host", "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		wd_test_row(cases[i].config ?: cases[i].macros ?: "nothing");
		look_at_cilium(cases[i].macros, cases[i].config);
		expect_found_and_skipped(cases[i].findings, cases[i].skipped);
		end();
	}
	wd_test_row(NULL);
	look_at_cilium(past, NULL);
	expect_one("cilium", "/run/cilium/state/globals/node_config.h",
		   "past warder's hooks");
	end();
	look_at_cilium(NULL, NULL);
	end();
	plant("/sys/class/net/cilium_host", NULL);
}

static int discard(const char *path, const struct stat *st, int kind,
		   struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	WD_TEST(each_fault_of_the_kernel_is_found);
	WD_TEST(each_fault_of_the_chain_is_found);
	WD_TEST(only_the_first_file_of_the_chain_counts);
	WD_TEST(each_fault_the_agent_tells_is_found);
	WD_TEST(a_mode_that_was_left_on_is_found);
	WD_TEST(packets_too_large_for_wireguard_are_found);
	WD_TEST(one_size_is_told_that_fits_all_uplinks);
	WD_TEST(one_fix_mends_all_devices_at_once);
	WD_TEST(pods_are_told_one_size_that_stays);
	WD_TEST(pairs_are_uplinks_where_a_network_is_behind_them);
	WD_TEST(rules_of_others_that_drop_for_pods_are_found);
	WD_TEST(what_may_spare_packets_is_not_taken_for_a_fault);
	WD_TEST(pods_of_ipv6_have_chains_of_it);
	WD_TEST(routes_that_routers_advertise_outlive_the_fix);
	WD_TEST(strict_filters_beside_wireguard_are_found);
	WD_TEST(cilium_that_goes_past_the_hooks_is_found);
	WD_TEST(flowtables_on_devices_of_pods_are_found);
	(void)nftw(root, discard, 8, FTW_DEPTH | FTW_PHYS);
	return wd_tests_end();
}
