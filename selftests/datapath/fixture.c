/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fixture.c - namespaces, interfaces and programs for the tests of the data
 * path. Bends programs on their way into the kernel, so that one binary can
 * play an agent of another version.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "netkit.h"
#include "tap.h"

#define WAIT_MS 5000 /* for a datagram that must come */
#define QUIET_MS 150 /* for one that must not */

enum wd_fx_variant wd_fx_variant;
const char *wd_fx_varied;

/* ---- programs of another version ---- */

static int change_encoding(struct bpf_program *prog)
{
	size_t i, cnt = bpf_program__insn_cnt(prog);
	struct bpf_insn *insns = calloc(cnt, sizeof(*insns));
	int err = -ENOENT;

	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(prog), cnt * sizeof(*insns));
	for (i = 0; err && i < cnt; i++) {
		if (insns[i].code != (BPF_ALU64 | BPF_MOV | BPF_K) ||
		    insns[i].imm < 0)
			continue;
		insns[i].code = BPF_ALU | BPF_MOV | BPF_K;
		err = bpf_program__set_insns(prog, insns, cnt);
	}
	free(insns);
	return err;
}

static int replace_all(struct bpf_program *prog,
		       struct bpf_prog_load_opts *opts,
		       const struct bpf_insn insns[2])
{
	struct bpf_insn copy[2] = { insns[0], insns[1] };

	opts->func_info = NULL;
	opts->func_info_cnt = 0;
	opts->line_info = NULL;
	opts->line_info_cnt = 0;
	return bpf_program__set_insns(prog, copy, 2);
}

static int prepare_load(struct bpf_program *prog,
			struct bpf_prog_load_opts *opts, long cookie)
{
	static const struct bpf_insn pass_all[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static const struct bpf_insn invalid[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .src_reg = 10, .off = 8 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	(void)cookie;
	if (wd_fx_varied && strncmp(bpf_program__name(prog), wd_fx_varied,
				    strlen(wd_fx_varied)) != 0)
		return 0;
	switch (wd_fx_variant) {
	case WD_FX_OTHER_TAG:
		return change_encoding(prog);
	case WD_FX_PASS_ALL:
		return replace_all(prog, opts, pass_all);
	case WD_FX_INVALID:
		return replace_all(prog, opts, invalid);
	case WD_FX_AS_BUILT:
		break;
	}
	return 0;
}

static void give_up(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void register_handlers(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts,
		    .prog_prepare_load_fn = prepare_load);

	if (libbpf_register_prog_handler("tcx/egress", BPF_PROG_TYPE_SCHED_CLS,
					 BPF_TCX_EGRESS, &opts) < 0 ||
	    libbpf_register_prog_handler("tcx/ingress", BPF_PROG_TYPE_SCHED_CLS,
					 BPF_TCX_INGRESS, &opts) < 0 ||
	    libbpf_register_prog_handler("tc", BPF_PROG_TYPE_SCHED_CLS, 0,
					 &opts) < 0)
		give_up("register program handlers");
}

int wd_fx_foreign(int code)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = code },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", insns,
			     2, NULL);
}

/* ---- the node ---- */

void wd_fx_enter(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS))
		give_up("new namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		give_up("make mounts private");
	if (mount("wdt", "/mnt", "tmpfs", 0, "mode=0755"))
		give_up("mount a tmpfs");
	if (mkdir(WD_FX_ROOT, 0755) || mkdir(WD_FX_ROOT "/node", 0755))
		give_up("make " WD_FX_ROOT "/node");
	if (!wd_fx_run("ip link set lo up"))
		give_up("ip link set lo up");
	register_handlers();
}

/* Run by the shell; what it prints goes to @out. Return: true if it succeeded */
static bool run_to(const char *out, const char *command)
{
	char shell[] = "sh", option[] = "-c";
	char *argv[] = { shell, option, (char *)(uintptr_t)command, NULL };
	posix_spawn_file_actions_t to;
	int status = -1;
	pid_t child;

	if (posix_spawn_file_actions_init(&to))
		return false;
	if (posix_spawn_file_actions_addopen(
		    &to, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600) ||
	    posix_spawn_file_actions_addopen(&to, 2, "/dev/null", O_WRONLY,
					     0) ||
	    posix_spawnp(&child, "sh", &to, NULL, argv, environ) ||
	    waitpid(child, &status, 0) != child)
		status = -1;
	posix_spawn_file_actions_destroy(&to);
	return !status;
}

bool wd_fx_run(const char *fmt, ...)
{
	char command[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return run_to("/dev/null", command);
}

bool wd_fx_ip(const char *ns, const char *fmt, ...)
{
	FILE *f = fopen(WD_FX_ROOT "/ip", "we");
	va_list args;
	bool ok;

	if (!f)
		return false;
	va_start(args, fmt);
	ok = vfprintf(f, fmt, args) > 0;
	va_end(args);
	ok = !fclose(f) && ok;
	return ok && wd_fx_run("ip -n %s -batch " WD_FX_ROOT "/ip", ns);
}

long wd_fx_size(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (long)st.st_size;
}

bool wd_fx_says(const char *path, long from, const char *text)
{
	FILE *f = fopen(path, "re");
	char line[512];
	bool says = false;

	if (!f)
		return false;
	if (!fseek(f, from, SEEK_SET))
		while (!says && fgets(line, sizeof(line), f))
			says = strstr(line, text);
	(void)fclose(f);
	return says;
}

uint32_t wd_fx_veth(const char *name)
{
	char peer[IF_NAMESIZE + 2];

	snprintf(peer, sizeof(peer), "%s-p", name);
	if (!wd_fx_run("ip link add %s type veth peer name %s", name, peer) &&
	    wd_netkit_new(name, peer))
		return 0;
	return if_nametoindex(name);
}

/* ---- a pod ---- */

static int udp_socket(const char *ip, uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, ip, &addr.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return fd;
}

/* No kernel reports IPv6 groups by itself, so that counts are of the test. */
static bool mute_ip6(const char *name)
{
	char path[96];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6",
		 name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT; /* a kernel without IPv6 */
	ok = write(fd, "1", 1) == 1;
	close(fd);
	return ok;
}

/* In the pod: addresses and its socket. Comes back to the node. */
static bool furnish(struct wd_fx_pod *pod)
{
	int node = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char name[24];
	bool ok;

	snprintf(name, sizeof(name), "%s-p", pod->name);
	ok = node >= 0 && !setns(pod->netns, CLONE_NEWNET) &&
	     mute_ip6(pod->name) &&
	     wd_fx_run("ip link set %s-p up", pod->name) &&
	     wd_fx_run("ip addr add " WD_FX_POD_IP "/24 dev %s-p", pod->name);
	if (ok)
		pod->pod_udp = udp_socket(WD_FX_POD_IP, WD_FX_POD_PORT);
	if (setns(node, CLONE_NEWNET))
		give_up("come back from the pod");
	close(node);
	return ok && pod->pod_udp >= 0;
}

bool wd_fx_pod_run(const struct wd_fx_pod *pod, const char *command)
{
	return wd_fx_run("nsenter --net=/proc/%d/fd/%d %s", getpid(),
			 pod->netns, command);
}

int wd_fx_pod_raw(const struct wd_fx_pod *pod)
{
	int node = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;
	struct sockaddr_ll addr = { .sll_family = AF_PACKET };
	char name[IF_NAMESIZE + 2];

	if (node < 0 || setns(pod->netns, CLONE_NEWNET))
		return -1;
	snprintf(name, sizeof(name), "%s-p", pod->name);
	addr.sll_ifindex = (int)if_nametoindex(name);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		fd = -1;
	}
	if (setns(node, CLONE_NEWNET))
		give_up("come back from the pod");
	close(node);
	return fd;
}

/* A network namespace with nobody in it, held by a descriptor. */
static int new_netns(void)
{
	int node = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int made = -1;

	if (node < 0 || unshare(CLONE_NEWNET))
		return -1;
	made = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (setns(node, CLONE_NEWNET))
		give_up("come back from a new namespace");
	close(node);
	return made;
}

bool wd_fx_pod_new(struct wd_fx_pod *pod, const char *name)
{
	*pod = (struct wd_fx_pod){ .netns = -1, .node_udp = -1, .pod_udp = -1 };
	snprintf(pod->name, sizeof(pod->name), "%s", name);
	pod->ifindex = wd_fx_veth(name);
	pod->netns = new_netns();
	if (!pod->ifindex || pod->netns < 0)
		return false;
	if (!wd_fx_run("ip link set %s-p netns /proc/%d/fd/%d", name, getpid(),
		       pod->netns))
		return false;
	if (!mute_ip6(name) ||
	    !wd_fx_run("ip addr add " WD_FX_NODE_IP "/24 dev %s", name) ||
	    !wd_fx_run("ip link set %s up", name) || !furnish(pod))
		return false;
	pod->node_udp = udp_socket(WD_FX_NODE_IP, WD_FX_NODE_PORT);
	return pod->node_udp >= 0;
}

void wd_fx_pod_free(struct wd_fx_pod *pod)
{
	if (pod->netns >= 0)
		close(pod->netns);
	if (pod->node_udp >= 0)
		close(pod->node_udp);
	if (pod->pod_udp >= 0)
		close(pod->pod_udp);
	if (pod->name[0])
		wd_fx_run("ip link del %s", pod->name);
}

/* Numbered, so that one of an earlier question that comes late is none. */
static bool goes(int from, int to, const char *ip, uint16_t port, int wait_ms)
{
	static uint32_t nr;
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(port) };
	struct pollfd in = { .fd = to, .events = POLLIN };
	uint32_t got;

	nr++;
	inet_pton(AF_INET, ip, &addr.sin_addr);
	if (sendto(from, &nr, sizeof(nr), 0, (struct sockaddr *)&addr,
		   sizeof(addr)) != sizeof(nr))
		return false;
	while (poll(&in, 1, wait_ms) == 1)
		if (recv(to, &got, sizeof(got), 0) == sizeof(got) && got == nr)
			return true;
	return false;
}

bool wd_fx_gets_out(const struct wd_fx_pod *pod)
{
	return goes(pod->pod_udp, pod->node_udp, WD_FX_NODE_IP, WD_FX_NODE_PORT,
		    WAIT_MS);
}

bool wd_fx_gets_in(const struct wd_fx_pod *pod)
{
	return goes(pod->node_udp, pod->pod_udp, WD_FX_POD_IP, WD_FX_POD_PORT,
		    WAIT_MS);
}

bool wd_fx_no_way_out(const struct wd_fx_pod *pod)
{
	return !goes(pod->pod_udp, pod->node_udp, WD_FX_NODE_IP,
		     WD_FX_NODE_PORT, QUIET_MS);
}

bool wd_fx_no_way_in(const struct wd_fx_pod *pod)
{
	return !goes(pod->node_udp, pod->pod_udp, WD_FX_POD_IP, WD_FX_POD_PORT,
		     QUIET_MS);
}

/* ---- the data path ---- */

struct wd_datapath *wd_fx_open(void)
{
	struct wd_datapath *dp = NULL;
	char *error = NULL;

	if (!wd_datapath_open(WD_FX_BPFFS, &dp, &error))
		return dp;
	printf("# %s\n", error ? error : "no message");
	free(error);
	return NULL;
}

bool wd_fx_refused(int err, const char *words)
{
	struct wd_datapath *dp = NULL;
	char *error = NULL;
	int got = wd_datapath_open(WD_FX_BPFFS, &dp, &error);
	bool ok = wd_expect_int(err, got);

	ok = wd_expect(error && strstr(error, words)) && ok;
	if (!ok)
		printf("# said: %s\n", error ? error : "nothing");
	free(error);
	wd_datapath_close(got ? NULL : dp);
	return ok;
}

void wd_fx_policy(struct wd_datapath *dp, const struct wd_fx_pod *pod,
		  enum wd_fx_policy policy)
{
	struct wd_state_val *state = wd_map_mem(dp, WD_MAP_wd_state);
	struct wd_slot_val *slots = wd_map_mem(dp, WD_MAP_wd_slot);
	struct wd_endpoint_val ep = { .id = pod->ifindex, .identity = 1000 };
	uint32_t nr = 1 + (policy == WD_FX_DENY), way;

	inet_pton(AF_INET, WD_FX_POD_IP, &ep.ip4[0]);
	for (way = 0; way < WD_DIR__MAX; way++)
		slots[nr * 2 + way].flags =
			WD_SLOT_READY |
			(policy == WD_FX_DENY ? WD_SLOT_ISOLATED : 0);
	/* or this host's own datagrams would pass whatever it says */
	state->flags |= WD_STATE_HOST_POLICY;
	if (policy != WD_FX_NONE)
		ep.slot[0] = ep.slot[1] = nr;
	if (wd_map_set(dp, WD_MAP_wd_endpoint, &pod->ifindex, &ep))
		give_up("write the endpoint");
	wd_datapath_publish(dp, state->gen + 1);
}

static int clsact_hook(uint32_t ifindex, enum wd_dir way, uint32_t ret_prog[8])
{
	char name[IF_NAMESIZE], command[128], line[512];
	FILE *said = NULL;
	char *at;
	int cnt = 0;

	if (!if_indextoname(ifindex, name))
		return -ENODEV;
	snprintf(command, sizeof(command), "tc filter show dev %s %s", name,
		 way == WD_INGRESS ? "egress" : "ingress");
	if (run_to(WD_FX_ROOT "/said", command))
		said = fopen(WD_FX_ROOT "/said", "re");
	while (said && cnt < 8 && fgets(line, sizeof(line), said)) {
		at = strstr(line, " id ");
		if (at)
			ret_prog[cnt++] = (uint32_t)strtoul(at + 4, NULL, 10);
	}
	if (said)
		fclose(said);
	return cnt;
}

int wd_fx_hook(uint32_t ifindex, enum wd_dir way, uint32_t ret_prog[8])
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ret_prog,
		    .prog_cnt = 8);
	int err;

	err = bpf_prog_query_opts(
		ifindex, way == WD_INGRESS ? BPF_TCX_EGRESS : BPF_TCX_INGRESS,
		&opts);
	if (!err && opts.prog_cnt)
		return opts.prog_cnt;
	if (err && err != -EINVAL)
		return err;
	return clsact_hook(ifindex, way, ret_prog);
}

int wd_fx_count(const char *dir)
{
	struct dirent *entry;
	int cnt = 0;
	DIR *all;

	all = opendir(dir);
	if (!all)
		return -1;
	while ((entry = readdir(all)))
		cnt += !strchr(entry->d_name, '.');
	closedir(all);
	return cnt;
}
