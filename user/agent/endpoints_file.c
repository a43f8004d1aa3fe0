/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoints_file.c - the registry on disk: which endpoint was which, over a restart.
 *
 * The record is a memory, the kernel is the truth: an entry counts only if the
 * interface still carries our programs or is still the same pair.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../base/log.h"
#include "../model/intern.h"
#include "../net/netns.h"
#include "../net/rtnl.h"
#include "endpoints_int.h"
#include "statefile.h"

#define FILE_NAME "endpoints.json"

/* ---- writing ---- */

static void put_hex(struct json_object *o, const char *key, const void *data,
		    size_t len)
{
	const uint8_t *byte = data;
	char text[33];

	for (size_t i = 0; i < len && i < 16; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", byte[i]);
	json_object_object_add(o, key, json_object_new_string(text));
}

static void put_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static struct json_object *to_json(const struct wd_endpoint *ep)
{
	struct json_object *o = json_object_new_object();
	struct json_object *addrs = json_object_new_array();
	char buf[WD_ADDR_STRLEN];

	json_object_object_add(o, "id", json_object_new_int64(ep->id));
	json_object_object_add(o, "stat", json_object_new_int64(ep->stat));
	json_object_object_add(o, "ifindex",
			       json_object_new_int64(ep->ifindex));
	json_object_object_add(o, "master", json_object_new_int64(ep->master));
	json_object_object_add(o, "cookie", json_object_new_uint64(ep->cookie));
	put_text(o, "interface", ep->host_name);
	put_text(o, "pod_interface", ep->pod_name);
	put_hex(o, "host_mac", ep->host_mac, sizeof(ep->host_mac));
	put_hex(o, "pod_mac", ep->pod_mac, sizeof(ep->pod_mac));
	put_hex(o, "link_local", &ep->ll6, sizeof(ep->ll6));
	put_text(o, "namespace", ep->ns);
	put_text(o, "pod", ep->name);
	put_text(o, "uid", ep->uid);
	put_text(o, "container", ep->container);
	put_text(o, "network", ep->network);
	put_text(o, "netns", ep->netns);
	for (uint32_t i = 0; i < ep->addr_cnt; i++)
		json_object_array_add(addrs, json_object_new_string(wd_addr_str(
						     &ep->addr[i], buf)));
	json_object_object_add(o, "addresses", addrs);
	return o;
}

void wd_endpoints_save(struct wd_endpoints *eps)
{
	struct json_object *list;
	struct json_object *o;
	int err;

	if (!eps->unsaved)
		return;
	o = json_object_new_object();
	list = json_object_new_array();
	json_object_object_add(o, "version", json_object_new_int(1));
	json_object_object_add(o, "next_id",
			       json_object_new_int64(eps->next_id));
	for (const struct wd_local *local = eps->locals; local;
	     local = local->hh.next)
		json_object_array_add(list, to_json(&local->ep));
	json_object_object_add(o, "endpoints", list);
	err = wd_statefile_write(eps->agent->config.state_dir, FILE_NAME, o);
	json_object_put(o);
	if (err)
		wd_warn("endpoints: writing %s: %s, trying again later",
			FILE_NAME, wd_errno(err));
	else
		eps->unsaved = false;
}

/* ---- reading ---- */

static const char *get_text(struct json_object *o, const char *key)
{
	const char *text =
		json_object_get_string(json_object_object_get(o, key));

	return text ? text : "";
}

static uint32_t get_u32(struct json_object *o, const char *key)
{
	return (uint32_t)json_object_get_int64(json_object_object_get(o, key));
}

static void get_hex(struct json_object *o, const char *key, void *ret,
		    size_t len)
{
	const char *text = get_text(o, key);
	uint8_t *byte = ret;
	char two[3] = { 0 };

	if (strlen(text) != 2 * len)
		return;
	for (size_t i = 0; i < len; i++) {
		memcpy(two, text + 2 * i, 2);
		byte[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

static void get_veth(struct json_object *o, struct wd_veth *v)
{
	memset(v, 0, sizeof(*v));
	v->nsid = -1; /* they are counted anew after a reboot */
	v->host_ifindex = get_u32(o, "ifindex");
	v->master = get_u32(o, "master");
	v->cookie = json_object_get_uint64(json_object_object_get(o, "cookie"));
	(void)snprintf(v->host_name, sizeof(v->host_name), "%s",
		       get_text(o, "interface"));
	(void)snprintf(v->pod_name, sizeof(v->pod_name), "%s",
		       get_text(o, "pod_interface"));
	get_hex(o, "host_mac", v->host_mac, sizeof(v->host_mac));
	get_hex(o, "pod_mac", v->pod_mac, sizeof(v->pod_mac));
	get_hex(o, "link_local", &v->ll6, sizeof(v->ll6));
}

static size_t get_addrs(struct json_object *o, struct wd_addr *addr, size_t max)
{
	struct json_object *list = json_object_object_get(o, "addresses");
	size_t cnt = 0;

	if (!json_object_is_type(list, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(list) && cnt < max;
	     i++) {
		const char *text = json_object_get_string(
			json_object_array_get_idx(list, i));

		if (text && wd_addr_parse(text, &addr[cnt]) == 0)
			cnt++;
	}
	return cnt;
}

/* Has the host still an interface of this number, name and MAC? */
static bool is_on_host(const struct wd_veth *v)
{
	struct wd_link link;
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (err)
		return true; /* deny: nothing says that it is gone */
	err = wd_link_get(&nl, v->host_ifindex, NULL, &link);
	wd_rtnl_close(&nl);
	if (err)
		return err != -ENODEV;
	return link.is_veth && !strcmp(link.name, v->host_name) &&
	       !memcmp(link.mac, v->host_mac, sizeof(link.mac));
}

/*
 * Is the interface still the one that was recorded? Programs of ours on it
 * prove it: they die with the interface. Without them the namespace decides;
 * a path that leads nowhere proves nothing, as it may be the agent that does
 * not see it, and no more does a look that is refused: then the host's end of
 * the pair decides.
 */
static bool still_there(struct wd_endpoints *eps, const char *netns,
			struct wd_veth *v, bool *ret_attached)
{
	struct wd_veth now;
	int err;
	int fd;

	if (wd_datapath_check(eps->agent->dp, v->host_ifindex) == 0) {
		*ret_attached =
			!wd_datapath_is_closed(eps->agent->dp, v->host_ifindex);
		return true;
	}
	*ret_attached = false;
	fd = wd_netns_open(netns);
	if (fd < 0)
		return is_on_host(v);
	err = wd_veth_find(fd, v->pod_name, &now);
	(void)close(fd);
	if (err && err != -ENODEV && err != -ENOTSUP && err != -EXDEV)
		return is_on_host(v);
	if (err || now.host_ifindex != v->host_ifindex ||
	    memcmp(now.pod_mac, v->pod_mac, sizeof(now.pod_mac)) != 0 ||
	    (v->cookie && now.cookie && v->cookie != now.cookie))
		return false;
	return true;
}

static void restore_one(struct wd_endpoints *eps, struct json_object *o)
{
	struct wd_addr addr[2 * WD_EP_ADDRS];
	struct wd_veth veth;
	struct wd_local_spec spec = {
		.ns = get_text(o, "namespace"),
		.name = get_text(o, "pod"),
		.uid = get_text(o, "uid"),
		.container = get_text(o, "container"),
		.network = get_text(o, "network"),
		.netns = get_text(o, "netns"),
		.addr = addr,
		.veth = &veth,
	};
	uint32_t stat = get_u32(o, "stat");
	uint32_t id = get_u32(o, "id");
	struct wd_local *local;
	bool attached;

	get_veth(o, &veth);
	spec.addr_cnt = get_addrs(o, addr, 2 * WD_EP_ADDRS);
	if (!*spec.ns || !*spec.name || id == 0 || stat >= WD_ENDPOINTS_MAX ||
	    eps->stat_used[stat] ||
	    wd_local_by_ifindex(eps, veth.host_ifindex)) {
		wd_warn("endpoints: an entry of %s does not fit, ignoring it",
			FILE_NAME);
		return;
	}
	if (!still_there(eps, spec.netns, &veth, &attached)) {
		wd_info("endpoint '%s/%s': interface %s is gone", spec.ns,
			spec.name, veth.host_name);
		(void)wd_datapath_detach(eps->agent->dp, veth.host_ifindex);
		eps->unsaved = true;
		return;
	}
	if (wd_endpoints_take(eps, &spec, id, stat, &local))
		return;
	local->attached = attached;
	if (id >= eps->next_id)
		eps->next_id = id + 1;
}

int wd_endpoints_restore(struct wd_endpoints *eps)
{
	struct json_object *o;
	struct json_object *list;
	uint32_t next;
	int err =
		wd_statefile_read(eps->agent->config.state_dir, FILE_NAME, &o);

	if (err == -ENOENT)
		return 0;
	if (err) {
		wd_warn("endpoints: reading %s: %s, discovering instead",
			FILE_NAME, wd_errno(err));
		return 0;
	}
	list = json_object_object_get(o, "endpoints");
	next = get_u32(o, "next_id");
	if (next > eps->next_id)
		eps->next_id = next;
	for (size_t i = 0; json_object_is_type(list, json_type_array) &&
			   i < json_object_array_length(list);
	     i++)
		restore_one(eps, json_object_array_get_idx(list, i));
	json_object_put(o);
	return 0;
}
