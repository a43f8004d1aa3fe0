/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names.c - tables of words. Decides nothing; the lists of verdicts and
 * reasons come from <warder/verdict.h>, reserved identities are Cilium's.
 */
#include "names.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct reason {
	const char *name;
	const char *help;
};

#define REASON(name, nr, drop, help) [nr] = { #name, help },
static const struct reason reasons[WD_R__MAX] = { WD_REASONS(REASON) };
#undef REASON

struct word {
	const char *name;
	int number;
};

/* Where a number has several names the first is printed. */
static const struct word protos[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "sctp", IPPROTO_SCTP },
	{ "icmp", IPPROTO_ICMP },
	{ "icmpv6", IPPROTO_ICMPV6 },
	{ "igmp", IPPROTO_IGMP },
	{ "ipip", IPPROTO_IPIP },
	{ "gre", IPPROTO_GRE },
	{ "esp", IPPROTO_ESP },
	{ "ah", IPPROTO_AH },
	{ "udplite", IPPROTO_UDPLITE },
	{ "ipv6", IPPROTO_IPV6 },
	{ "vrrp", 112 },
};

static const struct word modes[] = {
	{ "unset", WD_MODE_UNSET },
	{ "enforce", WD_MODE_ENFORCE },
	{ "audit", WD_MODE_AUDIT },
	{ "off", WD_MODE_OFF },
};

/* By number. */
static const char *const identities[] = {
	"unknown", "host",	 "world",	"unmanaged",
	"health",  "init",	 "remote-node", "kube-apiserver",
	"ingress", "world-ipv4", "world-ipv6",
};

static int word_find(const struct word *word, size_t cnt, const char *name)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcasecmp(word[i].name, name))
			return word[i].number;
	return -ENOENT;
}

static const char *word_name(const struct word *word, size_t cnt, int number)
{
	for (size_t i = 0; i < cnt; i++)
		if (word[i].number == number)
			return word[i].name;
	return NULL;
}

const char *wd_reason_name(uint32_t reason)
{
	if (reason >= WD_R__MAX || !reasons[reason].name)
		return "UNKNOWN";
	return reasons[reason].name;
}

const char *wd_reason_help(uint32_t reason)
{
	if (reason >= WD_R__MAX || !reasons[reason].help)
		return "a reason that this version does not know";
	return reasons[reason].help;
}

int wd_reason_find(const char *name)
{
	for (int i = 0; i < WD_R__MAX; i++)
		if (reasons[i].name && !strcasecmp(reasons[i].name, name))
			return i;
	return -ENOENT;
}

int wd_reason_next(int prev)
{
	for (int i = prev + 1; i < WD_R__MAX; i++)
		if (reasons[i].name)
			return i;
	return -1;
}

const char *wd_verdict_name(uint32_t verdict)
{
	switch (verdict) {
	case WD_ALLOW:
		return "allow";
	case WD_DROP:
		return "drop";
	case WD_AUDIT:
		return "audit";
	}
	return "unknown";
}

const char *wd_dir_name(uint32_t dir)
{
	return dir == WD_INGRESS ? "ingress" : "egress";
}

const char *wd_mode_name(enum wd_mode mode)
{
	return word_name(modes, ARRAY_SIZE(modes), mode) ?: "unknown";
}

int wd_mode_find(const char *name)
{
	return word_find(modes + 1, ARRAY_SIZE(modes) - 1, name);
}

const char *wd_proto_name(uint32_t proto)
{
	return word_name(protos, ARRAY_SIZE(protos), (int)proto);
}

int wd_proto_find(const char *name)
{
	return word_find(protos, ARRAY_SIZE(protos), name);
}

const char *wd_identity_name(uint32_t id)
{
	return id < ARRAY_SIZE(identities) ? identities[id] : NULL;
}

int wd_identity_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(identities); i++)
		if (!strcmp(identities[i], name))
			return (int)i;
	return -ENOENT;
}
