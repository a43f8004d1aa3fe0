/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * world.h - a small cluster in the maps, and packets run through the programs.
 *
 * One pod is behind the hooks (ifindex 1, whatever that device is: nothing is
 * attached). Its policy, in both directions, is one of tables.h. The maps
 * belong to this process and end with it.
 */
#ifndef WARDER_SELFTESTS_WORLD_H
#define WARDER_SELFTESTS_WORLD_H

#include <stdint.h>
#include <warder/abi.h>

#include "frame.h"
#include "tables.h"
#include "tap.h"

struct bpf_object;
struct __sk_buff;

/* What every packet towards the pod came in by, until set otherwise. */
extern uint32_t world_iif;

/* Whose counters are looked at: the endpoint's stat, 1 until set otherwise. */
extern uint32_t world_stat;

/**
 * world_open() - load the programs and fill the maps
 * @bend: changes the maps of the object before it is loaded, or NULL
 * Return: 0 or -errno, told on stdout
 */
int world_open(void (*bend)(struct bpf_object *obj));
void world_close(void);

/** world_sheds() - is the object at hand wd_minimal, which drops what bpf/rung.h lists? */
bool world_sheds(void);

/** WORLD_TEST() - WD_TEST(), but for an object that sheds what the test is about */
#define WORLD_TEST(fn) \
	do { \
		if (!world_sheds()) \
			WD_TEST(fn); \
	} while (0)

/** world_reset() - forget flows, fragments and quotas; generation 1, SLOT_RULES */
void world_reset(void);

/** world_publish() - put @slot in force under a new generation. @flags: WD_EP_* */
void world_publish(enum slot slot, uint32_t flags);

/** world_try() - put a slot on trial, at once; SLOT_NONE: nothing. world_reset() ends it */
void world_try(enum slot trial);

/** world_endpoint() - a copy of the pod's entry, to edit and give to world_endpoint_set() */
struct wd_endpoint_val world_endpoint(void);
void world_endpoint_set(const struct wd_endpoint_val *val);

/** world_state() - a copy of the state in force, to edit and give to world_state_set() */
struct wd_state_val world_state(void);
void world_state_set(const struct wd_state_val *state);

/** world_switch() - set (or clear) switches, WD_STATE_*, and nothing else */
void world_switch(uint32_t switches, bool on);

/** world_ticks() - now, in ticks */
uint32_t world_ticks(void);

/** world_begin_tick() - wait for a tick to begin, so that none passes in what follows */
void world_begin_tick(void);

/* A flow of the table: its entry and its time. */
struct flow {
	struct wd_flow_entry is;
	uint32_t expires;
};

/** world_flow() - the flow of @packet if it is (not) replied to. Return: 0 or -ENOENT */
int world_flow(const struct packet *packet, bool unreplied,
	       struct flow *ret_flow);
/** world_flow_set() - overwrite it, or put it in its home if it is not there */
void world_flow_set(const struct packet *packet, const struct flow *flow);

/** world_flow_cnt() - flows in the table, the dead too */
int world_flow_cnt(void);

/** world_buckets() - the flow table, and how many buckets it has */
struct wd_bucket *world_buckets(uint32_t *ret_cnt);

/** world_trains() - fragment trains that live. @ret_first: one of them, or NULL */
int world_trains(struct wd_train *ret_first);
/** world_frags_fill() - fill the table of trains for the sender of @first, the only train so far */
void world_frags_fill(const struct packet *first);

struct wd_quota_val world_quota(void);
void world_quota_set(struct wd_quota_val val);

/** world_quota_full() - a share of unreplied flows used up for as long as @ticks */
struct wd_quota_val world_quota_full(uint32_t ticks);

/** world_map_fd() - descriptor of a map by its name */
int world_map_fd(const char *name);
/** world_write(), world_delete() - one entry; ends the test if it cannot be written */
void world_write(const char *name, const void *key, const void *val);
void world_delete(const char *name, const void *key);
/** world_read() - one entry; ends the test if there is none */
void world_read(const char *name, const void *key, void *ret_val);

/* ---- run.c ---- */

/* What a run did. */
struct outcome {
	int reason; /* enum wd_reason, or -1: not exactly one was counted */
	int verdict; /* enum wd_verdict as the endpoint's counter says */
	uint32_t retval;
};

/** world_run() - one packet through the hook of @dir */
struct outcome world_run(const struct frame *frame, int dir);

/** world_send() - the same without looking, for floods. Return: the hook's code */
int world_send(const struct frame *frame, int dir);

/**
 * world_batch() - as world_expect() for many packets: counters are looked at
 * once, by world_batch_end(), because they are what takes the time
 */
#define world_batch(frame, dir, reason) \
	world_batch_at(__FILE__, __LINE__, frame, dir, reason)
void world_batch_begin(void);
void world_batch_at(const char *file, int line, const struct frame *frame,
		    int dir, int reason);
void world_batch_end(void);

/**
 * world_send_ctx() - the same with a context of one's own, devices filled in
 * Return: the return code of the program; -errno below all of them
 */
int world_send_ctx(const struct frame *frame, int dir,
		   const struct __sk_buff *ctx);

/**
 * world_send_back() - what the program of @dir makes of @len bytes of a frame
 * @mark: of the packet, then of what came back
 * @ret_frame: of as many bytes as @ret_len says, then what came back
 * Return: as world_send_ctx()
 */
int world_send_back(const void *frame, size_t len, int dir, uint32_t *mark,
		    void *ret_frame, size_t *ret_len);

/** world_ctx_loads() - which words of the context the program of @dir reads */
uint64_t world_ctx_loads(int dir);

/** world_reason() - name of a reason */
const char *world_reason(int reason);

/**
 * world_expect() - run @frame and expect @reason; checks return code, both
 * counters and bytes too
 */
#define world_expect(frame, dir, reason) \
	world_expect_at(__FILE__, __LINE__, frame, dir, reason, -1)
/** world_expect_audit() - the same where @reason must not stop the packet */
#define world_expect_audit(frame, dir, reason) \
	world_expect_at(__FILE__, __LINE__, frame, dir, reason, WD_AUDIT)
void world_expect_at(const char *file, int line, const struct frame *frame,
		     int dir, int reason, int verdict);

/** expect_packet() - world_expect() for a described packet */
#define expect_packet(reason, ...) \
	expect_packet_at(__FILE__, __LINE__, reason, \
			 &(struct packet){ __VA_ARGS__ })
/** expect_this() - the same for a packet that stands somewhere */
#define expect_this(reason, packet) \
	expect_packet_at(__FILE__, __LINE__, reason, packet)
void expect_packet_at(const char *file, int line, int reason,
		      const struct packet *packet);

/** expect_audit(), expect_audit_this() - the same where @reason must not stop it */
#define expect_audit(reason, ...) \
	expect_audit_this(reason, (&(struct packet){ __VA_ARGS__ }))
#define expect_audit_this(reason, packet) \
	expect_audit_at(__FILE__, __LINE__, reason, packet)
void expect_audit_at(const char *file, int line, int reason,
		     const struct packet *packet);

/** expect_error() - world_expect() for the ICMP error @outer about @inner */
#define expect_error(reason, outer, inner) \
	expect_error_at(__FILE__, __LINE__, reason, -1, outer, inner)
#define expect_error_audit(reason, outer, inner) \
	expect_error_at(__FILE__, __LINE__, reason, WD_AUDIT, outer, inner)
void expect_error_at(const char *file, int line, int reason, int verdict,
		     const struct packet *outer, const struct packet *inner);

#define IN .dir = WD_INGRESS
#define OUT .dir = WD_EGRESS
#define FROM(h) .src = (h), .has_src = true
#define TO(h) .dst = (h), .has_dst = true

/* Run the body for both families, with the row named after it. */
#define for_each_family(fam) \
	for (int fam = 4; wd_test_row(fam == 4 ? "v4" : \
				      fam == 6 ? "v6" : \
						 (const char *)0), \
		 fam <= 6; \
	     fam += 2)

enum ways { BOTH_WAYS, ONLY_IN, ONLY_OUT };

/* One packet in a fresh world, for both families and ways unless it says. */
struct wcase {
	const char *name;
	int reason;
	enum ways ways;
	int family; /* 0: both */
	enum host peer; /* if not H_SELF: the other end */
	enum slot slot; /* if not SLOT_NONE: instead of SLOT_RULES */
	struct packet p;
};

/** world_cases() - run a table */
#define world_cases(cases) \
	world_cases_at(__FILE__, __LINE__, cases, \
		       sizeof(cases) / sizeof((cases)[0]))
void world_cases_at(const char *file, int line, const struct wcase *cases,
		    size_t cnt);

#endif /* WARDER_SELFTESTS_WORLD_H */
