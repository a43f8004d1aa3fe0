/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pcapng.c - events as a capture file. One interface of the capture is one of
 * the node's, added when its first event comes. Numbers of the format are in the
 * byte order of this machine, which its first block tells.
 */
#include "pcapng.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/json.h"
#include "../base/names.h"
#include "../base/opt.h"
#include "../base/version.h"
#include "../model/xalloc.h"

#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 6
#define BYTE_ORDER_MAGIC 0x1a2b3c4d

#define LINKTYPE_ETHERNET 1

#define OPT_END 0
#define OPT_COMMENT 1
#define OPT_SHB_USERAPPL 4
#define OPT_IF_NAME 2
#define OPT_IF_DESCRIPTION 3
#define OPT_EPB_FLAGS 2
#define OPT_EPB_VERDICT 7

#define FLAG_INBOUND 1
#define FLAG_OUTBOUND 2
#define VERDICT_TC 1 /* Linux eBPF, what a program of tc answered */
#define TC_SHOT 2 /* TC_ACT_SHOT */
#define TC_PASS UINT64_MAX /* TC_ACT_UNSPEC, -1 */

#define TTL 64 /* an event has none */

/* ---- the packet ---- */

static size_t put16(uint8_t *at, uint64_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return 2;
}

static uint64_t port_of(struct json_object *event, const char *side)
{
	return (uint64_t)wd_json_get_int(wd_json_get(event, side), "port");
}

static int proto_of(struct json_object *event)
{
	const char *name = wd_json_get_str(event, "proto");
	int proto = wd_proto_find(name);

	return proto >= 0 ? proto : (int)(strtoul(name, NULL, 10) & 0xff);
}

/* @len: of the whole transport part */
static size_t put_l4(struct json_object *event, int proto, uint64_t len,
		     uint8_t *at)
{
	switch (proto) {
	case IPPROTO_TCP:
		put16(at, port_of(event, "from"));
		put16(at + 2, port_of(event, "to"));
		at[12] = 5
			 << 4; /* no options; flags and numbers are not known */
		return 20;
	case IPPROTO_UDP:
		put16(at, port_of(event, "from"));
		put16(at + 2, port_of(event, "to"));
		put16(at + 4, len);
		return 8;
	case IPPROTO_SCTP:
		put16(at, port_of(event, "from"));
		put16(at + 2, port_of(event, "to"));
		return 12;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		at[0] = (uint8_t)wd_json_get_int(event, "icmp_type");
		at[1] = (uint8_t)wd_json_get_int(event, "icmp_code");
		return 8;
	}
	return 0;
}

static void put_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~sum & 0xffff);
}

/* @len: of the packet from here on; 0 in the header where it has no room for it */
static size_t put_ip4(struct json_object *event, int proto, uint64_t len,
		      uint8_t *at)
{
	const char *from =
		wd_json_get_str(wd_json_get(event, "from"), "address");
	const char *to = wd_json_get_str(wd_json_get(event, "to"), "address");

	at[0] = 0x45;
	put16(at + 2, len > UINT16_MAX ? 0 : len);
	at[8] = TTL;
	at[9] = (uint8_t)proto;
	(void)inet_pton(AF_INET, from, at + 12); /* zero where it is none */
	(void)inet_pton(AF_INET, to, at + 16);
	put_checksum(at);
	return 20;
}

static size_t put_ip6(struct json_object *event, int proto, uint64_t len,
		      uint8_t *at)
{
	const char *from =
		wd_json_get_str(wd_json_get(event, "from"), "address");
	const char *to = wd_json_get_str(wd_json_get(event, "to"), "address");
	uint64_t payload = len > 40 ? len - 40 : 0;

	at[0] = 0x60;
	put16(at + 4, payload > UINT16_MAX ? 0 : payload);
	at[6] = (uint8_t)proto;
	at[7] = TTL;
	(void)inet_pton(AF_INET6, from, at + 8);
	(void)inet_pton(AF_INET6, to, at + 24);
	return 40;
}

size_t wd_pcapng_head(struct json_object *event, uint8_t *buf)
{
	uint64_t bytes = (uint64_t)wd_json_get_int(event, "bytes");
	uint64_t rest = bytes > ETH_HLEN ? bytes - ETH_HLEN : 0;
	const char *from =
		wd_json_get_str(wd_json_get(event, "from"), "address");
	const char *type = wd_json_get_str(event, "ethertype");
	int proto = proto_of(event);
	size_t len = ETH_HLEN, ip;

	memset(buf, 0, WD_PCAPNG_HEAD_MAX);
	if (*type) {
		put16(buf + 12, strtoul(type, NULL, 16));
	} else if (strchr(from, ':')) {
		put16(buf + 12, ETH_P_IPV6);
		ip = put_ip6(event, proto, rest, buf + len);
		len += ip + put_l4(event, proto, rest > ip ? rest - ip : 0,
				   buf + len + ip);
	} else {
		put16(buf + 12, ETH_P_IP);
		ip = put_ip4(event, proto, rest, buf + len);
		len += ip + put_l4(event, proto, rest > ip ? rest - ip : 0,
				   buf + len + ip);
	}
	return len > bytes ? (size_t)bytes : len;
}

/* ---- blocks ---- */

/* Grows; ends up in the file whole. */
struct block {
	uint8_t *data;
	size_t len;
};

static void add(struct block *block, const void *data, size_t len)
{
	size_t padded = (len + 3) & ~(size_t)3;

	block->data = wd_xrealloc(block->data, block->len + padded, 1);
	memcpy(block->data + block->len, data, len);
	memset(block->data + block->len + len, 0, padded - len);
	block->len += padded;
}

static void add32(struct block *block, uint32_t value)
{
	add(block, &value, sizeof(value));
}

/* Two numbers of 16 bits. */
static void add16s(struct block *block, uint16_t one, uint16_t two)
{
	uint16_t both[2] = { one, two };

	add(block, both, sizeof(both));
}

static void add_option(struct block *block, uint16_t code, const void *data,
		       size_t len)
{
	if (len > UINT16_MAX)
		len = UINT16_MAX;
	add16s(block, code, (uint16_t)len);
	add(block, data, len);
}

static void add_text(struct block *block, uint16_t code, const char *text)
{
	if (text && *text)
		add_option(block, code, text, strlen(text));
}

static struct block block_begin(uint32_t type)
{
	struct block block = {};

	add32(&block, type);
	add32(&block, 0); /* its length, when it is known */
	return block;
}

/* Frees the block. */
static int block_write(struct block *block, FILE *to)
{
	uint32_t len = (uint32_t)block->len + 4;
	int err = 0;

	add32(block, len);
	memcpy(block->data + 4, &len, sizeof(len));
	errno = 0;
	if (fwrite(block->data, 1, block->len, to) != block->len || fflush(to))
		err = errno ? -errno : -EIO;
	free(block->data);
	return err;
}

int wd_pcapng_begin(FILE *to, struct wd_pcapng *ret_file)
{
	struct block block = block_begin(BLOCK_SECTION);
	int err;

	add32(&block, BYTE_ORDER_MAGIC);
	add16s(&block, 1, 0); /* version */
	add32(&block, UINT32_MAX); /* length of the section: not known, -1 */
	add32(&block, UINT32_MAX);
	add_text(&block, OPT_SHB_USERAPPL, "warder " WARDER_VERSION);
	add_option(&block, OPT_END, "", 0);
	err = block_write(&block, to);
	if (err)
		return err;
	*ret_file = (struct wd_pcapng){ .to = to };
	return 0;
}

static int add_interface(struct wd_pcapng *file, struct json_object *endpoint,
			 uint32_t ifindex)
{
	const char *device = wd_json_get_str(endpoint, "interface");
	struct block block = block_begin(BLOCK_INTERFACE);
	char *name = NULL, *pod = NULL;
	int err;

	if (*device)
		wd_format(&name, "%s", device);
	else
		wd_format(&name, "ifindex %u", ifindex);
	wd_format(&pod, "%s/%s", wd_json_get_str(endpoint, "namespace"),
		  wd_json_get_str(endpoint, "name"));
	add16s(&block, LINKTYPE_ETHERNET, 0);
	add32(&block, 0); /* no limit of bytes */
	add_text(&block, OPT_IF_NAME, name);
	if (*wd_json_get_str(endpoint, "name"))
		add_text(&block, OPT_IF_DESCRIPTION, pod);
	add_option(&block, OPT_END, "", 0);
	free(name);
	free(pod);
	err = block_write(&block, file->to);
	if (err)
		return err;
	file->ifindex = wd_xrealloc(file->ifindex, file->ifindex_cnt + 1,
				    sizeof(*file->ifindex));
	file->ifindex[file->ifindex_cnt++] = ifindex;
	return 0;
}

/* Return: the number of the interface in the capture, or -errno. */
static int find_interface(struct wd_pcapng *file, struct json_object *event)
{
	struct json_object *endpoint = wd_json_get(event, "endpoint");
	uint32_t ifindex = (uint32_t)wd_json_get_int(endpoint, "ifindex");
	int err;

	for (uint32_t i = 0; i < file->ifindex_cnt; i++)
		if (file->ifindex[i] == ifindex)
			return (int)i;
	err = add_interface(file, endpoint, ifindex);
	return err ? err : (int)file->ifindex_cnt - 1;
}

static uint64_t time_us(struct json_object *event)
{
	const char *text = wd_json_get_str(event, "time"), *rest;
	struct tm tm = {};
	uint64_t us = 0;

	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return 0;
	if (*rest == '.')
		us = strtoul(rest + 1, NULL, 10); /* six digits */
	return (uint64_t)timegm(&tm) * 1000000 + us;
}

static char *side_text(struct json_object *side)
{
	const char *ns = wd_json_get_str(side, "namespace");
	const char *name = wd_json_get_str(side, "name");
	const char *identity = wd_json_get_str(side, "identity_name");

	return wd_xprintf("%s%s%s (identity %lld)", ns, *ns ? "/" : "",
			  *name	    ? name :
			  *identity ? identity :
				      "unknown",
			  (long long)wd_json_get_int(side, "identity"));
}

static char *policy_text(struct json_object *policy)
{
	const char *ns = wd_json_get_str(policy, "namespace");

	return wd_xprintf("%s/%s%s%s", wd_json_get_str(policy, "kind"), ns,
			  *ns ? "/" : "", wd_json_get_str(policy, "name"));
}

/* What decided: "; rule X egress[0]", "; isolated by X, Y", or nothing. */
static char *cause_text(struct json_object *event)
{
	struct json_object *rule = wd_json_get(event, "rule");
	char *text = wd_xstrdup(""), *policy, *longer;

	if (rule) {
		free(text);
		policy = policy_text(rule);
		text = wd_xprintf("; rule %s %s[%lld]", policy,
				  wd_json_get_str(rule, "direction"),
				  (long long)wd_json_get_int(rule, "index"));
		free(policy);
	}
	for (size_t i = 0; i < wd_json_len(event, "isolated_by"); i++) {
		policy = policy_text(wd_json_at(event, "isolated_by", i));
		longer = wd_xprintf("%s%s%s", text, i ? ", " : "; isolated by ",
				    policy);
		free(policy);
		free(text);
		text = longer;
	}
	return text;
}

static char *comment(struct json_object *event)
{
	char *from = side_text(wd_json_get(event, "from"));
	char *to = side_text(wd_json_get(event, "to"));
	char *cause = cause_text(event);
	char *text = wd_xprintf(
		"%s at %s: %s (%s)%s; %s -> %s; headers made from the event: hardware addresses, TTL, TCP flags and numbers are not the packet's",
		wd_json_get_str(event, "verdict"),
		wd_json_get_str(event, "direction"),
		wd_json_get_str(event, "reason"),
		wd_json_get_str(event, "help"), cause, from, to);

	free(from);
	free(to);
	free(cause);
	return text;
}

/* One byte of kind, eight of value. */
static void add_verdict(struct block *block, bool drop)
{
	uint64_t value = drop ? TC_SHOT : TC_PASS;
	uint8_t data[9] = { VERDICT_TC };

	memcpy(data + 1, &value, sizeof(value));
	add_option(block, OPT_EPB_VERDICT, data, sizeof(data));
}

int wd_pcapng_event(struct wd_pcapng *file, struct json_object *event)
{
	bool out = !strcmp(wd_json_get_str(event, "direction"), "egress");
	/* What a pod sends comes in by the node's end of its pair. */
	uint32_t flags = out ? FLAG_INBOUND : FLAG_OUTBOUND;
	int interface = find_interface(file, event);
	uint8_t head[WD_PCAPNG_HEAD_MAX];
	uint64_t us = time_us(event);
	struct block block;
	char *text;
	size_t len;

	if (interface < 0)
		return interface;
	len = wd_pcapng_head(event, head);
	text = comment(event);
	block = block_begin(BLOCK_PACKET);
	add32(&block, (uint32_t)interface);
	add32(&block, (uint32_t)(us >> 32));
	add32(&block, (uint32_t)us);
	add32(&block, (uint32_t)len);
	add32(&block, (uint32_t)wd_json_get_int(event, "bytes"));
	add(&block, head, len);
	add_text(&block, OPT_COMMENT, text);
	add_option(&block, OPT_EPB_FLAGS, &flags, sizeof(flags));
	add_verdict(&block, !strcmp(wd_json_get_str(event, "verdict"), "drop"));
	add_option(&block, OPT_END, "", 0);
	free(text);
	return block_write(&block, file->to);
}

void wd_pcapng_end(struct wd_pcapng *file)
{
	free(file->ifindex);
	file->ifindex = NULL;
	file->ifindex_cnt = 0;
}
