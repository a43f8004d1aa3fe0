/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wires.h - runs frames through the programs of the wires and reads from the
 * maps what became of them. The object is that of WD_OBJECT, wd_wire if unset.
 *
 * The hooks are those of ifindex 1, whatever that is: nothing is attached. The
 * maps belong to this process and end with it. Each write of a table begins a new
 * epoch, as an agent's does.
 */
#ifndef WARDER_SELFTESTS_WIRES_H
#define WARDER_SELFTESTS_WIRES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <warder/abi.h>

#include "build.h"
#include "tap.h"

struct bpf_program;

#define WIRE_IFINDEX 1
#define OTHER_IFINDEX 7

/* UDP ports that this node says it has, see wd_state_val.tunnel. */
#define OWN_WIREGUARD 51900
#define OWN_WIREGUARD2 7777
#define OWN_VXLAN 5555
#define OWN_GENEVE 6666

#define NO_COVER (-1)

/* Whose hook: that of a wire, or that of a WireGuard device. */
enum hook { WIRE, TUN };

/* What a run did. */
struct outcome {
	int reason; /* enum wd_reason, or -1: not exactly one was counted */
	int retval;
	int cover_cnt; /* entries of wd_cover that grew */
	struct wd_cover_key cover; /* one of them */
};

/** wires_open() - load the programs, fill the maps. Ends the program if that fails */
void wires_open(void);
void wires_close(void);

/** wires_is_min() - is it wd_wiremin? */
bool wires_is_min(void);

/** WIRES_TEST() - WD_TEST(), but for an object that looks into no tunnel */
#define WIRES_TEST(fn) \
	do { \
		if (!wires_is_min()) \
			WD_TEST(fn); \
	} while (0)

/** wires_reset() - the tables as hosts.h has them, encryption on, wire of Ethernet */
void wires_reset(void);

struct scene;
/** wires_play() - what @scene has in place of that; the rest stays as it is */
void wires_play(const struct scene *scene);

/** wires_switch() - set or clear switches, WD_STATE_* */
void wires_switch(uint32_t switches, bool on);

/** wires_monitor() - WD_MONITOR_* */
void wires_monitor(uint32_t monitor);

/** wires_state() - a copy of the state, to edit and give to wires_state_set() */
struct wd_state_val wires_state(void);
void wires_state_set(const struct wd_state_val *state);

/** wires_behind() - write tables behind the programs' back: no new epoch begins, or does again */
void wires_behind(bool behind);
/** wires_epoch() - of the tables, wd_state_val.epoch */
void wires_epoch(uint64_t epoch);

/** wires_raw() - the wire has frames without Ethernet header, or with */
void wires_raw(bool raw);

/** wires_device() - another device, a wire, with or without Ethernet headers */
void wires_device(uint32_t ifindex, bool raw);

/** wires_counted() - packets of a reason so far */
uint64_t wires_counted(int reason, int dir);

/** wires_forget() - the wire is not in wd_wire any more */
void wires_forget(void);

/** wires_host() - another entry for a host, NULL: none */
void wires_host(enum host host, const struct wd_addr_val *val);

/**
 * wires_addr4() - somebody beside the cast, whose peer is at the device
 * @val: NULL: nobody
 */
void wires_addr4(struct in_addr addr, const struct wd_addr_val *val,
		 uint32_t ifindex);

/** wires_tun() - the peer at @node has the address of @host. @ifindex: the device */
void wires_tun(enum host host, uint32_t node, uint32_t ifindex);
/** wires_tun_clear() - WireGuard has no peers at all */
void wires_tun_clear(void);

/** wires_frags_age() - what is remembered of first fragments gets older by @ticks */
void wires_frags_age(uint32_t ticks);

int wires_map_fd(const char *name);

struct bpf_program *wires_prog(enum hook hook, int dir);

/** wires_cover_fill() - fill wd_cover, with an entry of @key among it, all counts 0 */
void wires_cover_fill(const struct wd_cover_key *key);

/** wires_cover_clear() - empty wd_cover, but for the entries of what does not fit */
void wires_cover_clear(void);
/** wires_cover_of() - what is counted under @key, all CPUs together */
struct wd_stat_val wires_cover_of(const struct wd_cover_key *key);
/** wires_cover_cnt() - entries of wd_cover that count something */
int wires_cover_cnt(void);

/**
 * wires_run() - one frame through a hook
 *
 * What passes at a WireGuard device goes twice: how it is counted is looked up
 * the second time. They must fare alike.
 */
struct outcome wires_run(const struct frame *frame, enum hook hook, int dir);

/** wires_is_short() - send it: does it go the short way (wire_short.h)? */
bool wires_is_short(const struct piece *pieces, enum hook hook, int dir);

/**
 * wires_send() - the same without a look at the counters
 * @ret_reason: as the program says
 * Return: what it returns, or -errno below that
 */
int wires_send(const struct frame *frame, enum hook hook, int dir,
	       int *ret_reason);

/** wires_reason() - name of a reason */
const char *wires_reason(int reason);

/** wires_expect() - a frame, its reason, and what it is counted as: WD_COVER_*, NO_COVER */
#define wires_expect(reason, cover, hook, dir, pieces) \
	wires_expect_at(__FILE__, __LINE__, reason, cover, hook, dir, pieces)
struct wd_cover_key wires_expect_at(const char *file, int line, int reason,
				    int cover, enum hook hook, int dir,
				    const struct piece *pieces);

#define OUT WD_EGRESS
#define IN WD_INGRESS

/** plaintext() - why what is in clear and must not be is dropped */
static inline int plaintext(int dir)
{
	return dir == OUT ? WD_R_PLAINTEXT_OUT : WD_R_PLAINTEXT_IN;
}

/** unless_min() - @reason; of wd_wiremin TUN_OPAQUE, as it would have to look inside */
int unless_min(int reason);
int unless_min_cover(int cover);

/* Run the body for both families of IP() and ways; IN_IP() is of the same. */
#define for_each_way(dir) \
	for (int way_ = 0, dir = IN; wires_way(way_, &(dir)); way_++)
/* The same with IN_IP() of each family too. */
#define for_each_nest(dir) \
	for (int way_ = 0, dir = IN; wires_nest(way_, &(dir)); way_++)
bool wires_way(int nr, int *ret_dir);
bool wires_nest(int nr, int *ret_dir);

#endif /* WARDER_SELFTESTS_WIRES_H */
