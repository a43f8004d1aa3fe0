// SPDX-License-Identifier: GPL-2.0-only
#include "nodehook.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "image.h"
#include "model/xalloc.h"
#include "wd_host.skel.h"

#define TUNS_MAX 56
#define FIRST (-95) /* where the agent attaches it */
#define BEHIND 0
#define HOOKS 4

static struct {
	int fd[TUNS_MAX];
	uint32_t ifindex[TUNS_MAX];
	uint32_t cnt;
} tuns;

struct wd_nodehook {
	struct wd_kernel *kernel;
	struct bpf_object *obj;
	int counter; /* of what passes: a program, and its map */
	int map;
	volatile uint64_t *passed;
	int link[2 * HOOKS];
	int raw[2]; /* IPv4, IPv6 */
};

/* ---- devices ---- */

static int write_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd, err;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* The devices say nothing of their own. */
static int calm(void)
{
	int err = write_sysctl("ipv4/conf/all/rp_filter", "0");

	if (!err)
		err = write_sysctl("ipv4/conf/default/rp_filter", "0");
	if (!err)
		err = write_sysctl("ipv6/conf/default/addr_gen_mode", "1");
	if (!err)
		err = write_sysctl("ipv6/conf/default/router_solicitations",
				   "0");
	return err;
}

static int make_tun(uint32_t nr)
{
	struct ifreq req = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "wdt%u", nr);
	if (ioctl(fd, TUNSETIFF, &req)) {
		int err = -errno;

		close(fd);
		return err;
	}
	tuns.fd[nr] = fd;
	tuns.ifindex[nr] = if_nametoindex(req.ifr_name);
	tuns.cnt = nr + 1;
	return 0;
}

static int make_routes(const char *command)
{
	FILE *ip = popen(command, "w");

	if (!ip)
		return -errno;
	for (uint32_t i = 0; i < tuns.cnt; i++)
		(void)fprintf(ip, "link set wdt%u multicast off up\n", i);
	(void)fprintf(ip, "link set lo up\n"
			  "rule add pref 10 not iif lo lookup 100\n"
			  "route add local default dev lo table 100\n"
			  "route add default dev wdt0\n");
	return pclose(ip) ? -EOPNOTSUPP : 0;
}

int wd_nodehook_devices(uint32_t *ret_ifindex, uint32_t cnt)
{
	int err = 0;

	if (cnt >= TUNS_MAX)
		return -E2BIG;
	if (unshare(CLONE_NEWNET))
		return -errno;
	err = calm();
	for (uint32_t i = 0; !err && i <= cnt; i++)
		err = make_tun(i);
	if (!err)
		err = make_routes("ip -4 -batch - >&2");
	if (!err)
		err = make_routes("ip -6 -batch - >&2");
	/* else nothing can be sent to others of the link */
	if (!err && system("ip -6 addr add fe80::1/64 dev wdt0 nodad"))
		err = -EADDRNOTAVAIL;
	for (uint32_t i = 0; !err && i < cnt; i++)
		ret_ifindex[i] = tuns.ifindex[i + 1]; /* the first: the wire */
	return err;
}

/* ---- programs ---- */

static int reuse_maps(struct wd_nodehook *h)
{
	int err = 0;

	for (int i = 0; !err && i < WD_MAP__MAX; i++) {
		static const char *const names[] = {
#define NAME(name, help) [WD_MAP_##name] = #name,
			WD_MAPS(NAME)
#undef NAME
		};
		struct bpf_map *map =
			bpf_object__find_map_by_name(h->obj, names[i]);
		int fd = wd_kernel_map(h->kernel, (enum wd_map)i);

		if (map && fd >= 0)
			err = bpf_map__reuse_fd(map, fd);
	}
	return err;
}

static int load(struct wd_nodehook *h)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wd_host");
	size_t bytes;
	const void *elf = wd_host__elf_bytes(&bytes);
	int err;

	h->obj = bpf_object__open_mem(elf, bytes, &opts);
	if (!h->obj)
		return -errno;
	err = reuse_maps(h);
	if (err)
		return err;
	wd_image_settle(h->obj);
	return bpf_object__load(h->obj);
}

/* Counts what gets there, and lets nothing through. */
static int load_counter(struct wd_nodehook *h)
{
	LIBBPF_OPTS(bpf_map_create_opts, map, .map_flags = BPF_F_MMAPABLE);
	LIBBPF_OPTS(bpf_prog_load_opts, prog,
		    .expected_attach_type = BPF_NETFILTER);
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE },
		{ .code = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = BPF_REG_2,
		  .imm = 1 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_2,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = BPF_REG_0,
		  .imm = NF_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	void *mem;

	h->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wd_passed", 4, 8, 1, &map);
	if (h->map < 0)
		return h->map;
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, h->map, 0);
	if (mem == MAP_FAILED)
		return -errno;
	h->passed = mem;
	insns[0].imm = h->map;
	h->counter = bpf_prog_load(BPF_PROG_TYPE_NETFILTER, "wd_passed", "GPL",
				   insns, sizeof(insns) / sizeof(*insns),
				   &prog);
	return h->counter < 0 ? h->counter : 0;
}

static int attach(struct wd_nodehook *h)
{
	const struct bpf_program *prog =
		bpf_object__find_program_by_name(h->obj, "wd_host");

	for (int i = 0; i < 2 * HOOKS; i++) {
		LIBBPF_OPTS(bpf_link_create_opts, opts,
			    .netfilter.pf = i & 1 ? NFPROTO_IPV6 : NFPROTO_IPV4,
			    .netfilter.hooknum = i & 2 ? NF_INET_LOCAL_OUT :
							 NF_INET_LOCAL_IN,
			    .netfilter.priority = i & 4 ? BEHIND : FIRST);

		h->link[i] = bpf_link_create(i & 4 ? h->counter :
						     bpf_program__fd(prog),
					     0, BPF_NETFILTER, &opts);
		if (h->link[i] < 0)
			return h->link[i];
	}
	return 0;
}

static int open_raw(struct wd_nodehook *h)
{
	const int on = 1;

	for (int i = 0; i < 2; i++) {
		h->raw[i] = socket(i ? AF_INET6 : AF_INET,
				   SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
		if (h->raw[i] < 0 ||
		    setsockopt(h->raw[i], SOL_SOCKET, SO_BROADCAST, &on,
			       sizeof(on)) ||
		    setsockopt(h->raw[i], SOL_SOCKET, SO_BINDTODEVICE, "wdt0",
			       5))
			return -errno;
	}
	return 0;
}

struct wd_nodehook *wd_nodehook_open(struct wd_kernel *kernel)
{
	struct wd_nodehook *h = wd_xcalloc(1, sizeof(*h));
	const char *what = "loading wd_host";
	int err;

	h->kernel = kernel;
	h->counter = h->map = h->raw[0] = h->raw[1] = -1;
	for (int i = 0; i < 2 * HOOKS; i++)
		h->link[i] = -1;
	err = load(h);
	if (!err) {
		what = "the counter";
		err = load_counter(h);
	}
	if (!err) {
		what = "attaching";
		err = attach(h);
	}
	if (!err) {
		what = "raw sockets";
		err = open_raw(h);
	}
	if (!err)
		return h;
	printf("# %s: %d\n", what, err);
	wd_nodehook_close(h);
	return NULL;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void wd_nodehook_close(struct wd_nodehook *hook)
{
	union {
		volatile uint64_t *in;
		void *out;
	} cast = { hook->passed };

	for (int i = 0; i < 2 * HOOKS; i++)
		close_fd(hook->link[i]);
	close_fd(hook->counter);
	close_fd(hook->map);
	close_fd(hook->raw[0]);
	close_fd(hook->raw[1]);
	if (cast.out)
		(void)munmap(cast.out, 4096);
	bpf_object__close(hook->obj);
	free(hook);
}

/* ---- packets ---- */

/* Of IPv4's header, which the kernel looks at before the program does. */
static void set_sum(uint8_t ip[20])
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static int tun_of(uint32_t ifindex)
{
	for (uint32_t i = 0; i < tuns.cnt; i++)
		if (tuns.ifindex[i] == ifindex)
			return tuns.fd[i];
	return tuns.fd[0];
}

static int receive(uint32_t iif, const void *packet, size_t len)
{
	return write(tun_of(iif), packet, len) == (ssize_t)len ? 0 : -errno;
}

/* What is dropped, by whomever, comes back as EPERM. */
static int send_out(const struct wd_nodehook *h, const struct wd_addr *to,
		    const void *packet, size_t len)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
					.sin_addr = to->v4 };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_addr = to->v6,
				   .sin6_scope_id = tuns.ifindex[0] };
	const struct sockaddr *sa = (const void *)&v4;
	socklen_t sa_len = sizeof(v4);

	if (to->family == 6) {
		sa = (const void *)&v6;
		sa_len = sizeof(v6);
	}
	if (sendto(h->raw[to->family == 6], packet, len, 0, sa, sa_len) < 0 &&
	    errno != EPERM)
		return -errno;
	return 0;
}

struct wd_outcome wd_nodehook_run(struct wd_nodehook *hook,
				  const struct wd_probe *probe, int expected)
{
	bool is_in = (probe->dir == WD_INGRESS) != probe->is_reply;
	struct wd_outcome out = { WD_DROP, -1 };
	uint8_t packet[WD_KERNEL_PACKET];
	size_t len = wd_kernel_packet(packet, probe);
	uint64_t before = *hook->passed;
	int err;

	if (probe->flow->src.family == 4)
		set_sum(packet);
	if (is_in)
		err = receive(probe->iif, packet, len);
	else
		err = send_out(hook,
			       probe->is_reply ? &probe->flow->src :
						 &probe->flow->dst,
			       packet, len);
	if (err) {
		printf("# sending: %d\n", err);
		return out;
	}
	out.reason = wd_kernel_reason(hook->kernel,
				      is_in ? WD_INGRESS : WD_EGRESS, expected);
	if (*hook->passed != before)
		out.verdict = out.reason >= WD_R_FIRST_DROP ? WD_AUDIT :
							      WD_ALLOW;
	return out;
}
