/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * late_guest.c - services of which a pod may reach one backend and not the
 * other, on any kernel, with a real translation.
 *
 *	late_guest WARDER
 *
 * The service has the backends srv and bad; `ok` may reach srv alone, and srv
 * anything. nf_tables translates each connection to the backend that the test
 * chooses, as a proxy of services would. Where WD_LACKS has no "late", what was
 * chosen decides; else all backends must be allowed, and so none is reached.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "pods.h"
#include "tap.h"

#define SERVICE4 "10.96.0.10"
#define SERVICE6 "fd77:96::10"
#define RULES WD_FX_ROOT "/rules"
#define PORT 80 /* of the service */
#define TARGET 8080 /* of its backends */
#define PASSES_MS 20000 /* what must come, emulated and on a busy machine */
#define QUIET_MS 500 /* what must not */
#define SETTLE_MS 60000
#define POLL_US 200000
#define FAMILIES 2
#define BACKENDS 2
#define NOBODY (-1)

static const enum pod backends[BACKENDS] = { POD_SRV, POD_BAD };
static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

#define TYPES (sizeof(types) / sizeof(*types))

static const char *warder;
static int server[BACKENDS][FAMILIES][TYPES];

static const char manifest[] =
	"apiVersion: v1\nkind: Service\n"
	"metadata: {name: mixed, namespace: lab}\n"
	"spec:\n"
	"  clusterIP: " SERVICE4 "\n"
	"  clusterIPs: [" SERVICE4 ", 'fd77:96::10']\n"
	"  ports:\n"
	"  - {name: t, port: 80, targetPort: 8080, protocol: TCP}\n"
	"  - {name: u, port: 80, targetPort: 8080, protocol: UDP}\n"
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
	"metadata: {name: mixed, namespace: lab}\nspec:\n"
	"  podSelector: {matchLabels: {app: srv}}\n"
	"  policyTypes: [Ingress]\n"
	"  ingress:\n"
	"  - from: [{podSelector: {matchLabels: {app: ok}}}]\n"
	"    ports: [{protocol: TCP, port: 8080}, {protocol: UDP, port: 8080}]\n"
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
	"metadata: {name: ok, namespace: lab}\nspec:\n"
	"  podSelector: {matchLabels: {app: ok}}\n"
	"  policyTypes: [Egress]\n"
	"  egress:\n"
	"  - to: [{podSelector: {matchLabels: {app: srv}}}]\n"
	"    ports: [{protocol: TCP, port: 8080}, {protocol: UDP, port: 8080}]\n"
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	"metadata: {name: mixed-4, namespace: lab, labels: "
	"{kubernetes.io/service-name: mixed}}\n"
	"addressType: IPv4\nports:\n"
	"- {name: t, port: 8080, protocol: TCP}\n"
	"- {name: u, port: 8080, protocol: UDP}\n"
	"endpoints: [{addresses: [10.77.1.2]}, {addresses: [10.77.3.2]}]\n"
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	"metadata: {name: mixed-6, namespace: lab, labels: "
	"{kubernetes.io/service-name: mixed}}\n"
	"addressType: IPv6\nports:\n"
	"- {name: t, port: 8080, protocol: TCP}\n"
	"- {name: u, port: 8080, protocol: UDP}\n"
	"endpoints: [{addresses: ['fd77:1::2']}, {addresses: ['fd77:3::2']}]\n";

static bool is_late(void)
{
	const char *lacks = getenv("WD_LACKS");

	return !lacks || !strstr(lacks, "late");
}

static int family_of(int i)
{
	return i ? AF_INET6 : AF_INET;
}

static socklen_t address(struct sockaddr_storage *addr, int family,
			 const char *text, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *in = (struct sockaddr_in *)addr;

	memset(addr, 0, sizeof(*addr));
	addr->ss_family = (sa_family_t)family;
	if (family == AF_INET6) {
		in6->sin6_port = htons(port);
		if (text)
			inet_pton(AF_INET6, text, &in6->sin6_addr);
		return sizeof(*in6);
	}
	in->sin_port = htons(port);
	if (text)
		inet_pton(AF_INET, text, &in->sin_addr);
	return sizeof(*in);
}

/* ---- the cluster ---- */

static bool write_manifests(void)
{
	FILE *f = fopen(PODS_MANIFESTS "/late.yaml", "we");
	bool ok = f && fputs(manifest, f) >= 0;

	return f && !fclose(f) && ok;
}

/* Return: a socket that listens, -1 if there is none. */
static int listen_in(enum pod pod, int family, int type)
{
	int fd = pods_socket(pod, family, type | SOCK_NONBLOCK), one = 1;
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, family, NULL, TARGET);

	if (fd < 0 ||
	    (family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    bind(fd, (struct sockaddr *)&addr, len) ||
	    (type == SOCK_STREAM && listen(fd, SOMAXCONN)))
		return -1;
	return fd;
}

static bool serve(void)
{
	bool ok = true;

	for (int b = 0; b < BACKENDS; b++) {
		for (int i = 0; i < 1 + pods_has_ip6(); i++) {
			for (size_t t = 0; t < TYPES; t++) {
				server[b][i][t] = listen_in(
					backends[b], family_of(i), types[t]);
				ok = ok && server[b][i][t] >= 0;
			}
		}
	}
	return ok;
}

static void put_rules(FILE *f, bool ip6, enum pod to)
{
	const char *ip = ip6 ? "ip6" : "ip";

	fprintf(f, "table %s proxy\ndelete table %s proxy\n", ip, ip);
	fprintf(f, "table %s proxy {\nchain pre {\n", ip);
	fprintf(f, "type nat hook prerouting priority -100;\n");
	for (size_t t = 0; t < TYPES; t++) {
		fprintf(f, "%s daddr %s %s dport %d dnat to ", ip,
			ip6 ? SERVICE6 : SERVICE4,
			types[t] == SOCK_STREAM ? "tcp" : "udp", PORT);
		/* as pods.c numbers its addresses */
		fprintf(f, ip6 ? "[fd77:%d::2]:%d\n" : "10.77.%d.2:%d\n",
			(int)to + 1, TARGET);
	}
	fprintf(f, "}\n}\n");
}

/* All that goes to the service goes to @to from now on, if it is new. */
static bool choose(enum pod to)
{
	FILE *f = fopen(RULES, "we");

	if (!f)
		return false;
	for (int i = 0; i < 1 + pods_has_ip6(); i++)
		put_rules(f, i, to);
	return !fclose(f) && wd_fx_run("nft -f " RULES);
}

/* ---- questions ---- */

/* Take what waits at @fd. Return: it is of question @nr; an older one is not */
static bool take(int fd, int type, uint32_t nr)
{
	uint32_t got;
	int other;

	if (type == SOCK_DGRAM)
		return recv(fd, &got, sizeof(got), 0) == sizeof(got) &&
		       got == nr;
	other = accept(fd, NULL, NULL);
	if (other >= 0)
		close(other);
	return other >= 0;
}

/* Which backend has it? NOBODY: none within @wait_ms */
static int wait_for(int i, size_t t, uint32_t nr, int wait_ms)
{
	long until = agent_now_ms() + wait_ms, left;
	struct pollfd in[BACKENDS] = {
		{ .fd = server[0][i][t], .events = POLLIN },
		{ .fd = server[1][i][t], .events = POLLIN },
	};

	while ((left = until - agent_now_ms()) > 0 &&
	       poll(in, BACKENDS, (int)left) > 0) {
		for (int b = 0; b < BACKENDS; b++) {
			if (in[b].revents && take(in[b].fd, types[t], nr))
				return (int)backends[b];
		}
	}
	return NOBODY;
}

/* @from asks the service. Return: the pod that was reached, or NOBODY */
static int reaches(enum pod from, int i, size_t t, int wait_ms)
{
	static uint32_t nr;
	struct sockaddr_storage addr;
	socklen_t len =
		address(&addr, family_of(i), i ? SERVICE6 : SERVICE4, PORT);
	int fd = pods_socket(from, family_of(i), types[t] | SOCK_NONBLOCK);
	int who;

	nr++;
	if (fd < 0)
		return NOBODY;
	if (connect(fd, (struct sockaddr *)&addr, len) && errno != EINPROGRESS)
		wd_expect_int(0, errno);
	if (types[t] == SOCK_DGRAM)
		wd_expect_int(sizeof(nr), send(fd, &nr, sizeof(nr), 0));
	who = wait_for(i, t, nr, wait_ms);
	close(fd);
	return who;
}

static void expect_reached(enum pod from, int who)
{
	static const char *const rows[FAMILIES][TYPES] = {
		{ "TCP, IPv4", "UDP, IPv4" },
		{ "TCP, IPv6", "UDP, IPv6" },
	};

	for (int i = 0; i < 1 + pods_has_ip6(); i++) {
		for (size_t t = 0; t < TYPES; t++) {
			wd_test_row(rows[i][t]);
			wd_expect_int(who, reaches(from, i, t,
						   who == NOBODY ? QUIET_MS :
								   PASSES_MS));
		}
	}
	wd_test_row(NULL);
}

/* ---- tests ---- */

/* Return: what it says of services, NULL if nothing; to be put with @ret_doc. */
static struct json_object *services(struct json_object **ret_doc)
{
	struct json_object *found = NULL;

	*ret_doc = agent_status();
	if (*ret_doc)
		json_object_object_get_ex(*ret_doc, "services", &found);
	return found;
}

/* @tell: what it says, as diagnosis, if it is not so. */
static bool says_exact(bool want, bool tell)
{
	struct json_object *doc, *found = services(&doc), *exact, *why;
	bool good = false;

	if (json_object_object_get_ex(found, "exact", &exact) &&
	    json_object_object_get_ex(found, "why", &why))
		/* if not, it was tried, and the kernel had a reason */
		good = json_object_get_boolean(exact) == want &&
		       !strstr(json_object_get_string(why), "wd_late") == want;
	if (!good && tell)
		printf("# services: %s\n", json_object_to_json_string(found));
	json_object_put(doc);
	return good;
}

static void status_tells_how_services_are_judged(void)
{
	long until = agent_now_ms() + SETTLE_MS;

	while (!says_exact(is_late(), false) && agent_now_ms() < until)
		usleep(POLL_US);
	wd_expect(says_exact(is_late(), true));
}

static void expect_the_choice_to_decide(void)
{
	wd_expect(choose(POD_SRV));
	expect_reached(POD_OK, is_late() ? (int)POD_SRV : NOBODY);
	wd_expect(choose(POD_BAD));
	expect_reached(POD_OK, NOBODY);
	expect_reached(POD_SRV, POD_BAD); /* who may, and so the way is there */
}

static void the_backend_that_is_chosen_decides(void)
{
	expect_the_choice_to_decide();
}

static void so_it_stays_without_the_agent_and_with_the_next(void)
{
	char rung[AGENT_RUNG_STRLEN];

	agent_end(SIGKILL);
	expect_the_choice_to_decide();
	wd_expect(agent_start(warder, "full", rung));
	expect_the_choice_to_decide();
	status_tells_how_services_are_judged();
}

static void detaching_opens_everything(void)
{
	wd_expect(agent_detach());
	expect_reached(POD_OK, POD_BAD);
}

int main(int argc, char **argv)
{
	char rung[AGENT_RUNG_STRLEN];

	if (argc != 2) {
		fprintf(stderr, "usage: late_guest WARDER\n");
		return 2;
	}
	warder = argv[1];
	wd_fx_enter();
	if (!pods_new() || !serve() || !write_manifests() || !choose(POD_SRV)) {
		printf("Bail out! no pods: %s\n", strerror(errno));
		return 1;
	}
	if (!agent_start(warder, "full", rung)) {
		printf("Bail out! no agent\n");
		return 1;
	}
	WD_TEST(status_tells_how_services_are_judged);
	WD_TEST(the_backend_that_is_chosen_decides);
	WD_TEST(so_it_stays_without_the_agent_and_with_the_next);
	WD_TEST(detaching_opens_everything);
	return wd_tests_end();
}
