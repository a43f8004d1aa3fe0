/* SPDX-License-Identifier: GPL-2.0-only */
/* flows.h - what the judge knows of a flow; shared by flows.c and quote.c. */
#ifndef WARDER_SELFTESTS_FLOWS_H
#define WARDER_SELFTESTS_FLOWS_H

#include "look.h"

/* Numbers of TCP that the programs allow for, as bpf/tcp.h gives them. */
#define WD_TCP_BEHIND 0x1000000U
#define WD_TCP_SLACK 0x100000U

enum stage {
	ASKED, /* nobody answered */
	ANSWERED, /* TCP: by a SYN+ACK */
	UP, /* answered; TCP: the handshake is complete */
};

struct flow {
	struct flow_key key;
	uint32_t next; /* 1 + place of the next in its chain, 0 none */
	uint32_t gen; /* under which it was judged; 0: at each packet */
	uint32_t expires;
	uint32_t made;
	enum stage stage;
	enum wd_dir dir; /* of who opened it */
	bool is_host; /* this host did */
	bool is_open; /* counts against the pod's share */
	/* TCP; by direction: whose */
	uint32_t end[2]; /* next after the last that was sent */
	uint32_t ack[2]; /* last acknowledgement sent */
	bool is_blind; /* nothing is known of these yet: it was seeded */
	bool was_found; /* it was seeded */
	bool fin[2];
	bool is_reset;
	bool peer_reset; /* the peer did, as it seems; what it sends denies it */
	bool has_crossed; /* a SYN came to who had sent one */
	/* a SYN came while it was up: it may begin again */
	bool has_again, again_host;
	enum wd_dir again_dir;
	uint32_t again;
};

/** flow_of() - the live flow that @k->key names, or NULL */
struct flow *flow_of(const struct look *k);

/** consent_for() - does policy let a flow pass that @is_host's opened in @dir? */
int consent_for(const struct look *k, bool is_host, enum wd_dir dir);

#endif /* WARDER_SELFTESTS_FLOWS_H */
