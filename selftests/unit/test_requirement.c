/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_requirement.c - which addresses the tables say must be encrypted, as
 * namespaces come, change and go, and which nodes are exempt.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "tap.h"
#include "told.h"

#define ADDRS 16

static struct {
	uint32_t addr[ADDRS]; /* IPv4, network byte order */
	struct wd_addr_val val[ADDRS];
	uint32_t cnt;
	struct wd_endpoint_val ep;
	uint16_t then[2]; /* its flags as a generation came in force */
	uint32_t gen;
} kernel;

static struct wd_store *store;
static struct wd_model *model;

static int find(const void *key)
{
	for (uint32_t i = 0; i < kernel.cnt; i++)
		if (!memcmp(&kernel.addr[i], key, 4))
			return (int)i;
	return -1;
}

static int set(void *ctx, enum wd_map map, const void *key, const void *val)
{
	int at = find(key);

	(void)ctx;
	if (map == WD_MAP_wd_endpoint)
		memcpy(&kernel.ep, val, sizeof(kernel.ep));
	if (map != WD_MAP_wd_addr4)
		return 0;
	if (at < 0)
		at = (int)kernel.cnt++;
	memcpy(&kernel.addr[at], key, 4);
	memcpy(&kernel.val[at], val, sizeof(kernel.val[at]));
	return 0;
}

static int del(void *ctx, enum wd_map map, const void *key)
{
	int at = map == WD_MAP_wd_addr4 ? find(key) : -1;

	(void)ctx;
	if (at < 0)
		return 0;
	kernel.cnt--;
	kernel.addr[at] = kernel.addr[kernel.cnt];
	kernel.val[at] = kernel.val[kernel.cnt];
	return 0;
}

static void publish(void *ctx, uint32_t gen)
{
	(void)ctx;
	for (int i = 0; i < 2; i++)
		kernel.then[i] = kernel.ep.flags[i];
	kernel.gen = gen;
}

static struct wd_sink sink;

static void begin(bool required, const char *const *exempt, size_t exempt_cnt)
{
	struct wd_model_config config = {
		.node = "n1",
		.encrypt = required,
		.exempt = exempt,
		.exempt_cnt = exempt_cnt,
	};

	memset(&kernel, 0, sizeof(kernel));
	sink = (struct wd_sink){
		.set = set,
		.del = del,
		.publish = publish,
		.row = wd_xcalloc(WD_ROWS_MAX, sizeof(struct wd_row_val)),
		.slot = wd_xcalloc(2 * WD_SLOTS_MAX,
				   sizeof(struct wd_slot_val)),
		.span = wd_xcalloc(WD_SPANS_MAX, sizeof(struct wd_span_val)),
		.class =
			wd_xcalloc(WD_CLASSES_MAX, sizeof(struct wd_class_val)),
	};
	store = wd_store_new(tell_model, &model);
	model = wd_model_new(store, &sink, &config);
}

static void end(void)
{
	wd_model_free(model);
	wd_store_free(store);
	free(sink.row);
	free(sink.slot);
	free(sink.span);
	free(sink.class);
}

static void commit(void)
{
	wd_expect_int(0, wd_model_commit(model, NULL));
	wd_expect_int(0, wd_model_settle(model));
}

static struct wd_addr *one_addr(const char *text)
{
	struct wd_addr *addr = wd_xcalloc(1, sizeof(*addr));

	wd_expect_int(0, wd_addr_parse(text, addr));
	return addr;
}

static void put_pod(const char *ns, const char *name, const char *addr)
{
	struct wd_object *obj = object_of(WD_KIND_POD, ns, name);

	obj->pod.labels = wd_labels_get(NULL, 0);
	obj->pod.node = wd_str_get("n2");
	obj->pod.addr = one_addr(addr);
	obj->pod.addr_cnt = 1;
	(void)wd_store_put(store, obj);
}

static void put_node(const char *name, const char *addr)
{
	struct wd_object *obj = object_of(WD_KIND_NODE, "", name);

	obj->node.labels = wd_labels_get(NULL, 0);
	obj->node.addr = one_addr(addr);
	obj->node.addr_cnt = 1;
	(void)wd_store_put(store, obj);
}

static void put_space(const char *name, enum wd_encryption_want encryption)
{
	struct wd_object *obj = object_of(WD_KIND_NAMESPACE, "", name);

	obj->nsp.labels = wd_labels_get(NULL, 0);
	obj->nsp.encryption = encryption;
	(void)wd_store_put(store, obj);
}

static const struct wd_addr_val *val_of(const char *addr)
{
	struct in_addr key;
	int at;

	wd_expect_int(1, inet_pton(AF_INET, addr, &key));
	at = find(&key);
	return wd_expect(at >= 0) ? &kernel.val[at] : &kernel.val[0];
}

static bool must(const char *addr)
{
	return val_of(addr)->flags & WD_ADDR_ENCRYPT;
}

static void namespaces_say_it_and_else_the_default_does(void)
{
	for (int required = 0; required < 2; required++) {
		begin(required, NULL, 0);
		put_pod("untold", "a", "10.0.0.1");
		put_pod("plain", "a", "10.0.0.2");
		put_pod("must", "a", "10.0.0.3");
		put_pod("free", "a", "10.0.0.4");
		put_space("plain", WD_ENCRYPTION_UNSET);
		put_space("must", WD_ENCRYPTION_REQUIRED);
		put_space("free", WD_ENCRYPTION_NONE);
		commit();
		wd_expect_int(required, must("10.0.0.1"));
		wd_expect_int(required, must("10.0.0.2"));
		wd_expect_int(true, must("10.0.0.3"));
		wd_expect_int(false, must("10.0.0.4"));
		end();
	}
}

static void change_of_a_namespace_reaches_its_pods_and_no_others(void)
{
	begin(false, NULL, 0);
	put_pod("x", "a", "10.0.0.1");
	put_pod("x", "b", "10.0.0.2");
	put_pod("y", "a", "10.0.0.3");
	put_space("x", WD_ENCRYPTION_UNSET);
	commit();
	wd_expect(!must("10.0.0.1"));
	put_space("x", WD_ENCRYPTION_REQUIRED);
	commit();
	wd_expect(must("10.0.0.1") && must("10.0.0.2"));
	wd_expect(!must("10.0.0.3"));
	put_space("x", WD_ENCRYPTION_NONE);
	commit();
	wd_expect(!must("10.0.0.1") && !must("10.0.0.2"));
	put_space("x", WD_ENCRYPTION_REQUIRED);
	commit();
	wd_expect(must("10.0.0.1"));
	(void)wd_store_del(store, WD_KIND_NAMESPACE, "", "x", NULL);
	commit();
	wd_expect(!must("10.0.0.1"));
	end();
}

static void own_pod_knows_it_of_itself(void)
{
	struct wd_endpoint ep = { .id = 1, .ifindex = 7, .addr_cnt = 1 };
	const char *ns = wd_str_get("x"), *name = wd_str_get("a");
	const char *none = wd_str_get("");

	begin(false, NULL, 0);
	ep.ns = ns;
	ep.name = name;
	ep.uid = ep.container = ep.network = ep.netns = none;
	wd_expect_int(0, wd_addr_parse("10.0.0.1", &ep.addr[0]));
	wd_model_endpoint_set(model, &ep); /* before any source told of it */
	commit();
	wd_expect(!(kernel.ep.flags[kernel.gen & 1] & WD_EP_ENCRYPT));
	wd_expect(!must("10.0.0.1"));
	put_space("x", WD_ENCRYPTION_REQUIRED);
	commit();
	wd_expect(kernel.ep.flags[kernel.gen & 1] & WD_EP_ENCRYPT);
	wd_expect(must("10.0.0.1"));
	wd_model_endpoint_del(model, ep.id);
	end();
	wd_str_put(ns);
	wd_str_put(name);
	wd_str_put(none);
}

/* Nothing of a change is in force before its generation, and all of it then. */
static void mode_and_requirement_come_with_the_generation(void)
{
	struct wd_endpoint ep = { .id = 1, .ifindex = 7 };
	const char *ns = wd_str_get("x"), *name = wd_str_get("a");
	const char *none = wd_str_get("");
	const uint32_t after = WD_EP_OFF | WD_EP_ENCRYPT;
	struct wd_object *space;
	uint32_t was;

	begin(false, NULL, 0);
	ep.ns = ns;
	ep.name = name;
	ep.uid = ep.container = ep.network = ep.netns = none;
	wd_model_endpoint_set(model, &ep);
	put_space("x", WD_ENCRYPTION_NONE);
	commit();
	was = kernel.gen;
	space = object_of(WD_KIND_NAMESPACE, "", "x");
	space->nsp.labels = wd_labels_get(NULL, 0);
	space->nsp.encryption = WD_ENCRYPTION_REQUIRED;
	space->nsp.mode = WD_MODE_OFF;
	(void)wd_store_put(store, space);
	wd_expect_int(0, wd_model_commit(model, NULL));
	wd_expect_int(was + 1, kernel.gen);
	wd_expect_int(0, kernel.then[was & 1]);
	wd_expect_int(after, kernel.then[kernel.gen & 1]);
	wd_expect(wd_model_unsettled(model));
	wd_expect_int(0, wd_model_settle(model));
	wd_expect(!wd_model_unsettled(model));
	wd_expect_int(after, kernel.ep.flags[0]);
	wd_expect_int(after, kernel.ep.flags[1]);
	wd_model_endpoint_del(model, ep.id);
	end();
	wd_str_put(ns);
	wd_str_put(name);
	wd_str_put(none);
}

static void nodes_are_exempt_by_name_or_all(void)
{
	static const char *const one[] = { "n3" }, *const all[] = { "all" };
	struct wd_addr own;

	wd_expect_int(0, wd_addr_parse("192.0.2.9", &own));
	for (int row = 0; row < 3; row++) {
		begin(true, row == 1 ? one : all, row ? 1 : 0);
		put_node("n1", "192.0.2.1");
		put_node("n2", "192.0.2.2");
		put_node("n3", "192.0.2.3");
		wd_model_host_addrs(model, &own, 1);
		commit();
		wd_expect_int(row == 2 ? WD_ADDR_EXEMPT : 0,
			      val_of("192.0.2.1")->flags & WD_ADDR_EXEMPT);
		wd_expect_int(row == 2 ? WD_ADDR_EXEMPT : 0,
			      val_of("192.0.2.2")->flags & WD_ADDR_EXEMPT);
		wd_expect_int(row ? WD_ADDR_EXEMPT : 0,
			      val_of("192.0.2.3")->flags & WD_ADDR_EXEMPT);
		wd_expect_int(row == 2 ? WD_ADDR_EXEMPT : 0,
			      val_of("192.0.2.9")->flags & WD_ADDR_EXEMPT);
		wd_expect_int(0, val_of("192.0.2.2")->flags & WD_ADDR_ENCRYPT);
		end();
	}
}

static void numbers_lead_back_to_names(void)
{
	begin(true, NULL, 0);
	put_pod("x", "a", "10.0.0.1");
	put_pod("y", "a", "10.0.0.2");
	commit();
	wd_expect_str("x", wd_model_ns_name(model, val_of("10.0.0.1")->ns));
	wd_expect_str("y", wd_model_ns_name(model, val_of("10.0.0.2")->ns));
	wd_expect_str("n2",
		      wd_model_node_name(model, val_of("10.0.0.1")->node));
	wd_expect_int(val_of("10.0.0.1")->node,
		      wd_model_node_number(model, "n2"));
	wd_expect(!wd_model_ns_name(model, WD_NS_NONE));
	wd_expect(!wd_model_ns_name(model, WD_NS_UNKNOWN));
	wd_expect(!wd_model_ns_name(model, 99));
	wd_expect(!wd_model_node_name(model, 0));
	wd_expect(!wd_model_node_name(model, 99));
	end();
}

int main(void)
{
	WD_TEST(namespaces_say_it_and_else_the_default_does);
	WD_TEST(change_of_a_namespace_reaches_its_pods_and_no_others);
	WD_TEST(own_pod_knows_it_of_itself);
	WD_TEST(mode_and_requirement_come_with_the_generation);
	WD_TEST(nodes_are_exempt_by_name_or_all);
	WD_TEST(numbers_lead_back_to_names);
	return wd_tests_end();
}
