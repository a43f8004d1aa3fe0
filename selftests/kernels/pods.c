// SPDX-License-Identifier: GPL-2.0-only
/* pods.c - three pods, and traffic to one of them. */
#include "pods.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORTS 2
#define FAMILIES 2
#define BUFFER_BYTES (16 << 20) /* of datagrams that nobody has read yet */
#define PROBE_US 2000
#define PROBES_PER_CONNECT 10
#define CONNECT_MS 2
#define UNDER_WAY_US 50000 /* what was sent last may still come */

static const char *const names[POD__MAX] = { "srv", "ok", "bad" };
static const uint16_t ports[PORTS] = { PODS_PORT, PODS_OTHER_PORT };

static int listener[FAMILIES][PORTS]; /* TCP, of srv */
static int inbox[FAMILIES][PORTS]; /* UDP, of srv */

static const char manifest[] =
	"apiVersion: v1\nkind: Namespace\nmetadata: {name: lab}\n---\n"
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
	"metadata: {name: srv, namespace: lab}\nspec:\n"
	"  podSelector: {matchLabels: {app: srv}}\n"
	"  policyTypes: [Ingress]\n"
	"  ingress:\n"
	"  - from: [{podSelector: {matchLabels: {app: ok}}}]\n"
	"    ports: [{protocol: TCP, port: 80}, {protocol: UDP, port: 80}]\n";

bool pods_has_ip6(void)
{
	return !access("/proc/net/if_inet6", F_OK);
}

static int at(int family)
{
	return family == AF_INET6;
}

static int port_at(uint16_t port)
{
	return port == PODS_OTHER_PORT;
}

/* ---- namespaces ---- */

static bool write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	bool ok;

	if (!f)
		return false;
	ok = fputs(text, f) >= 0;
	return !fclose(f) && ok;
}

int pods_socket(enum pod pod, int family, int type)
{
	int node = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), netns, fd;
	char path[64];

	snprintf(path, sizeof(path), "/run/netns/%s", names[pod]);
	netns = open(path, O_RDONLY | O_CLOEXEC);
	if (node < 0 || netns < 0 || setns(netns, CLONE_NEWNET))
		return -1;
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (setns(node, CLONE_NEWNET))
		abort();
	close(node);
	close(netns);
	return fd;
}

static bool add_ip6(int pod)
{
	return wd_fx_run("ip -6 addr add fd77:%d::1/64 dev %s nodad", pod + 1,
			 names[pod]) &&
	       wd_fx_run("ip -n %s -6 addr add fd77:%d::2/64 dev eth0 nodad",
			 names[pod], pod + 1) &&
	       wd_fx_run("ip -n %s -6 route add default via fd77:%d::1",
			 names[pod], pod + 1);
}

static bool add_pod(int pod)
{
	const char *name = names[pod];

	return wd_fx_run("ip netns add %s", name) &&
	       wd_fx_run("ip link add %s type veth peer name eth0 netns %s",
			 name, name) &&
	       wd_fx_run("ip addr add 10.77.%d.1/24 dev %s", pod + 1, name) &&
	       wd_fx_run("ip link set %s up", name) &&
	       wd_fx_run("ip -n %s addr add 10.77.%d.2/24 dev eth0", name,
			 pod + 1) &&
	       wd_fx_run("ip -n %s link set eth0 up", name) &&
	       wd_fx_run("ip -n %s route add default via 10.77.%d.1", name,
			 pod + 1) &&
	       (!pods_has_ip6() || add_ip6(pod));
}

static void add_manifest(FILE *f, int pod)
{
	fprintf(f,
		"---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, "
		"namespace: lab, uid: uid-%s, labels: {app: %s}}\n"
		"spec: {nodeName: node}\nstatus: {phase: Running, podIPs: "
		"[{ip: 10.77.%d.2}",
		names[pod], names[pod], names[pod], pod + 1);
	if (pods_has_ip6())
		fprintf(f, ", {ip: 'fd77:%d::2'}", pod + 1);
	fputs("]}\n", f);
}

static bool write_manifests(void)
{
	FILE *f;

	if (mkdir(PODS_MANIFESTS, 0755))
		return false;
	f = fopen(PODS_MANIFESTS "/all.yaml", "we");
	if (!f)
		return false;
	fputs(manifest, f);
	for (int pod = 0; pod < POD__MAX; pod++)
		add_manifest(f, pod);
	return !fclose(f);
}

/* ---- sockets ---- */

static socklen_t address(struct sockaddr_storage *addr, int family,
			 uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *in = (struct sockaddr_in *)addr;

	memset(addr, 0, sizeof(*addr));
	addr->ss_family = (sa_family_t)family;
	if (family == AF_INET6) {
		in6->sin6_port = htons(port);
		inet_pton(AF_INET6, "fd77:1::2", &in6->sin6_addr);
		return sizeof(*in6);
	}
	in->sin_port = htons(port);
	inet_pton(AF_INET, "10.77.1.2", &in->sin_addr);
	return sizeof(*in);
}

static int serve(int family, int type, uint16_t port)
{
	int fd = pods_socket(POD_SRV, family, type | SOCK_NONBLOCK);
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, family, port);
	int bytes = BUFFER_BYTES;

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len))
		return -1;
	if (type == SOCK_STREAM)
		return listen(fd, SOMAXCONN) ? -1 : fd;
	return setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
			  sizeof(bytes)) ?
		       -1 :
		       fd;
}

static bool serve_family(int family)
{
	bool ok = true;

	for (int i = 0; i < PORTS; i++) {
		listener[at(family)][i] = serve(family, SOCK_STREAM, ports[i]);
		inbox[at(family)][i] = serve(family, SOCK_DGRAM, ports[i]);
		ok = ok && listener[at(family)][i] >= 0 &&
		     inbox[at(family)][i] >= 0;
	}
	return ok;
}

bool pods_new(void)
{
	if (mount("wdn", "/run/netns", "tmpfs", 0, NULL) ||
	    !write_file("/proc/sys/net/ipv4/ip_forward", "1"))
		return false;
	if (pods_has_ip6() &&
	    !write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1"))
		return false;
	for (int pod = 0; pod < POD__MAX; pod++)
		if (!add_pod(pod))
			return false;
	return write_manifests() && serve_family(AF_INET) &&
	       (!pods_has_ip6() || serve_family(AF_INET6));
}

int pods_connect(enum pod from, int family, uint16_t port, int wait_ms)
{
	int fd = pods_socket(from, family, SOCK_STREAM | SOCK_NONBLOCK);
	struct pollfd out = { .fd = fd, .events = POLLOUT };
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, family, port);
	int err = 0;

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&addr, len) && errno != EINPROGRESS)
		err = errno;
	len = sizeof(err);
	if (!err && (poll(&out, 1, wait_ms) != 1 ||
		     getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len)))
		err = ETIMEDOUT;
	if (!err)
		return fd;
	close(fd);
	return -1;
}

int pods_accept(int family, uint16_t port, int wait_ms)
{
	struct pollfd in = { .fd = listener[at(family)][port_at(port)],
			     .events = POLLIN };

	/* the client may be connected before its last segment is here */
	if (poll(&in, 1, wait_ms) != 1)
		return -1;
	return accept4(listener[at(family)][port_at(port)], NULL, NULL,
		       SOCK_CLOEXEC);
}

static bool send_from(int fd, int family, uint16_t port, char what)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, family, port);

	return sendto(fd, &what, 1, 0, (struct sockaddr *)&addr, len) == 1;
}

/* Numbered, so that one of an earlier question that comes late is none. */
bool pods_datagram(enum pod from, int family, uint16_t port, int wait_ms)
{
	static uint32_t nr;
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, family, port);
	int to = inbox[at(family)][port_at(port)];
	int fd = pods_socket(from, family, SOCK_DGRAM);
	struct pollfd in = { .fd = to, .events = POLLIN };
	uint32_t got;
	bool came = false;

	nr++;
	if (fd >= 0 && sendto(fd, &nr, sizeof(nr), 0, (struct sockaddr *)&addr,
			      len) == sizeof(nr))
		while (!came && poll(&in, 1, wait_ms) == 1)
			came = recv(to, &got, sizeof(got), 0) == sizeof(got) &&
			       got == nr;
	close(fd);
	return came;
}

/* ---- probers ---- */

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static int family_of(uint32_t round)
{
	return pods_has_ip6() && round % 2 ? AF_INET6 : AF_INET;
}

static void probe(enum pod from, int result)
{
	int fd[FAMILIES] = { pods_socket(from, AF_INET, SOCK_DGRAM),
			     pods_has_ip6() ?
				     pods_socket(from, AF_INET6, SOCK_DGRAM) :
				     -1 };
	uint32_t sent = 0;

	for (uint32_t n = 0; !stop; n++) {
		int family = family_of(n);

		sent += send_from(fd[at(family)], family, PODS_PORT,
				  (char)('0' + from));
		if (n % PROBES_PER_CONNECT == 0)
			close(pods_connect(from,
					   family_of(n / PROBES_PER_CONNECT),
					   PODS_PORT, CONNECT_MS));
		usleep(PROBE_US);
	}
	if (write(result, &sent, sizeof(sent)) != sizeof(sent))
		_exit(1);
	_exit(0);
}

bool prober_begin(struct prober *prober, enum pod from)
{
	int ends[2];

	*prober = (struct prober){ .from = from };
	if (pipe2(ends, O_CLOEXEC))
		return false;
	(void)fflush(stdout);
	prober->child = fork();
	if (prober->child == 0) {
		(void)signal(SIGTERM, on_term);
		probe(from, ends[1]);
	}
	close(ends[1]);
	prober->result = ends[0];
	return prober->child > 0;
}

/* What came to srv so far, by who sent it. */
static struct {
	uint32_t arrived, connected;
} seen[POD__MAX];

/* The third byte of the address, or the second group, numbers the pods. */
static int pod_of(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	return (addr->ss_family == AF_INET6 ?
			in6->sin6_addr.s6_addr[3] :
			(int)(ntohl(in->sin_addr.s_addr) >> 8 & 0xff)) -
	       1;
}

static void take_connections(int family)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int fd, pod;

	while ((fd = accept(listener[at(family)][0], (struct sockaddr *)&addr,
			    &len)) >= 0) {
		pod = pod_of(&addr);
		if (pod >= 0 && pod < POD__MAX)
			seen[pod].connected++;
		close(fd);
		len = sizeof(addr);
	}
}

static void take_all(void)
{
	ssize_t len; /* a question's datagram is longer */
	char what;

	for (int i = 0; i < 1 + pods_has_ip6(); i++) {
		while ((len = recv(inbox[i][0], &what, 1,
				   MSG_DONTWAIT | MSG_TRUNC)) > 0)
			if (len == 1 && what >= '0' && what < '0' + POD__MAX)
				seen[what - '0'].arrived++;
		take_connections(i ? AF_INET6 : AF_INET);
	}
}

bool prober_end(struct prober *prober)
{
	int status = -1;
	bool ok;

	kill(prober->child, SIGTERM);
	ok = read(prober->result, &prober->sent, sizeof(prober->sent)) ==
	     sizeof(prober->sent);
	close(prober->result);
	ok = waitpid(prober->child, &status, 0) == prober->child && !status &&
	     ok;
	usleep(UNDER_WAY_US);
	take_all();
	prober->arrived = seen[prober->from].arrived;
	prober->connected = seen[prober->from].connected;
	seen[prober->from].arrived = seen[prober->from].connected = 0;
	return ok;
}
