/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target.c - parses who and what `warder why` is asked about. Strict: what
 * does not read exactly one way is refused with a message.
 */
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "icmp.h"
#include "names.h"
#include "opt.h"

#define TEXT_MAX 600 /* NS/POD:PORT/PROTO cannot be longer */

/* All of @text as a number. Return: -EINVAL */
static int number_parse(const char *text, unsigned long max)
{
	unsigned long value;
	char *end;

	if (!*text || strspn(text, "0123456789") != strlen(text) ||
	    strlen(text) > 5)
		return -EINVAL;
	value = strtoul(text, &end, 10);
	return value <= max ? (int)value : -EINVAL;
}

/* NS/POD, or CLUSTER/NS/POD of another cluster's pod. */
static int pod_parse(char *text, struct wd_target *target)
{
	char *slash = strrchr(text, '/');
	const char *name = slash + 1;
	const char *ns;

	*slash = '\0';
	ns = strchr(text, '/');
	if (ns && (ns == text || !ns[1] || strchr(ns + 1, '/')))
		return -EINVAL;
	if (!*text || !*name || strlen(text) >= sizeof(target->ns) ||
	    strlen(name) >= sizeof(target->name))
		return -EINVAL;
	target->type = WD_TARGET_POD;
	memcpy(target->ns, text, strlen(text) + 1);
	memcpy(target->name, name, strlen(name) + 1);
	return 0;
}

static int who_parse(char *text, struct wd_target *target)
{
	if (!strcmp(text, "host")) {
		target->type = WD_TARGET_HOST;
		return 0;
	}
	if (strchr(text, '/'))
		return pod_parse(text, target);
	target->type = WD_TARGET_ADDR;
	return wd_addr_parse(text, &target->addr);
}

/*
 * Cut @text into who and what follows the colon. Return: the latter, NULL if
 * there is none.
 */
static char *split(char **text)
{
	struct wd_addr addr;
	char *end;

	if (**text == '[') {
		end = strchr(*text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return NULL; /* stays as it is, refused as no address */
		*end = '\0';
		(*text)++;
		return end[1] ? end + 2 : NULL;
	}
	if (!wd_addr_parse(*text, &addr))
		return NULL; /* an IPv6 address is full of colons */
	end = strchr(*text, ':');
	if (!end)
		return NULL;
	*end = '\0';
	return end + 1;
}

static int proto_parse(const char *text, struct wd_target *target,
		       char **ret_error)
{
	int proto = *text >= '0' && *text <= '9' ? number_parse(text, 255) :
						   wd_proto_find(text);

	if (proto < 0) {
		wd_format(ret_error,
			  "'%s' is not tcp, udp, sctp, icmp or a number to 255",
			  text);
		return -EINVAL;
	}
	target->proto = (uint8_t)proto;
	target->icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
	target->no_ports = proto != IPPROTO_TCP && proto != IPPROTO_UDP &&
			   proto != IPPROTO_SCTP;
	return 0;
}

/* TYPE[.CODE]; whether the family has the type is seen when it is known. */
static int type_parse(const char *text, struct wd_target *target,
		      char **ret_error)
{
	const char *dot = strchr(text, '.');
	size_t len = dot ? (size_t)(dot - text) : strlen(text);
	int code = dot ? number_parse(dot + 1, 255) : 0;

	if (!*text || !strcmp(text, "0"))
		return 0;
	if (len < sizeof(target->icmp_type) && code >= 0) {
		memcpy(target->icmp_type, text, len);
		target->icmp_code = (uint8_t)code;
		text = target->icmp_type;
		if (number_parse(text, 255) >= 0 ||
		    wd_icmp_find(4, text) >= 0 || wd_icmp_find(6, text) >= 0)
			return 0;
	}
	wd_format(ret_error,
		  "'%s' is not TYPE or TYPE.CODE of ICMP, by name or to 255",
		  text);
	return -EINVAL;
}

static int port_parse(const char *text, struct wd_target *target,
		      char **ret_error)
{
	int port = number_parse(text, 65535);

	if (target->icmp)
		return type_parse(text, target, ret_error);
	if (target->no_ports && (!*text || !port))
		return 0;
	if (target->no_ports) {
		wd_format(ret_error, "'%s': the protocol has no ports", text);
		return -EINVAL;
	}
	if (port > 0) {
		target->port = (uint16_t)port;
		return 0;
	}
	if (!*text || strspn(text, "0123456789") == strlen(text) ||
	    strlen(text) >= sizeof(target->port_name)) {
		wd_format(ret_error,
			  "'%s' is not a port from 1 to 65535 or its name",
			  text);
		return -EINVAL;
	}
	memcpy(target->port_name, text, strlen(text) + 1);
	return 0;
}

static int what_parse(char *text, struct wd_target *target, char **ret_error)
{
	char *slash = strchr(text, '/');
	int err;

	if (slash)
		*slash = '\0';
	err = proto_parse(slash ? slash + 1 : "tcp", target, ret_error);
	return err ?: port_parse(text, target, ret_error);
}

static int target_parse(const char *text, bool with_port,
			struct wd_target *ret_target, char **ret_error)
{
	struct wd_target target = { .no_ports = true, .icmp = true };
	char copy[TEXT_MAX], *who = copy, *what = NULL;
	int err;

	if (strlen(text) >= sizeof(copy)) {
		wd_format(ret_error, "longer than any name");
		return -EINVAL;
	}
	memcpy(copy, text, strlen(text) + 1);
	if (with_port)
		what = split(&who);
	if (who_parse(who, &target)) {
		wd_format(ret_error,
			  "'%s' is not [CLUSTER/]NS/POD, an address or "
			  "host%s",
			  text, with_port ? ", with [:PORT[/PROTO]]" : "");
		return -EINVAL;
	}
	err = what ? what_parse(what, &target, ret_error) : 0;
	if (!err)
		*ret_target = target;
	return err;
}

int wd_target_from(const char *text, struct wd_target *ret_target,
		   char **ret_error)
{
	return target_parse(text, false, ret_target, ret_error);
}

int wd_target_to(const char *text, struct wd_target *ret_target,
		 char **ret_error)
{
	return target_parse(text, true, ret_target, ret_error);
}
