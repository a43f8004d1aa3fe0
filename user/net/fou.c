/* SPDX-License-Identifier: GPL-2.0-only */
/* fou.c - questions to the generic netlink families "fou" and "l2tp". */
#include "fou.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/fou.h>
#include <linux/genetlink.h>

#include "../model/xalloc.h"
#include "rtnl.h"

/* Source: linux/l2tp.h, which cannot be included beside netinet/in.h. */
enum {
	L2TP_CMD_TUNNEL_GET = 4,
	L2TP_ATTR_CONN_ID = 9,
	L2TP_ATTR_UDP_SPORT = 26,
};

enum { FOU, L2TP, FAMILIES };

struct ports {
	uint16_t *port;
	size_t cnt, cap;
	uint32_t odd; /* answers that make no sense, left out */
	uint16_t id[FAMILIES]; /* message types, 0: the kernel has none */
};

/* ---- answers ---- */

/* Return: NULL if there is none */
static const struct nlattr *find(const struct nlmsghdr *msg, uint16_t type)
{
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(struct genlmsghdr))
		return NULL;
	mnl_attr_for_each(attr, msg, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}
	return NULL;
}

static int number_of(const struct nlattr *attr, uint16_t *ret)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(*ret))
		return -EPROTO;
	*ret = mnl_attr_get_u16(attr);
	return 0;
}

int wd_fou_take_fou(const struct nlmsghdr *msg, uint16_t *ret_port)
{
	const struct nlattr *attr = find(msg, FOU_ATTR_PORT);
	uint16_t port = 0; /* as on the wire */

	if (!attr || number_of(attr, &port) || !port)
		return -EPROTO;
	*ret_port = ntohs(port);
	return 0;
}

int wd_fou_take_l2tp(const struct nlmsghdr *msg, uint16_t *ret_port)
{
	const struct nlattr *attr = find(msg, L2TP_ATTR_UDP_SPORT);
	uint16_t port = 0;

	if (!find(msg, L2TP_ATTR_CONN_ID) || (attr && number_of(attr, &port)))
		return -EPROTO;
	*ret_port = port;
	return 0;
}

static void add(struct ports *ports, uint16_t port)
{
	if (!port)
		return;
	ports->port = wd_grow(ports->port, ports->cnt, &ports->cap,
			      sizeof(*ports->port));
	ports->port[ports->cnt++] = port;
}

static int take_fou(void *ctx, const struct nlmsghdr *msg)
{
	struct ports *ports = ctx;
	uint16_t port = 0;

	ports->odd += wd_fou_take_fou(msg, &port) != 0;
	add(ports, port);
	return 0;
}

static int take_l2tp(void *ctx, const struct nlmsghdr *msg)
{
	struct ports *ports = ctx;
	uint16_t port = 0;

	ports->odd += wd_fou_take_l2tp(msg, &port) != 0;
	add(ports, port);
	return 0;
}

static int take_family(void *ctx, const struct nlmsghdr *msg)
{
	static const char *const names[FAMILIES] = { "fou", "l2tp" };
	const struct nlattr *id = find(msg, CTRL_ATTR_FAMILY_ID);
	const struct nlattr *name = find(msg, CTRL_ATTR_FAMILY_NAME);
	struct ports *ports = ctx;

	if (!id || !name)
		return -EPROTO;
	for (int i = 0; i < FAMILIES; i++)
		if (mnl_attr_get_payload_len(name) == strlen(names[i]) + 1 &&
		    !memcmp(mnl_attr_get_payload(name), names[i],
			    strlen(names[i]) + 1))
			return number_of(id, &ports->id[i]);
	return 0;
}

/* ---- questions ---- */

static int dump(struct wd_rtnl *nl, uint16_t family, uint8_t cmd,
		int (*take)(void *ctx, const struct nlmsghdr *msg),
		struct ports *ports)
{
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct genlmsghdr *genl;

	if (!family)
		return 0;
	head->nlmsg_type = family;
	head->nlmsg_flags = NLM_F_DUMP;
	genl = mnl_nlmsg_put_extra_header(head, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1; /* of all three */
	return wd_rtnl_run(nl, head, take, ports);
}

static int ask(struct wd_rtnl *nl, struct ports *ports)
{
	int err;

	ports->cnt = 0;
	ports->odd = 0;
	memset(ports->id, 0, sizeof(ports->id));
	err = dump(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, take_family, ports);
	if (!err)
		err = dump(nl, ports->id[FOU], FOU_CMD_GET, take_fou, ports);
	if (!err)
		err = dump(nl, ports->id[L2TP], L2TP_CMD_TUNNEL_GET, take_l2tp,
			   ports);
	return err;
}

int wd_fou_ports(uint16_t **ret_port, uint32_t *ret_odd)
{
	struct ports ports = { 0 };
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_GENERIC);

	if (err)
		return err;
	err = -EINTR;
	for (int i = 0; i < WD_RTNL_TRIES && err == -EINTR; i++)
		err = ask(&nl, &ports);
	wd_rtnl_close(&nl);
	if (err) {
		free(ports.port);
		return err;
	}
	*ret_port = ports.port;
	*ret_odd = ports.odd;
	return (int)ports.cnt;
}
