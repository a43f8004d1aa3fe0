/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge.h - what must become of a packet on a wire, in the slow and obvious way.
 *
 * An own reading of the rules (bpf/wire.h has them, warder/abi.h the tables) and
 * of the RFCs. Shares no code with the programs; never sees a map.
 */
#ifndef WARDER_SELFTESTS_JUDGE_H
#define WARDER_SELFTESTS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <warder/abi.h>

#include "hosts.h"

#define SCENE_TUNS 24

/* What the agent says, as tables without maps. */
struct scene {
	uint32_t flags; /* WD_STATE_* */
	struct wd_tunnel_port tunnel[WD_TUNNEL_PORTS];
	bool has_wire; /* the device is in wd_wire */
	bool is_raw; /* and has no Ethernet headers */
	bool has[HOST__MAX]; /* an entry in wd_addr* */
	struct wd_addr_val entry[HOST__MAX];
	/* wd_tun*: all of tuns[] of hosts.h, and these of one address */
	bool has_tuns;
	int tun_cnt;
	enum host tun_host[SCENE_TUNS];
	struct wd_tun_val tun[SCENE_TUNS];
	uint32_t ifindex; /* of the device at hand */
	bool is_min; /* the programs look into no tunnel */
};

struct sight {
	const uint8_t *data;
	size_t len;
	bool is_tun; /* at a WireGuard device */
	int dir; /* enum wd_dir */
};

struct sentence {
	int reason; /* enum wd_reason */
	bool is_counted; /* in wd_cover, under cover */
	struct wd_cover_key cover;
};

/** judge_reset() - forget all fragments */
void judge_reset(void);

/** judge_wire() - judge one packet, and remember it if it is a first fragment */
struct sentence judge_wire(const struct scene *scene,
			   const struct sight *sight);

#endif /* WARDER_SELFTESTS_JUDGE_H */
