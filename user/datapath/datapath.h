/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * datapath.h - the programs and maps of this node in the kernel.
 *
 * The only part that includes skeletons and calls bpf(2). Knows nothing of
 * pods and policies: loads or adopts, attaches to an interface, reads and
 * writes map entries, counts what it did. Every result is checked; nothing
 * that is in force is changed before what replaces it was verified.
 */
#ifndef WARDER_DATAPATH_H
#define WARDER_DATAPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warder/abi.h>
#include <warder/maps.h>

struct wd_datapath;

enum wd_attach_kind {
	WD_ATTACH_TCX,
	WD_ATTACH_CLSACT,
};

struct wd_datapath_info {
	enum wd_attach_kind attach; /* what new attachments use */
	bool adopted; /* maps of an agent before were taken over */
	bool mounted; /* a bpffs was mounted, there was none */
	bool swapped; /* running programs were replaced by this binary's */
	/* another set is in force until wd_datapath_take_over() */
	bool beside;
	bool replaced; /* another set was put out of force, by it or at open */
	/* at open: what judged before kept connections in a table of its own */
	bool flows_elsewhere;
	uint32_t schema_before; /* of that set, 0 not known */
	char misfit[64]; /* why it could not be adopted, "" not known */
	uint32_t prog_id[2]; /* by enum wd_dir */
	char prog_name[2][16]; /* wd_pod_in, ... */
	char tag[2][17]; /* program tags, hex */
	/* 0 where the kernel does not tell (before 5.16) */
	uint32_t verified_insns[2];
};

/**
 * wd_datapath_open() - load the programs, adopt or create the pinned maps
 * @bpffs: directory below a bpf file system; made if missing; if no bpffs is
 *         mounted there one is mounted on it
 * @ret_error: on failure a message for a person (cause, what to do), to be
 *             freed; also the verifier's log if there was one
 *
 * Maps pinned by an agent before are reused with their contents when
 * WD_SCHEMA and their shape agree. Otherwise the data path is opened beside
 * them (info's beside): with maps of its own, empty, unpinned and reached by no
 * attached program, to be filled and handed to wd_datapath_take_over().
 * What an agent before began to take over is finished first.
 * Before anything is attached or swapped, the new programs must give the
 * golden verdicts on a private set of maps (BPF_PROG_TEST_RUN). Existing
 * attachments (pinned links, clsact filters) of another program version are
 * switched in place, never detached first.
 * One agent at a time: the directory is locked until close.
 * Return: 0; -EADDRINUSE; -EPERM; or -errno of the failing call.
 */
int wd_datapath_open(const char *bpffs, struct wd_datapath **ret_dp,
		     char **ret_error);

struct wd_ladder_opts;

/**
 * wd_datapath_open_at() - the same, down the whole ladder (ladder.h)
 * Where no programs load it is open with a ruleset, and with nothing in force
 * where that fails too: see wd_ladder().
 * Return: 0; -EADDRINUSE; -ENOMEM; with a bottom above hold -errno of what failed.
 */
int wd_datapath_open_at(const char *bpffs, const struct wd_ladder_opts *opts,
			struct wd_datapath **ret_dp, char **ret_error);

/**
 * wd_datapath_settle() - bring into force what was written, where that takes more than writing
 * After wd_datapath_publish() and whatever was written without it.
 * Return: 0; or -errno with *ret_error: what was in force stays, call it again.
 */
int wd_datapath_settle(struct wd_datapath *dp, char **ret_error);

/** wd_datapath_unsettled() - is there something for wd_datapath_settle() to do */
bool wd_datapath_unsettled(const struct wd_datapath *dp);

/**
 * wd_datapath_take_over() - put the set opened beside in place of the one in force
 * @ret_error: as of wd_datapath_open()
 *
 * For after the first wd_datapath_publish(). Each attachment is switched in
 * place, then the pins are, then the old set is let go. A failure or a crash
 * leaves the old set in force, or the new one if all attachments were switched.
 * Return: 0, also if nothing was opened beside; or -errno.
 * Context: needs the capabilities of open.
 */
int wd_datapath_take_over(struct wd_datapath *dp, char **ret_error);

/**
 * wd_datapath_repin() - make pins of maps and programs again that were removed or replaced
 * @ret_found: how many there were, also on failure. Links are the matter of
 *             wd_datapath_check().
 * Return: 0 or -errno.
 */
int wd_datapath_repin(struct wd_datapath *dp, int *ret_found);

/** wd_datapath_unlock() - let another agent use the directory, and let it be unmounted */
void wd_datapath_unlock(struct wd_datapath *dp);

/** wd_datapath_close() - let go of everything; pins and attachments stay */
void wd_datapath_close(struct wd_datapath *dp);

/** wd_datapath_has_programs() - are programs what is in force, not a ruleset or nothing */
bool wd_datapath_has_programs(const struct wd_datapath *dp);

/** wd_datapath_has_ruleset() - is the data path that of rung nft */
bool wd_datapath_has_ruleset(const struct wd_datapath *dp);

/** wd_datapath_is_filling() - does its ruleset say nothing yet, so that what was before guards */
bool wd_datapath_is_filling(const struct wd_datapath *dp);

/** wd_datapath_replaces() - are programs in force, and a ruleset of before is still to go */
bool wd_datapath_replaces(const struct wd_datapath *dp);

const struct wd_datapath_info *wd_datapath_info(const struct wd_datapath *dp);

/**
 * wd_datapath_attach() - both programs on an interface; idempotent
 * @ifindex: in the network namespace of the caller
 * Egress hook (towards the pod) first, then ingress. Reads back what is
 * attached and fails if it is not ours (-EBADMSG).
 * Return: 0; -ENODEV; -EAGAIN while beside; or -errno; on failure nothing of
 * ours is left attached that was not before.
 */
int wd_datapath_attach(struct wd_datapath *dp, uint32_t ifindex);

/**
 * wd_datapath_check() - is the interface still guarded by our programs, both directions
 * While beside: by those of the set in force.
 * Return: 0; -ENOLINK if one is missing or replaced; -ENODEV if the interface is gone; -errno.
 */
int wd_datapath_check(struct wd_datapath *dp, uint32_t ifindex);

/**
 * wd_datapath_is_closed() - does rung hold of an agent before keep the interface down
 *
 * Also beside programs of ours, where that agent could not tell that they are
 * there. wd_datapath_attach() opens it, once what judges it knows the endpoint.
 * Return: false also where this rung closes, and where it cannot be seen
 */
bool wd_datapath_is_closed(const struct wd_datapath *dp, uint32_t ifindex);

/**
 * wd_datapath_before() - does a program of others run before ours
 * @ret_prog: its id, 0 none. With clsact there is none: attaching fails then.
 * Return: 0, or -errno as of wd_datapath_check().
 */
int wd_datapath_before(struct wd_datapath *dp, uint32_t ifindex,
		       enum wd_dir dir, uint32_t *ret_prog);

/**
 * wd_datapath_detach() - take the programs off; also drops pins of a vanished interface
 * Return: 0 also when nothing was attached, else -errno.
 */
int wd_datapath_detach(struct wd_datapath *dp, uint32_t ifindex);

/**
 * wd_datapath_attached() - interfaces that have our pins or filters
 * @ret_ifindex: array to be freed
 * Return: count, or -errno.
 */
int wd_datapath_attached(struct wd_datapath *dp, uint32_t **ret_ifindex);

/** wd_datapath_is_mounted() - is @bpffs, or the first of its parents that is there, on a bpffs */
bool wd_datapath_is_mounted(const char *bpffs);

/**
 * wd_datapath_remove() - end enforcement: detach everything, remove every pin below @bpffs
 * Works without an open datapath (warder stop --detach after a crash).
 * Return: 0, or the first -errno after trying everything.
 */
int wd_datapath_remove(const char *bpffs);

/* ---- devices that are no pod's ---- */

enum wd_family {
	WD_FAMILY_WIRE, /* devices that lead out of the node */
	WD_FAMILY_TUNNEL, /* WireGuard devices */
	WD_FAMILY__MAX,
};

struct wd_wire_info {
	bool loaded; /* else nothing of the following but the error */
	const char *object; /* wd_wire, wd_wiremin */
	const char *rung; /* full, minimal */
	enum wd_attach_kind attach;
	char error[256]; /* why not a better object, "" none */
};

/**
 * wd_wire_open() - load the programs of wires, with the maps in force
 * Those of an agent before are switched in place. Again after the maps or the
 * engine changed. Where no programs are in force (nft, hold) none are loaded.
 * Return: 0; -EOPNOTSUPP no programs can be in force; -errno of the last object.
 */
int wd_wire_open(struct wd_datapath *dp);

/** wd_wire_info() - of the last wd_wire_open() */
const struct wd_wire_info *wd_wire_info(const struct wd_datapath *dp);

/**
 * wd_wire_attach(), wd_wire_check(), wd_wire_detach(), wd_wire_attached()
 * As of pods' interfaces; -EOPNOTSUPP while nothing is loaded, but detach.
 */
int wd_wire_attach(struct wd_datapath *dp, enum wd_family family,
		   uint32_t ifindex);
int wd_wire_check(struct wd_datapath *dp, enum wd_family family,
		  uint32_t ifindex);
int wd_wire_detach(struct wd_datapath *dp, enum wd_family family,
		   uint32_t ifindex);
int wd_wire_attached(struct wd_datapath *dp, enum wd_family family,
		     uint32_t **ret_ifindex);

/**
 * wd_wire_leave() - take the programs off every device
 * For when a ruleset has taken over: they go by maps that nobody feeds any more.
 * Return: 0, or the first -errno after trying all.
 */
int wd_wire_leave(struct wd_datapath *dp);

/* ---- programs of netfilter's hooks ---- */

enum wd_nf {
	WD_NF_LATE, /* judges services after their translation */
	WD_NF_HOST, /* judges what sockets of this host receive and send */
	WD_NF__MAX,
};

/**
 * wd_nf_open() - load and attach it
 * In this network namespace, with the maps in force. What an agent before has
 * attached goes on if it is the same, else after the new one came. Again after
 * the maps or the engine changed.
 * Return: 0, and others may be told (WD_STATE_LATE); or -errno.
 */
int wd_nf_open(struct wd_datapath *dp, enum wd_nf nf);

/** wd_nf_on() - is it attached, as far as is known, and goes by the maps in force */
bool wd_nf_on(const struct wd_datapath *dp, enum wd_nf nf);

/** wd_nf_pinned() - is there one of an agent before */
bool wd_nf_pinned(const struct wd_datapath *dp, enum wd_nf nf);

/** wd_nf_goes_on() - is all of one pinned, and goes by the maps in force; whoever attached it */
bool wd_nf_goes_on(const struct wd_datapath *dp, enum wd_nf nf);

/** wd_nf_left() - is all of one pinned, by whatever maps, and none known to be taken off */
bool wd_nf_left(const struct wd_datapath *dp, enum wd_nf nf);

/** wd_nf_error() - why the last wd_nf_open() or check failed, "" it did not */
const char *wd_nf_error(const struct wd_datapath *dp, enum wd_nf nf);

/**
 * wd_nf_check() - attach again, and pin, what somebody took off
 * @ret_found: how many that were
 * Return: 0, it is attached; or -errno: it is not, and the programs must not think so.
 */
int wd_nf_check(struct wd_datapath *dp, enum wd_nf nf, int *ret_found);

/** wd_nf_leave() - take it off; others do not rely on it any more. 0 or -errno */
int wd_nf_leave(struct wd_datapath *dp, enum wd_nf nf);

/**
 * wd_hostrules_open() - get ready to enforce policies about the node by nftables
 * For where wd_nf_open() of WD_NF_HOST fails. In the kernel nothing changes yet,
 * but wd_flow_seed() tells conntrack of the node's connections from now on.
 * Return: 0, also if it was; -EOPNOTSUPP where pods are not judged by programs;
 * or -errno of wd_nft_open().
 */
int wd_hostrules_open(struct wd_datapath *dp);

/**
 * wd_hostrules_sync() - make that ruleset say what the tables say, in one transaction
 * To be called after each commit. What an agent before left is replaced by it.
 * Return: 0; or -errno, and wd_hostrules_error(): what was in the kernel stays.
 */
int wd_hostrules_sync(struct wd_datapath *dp);

/** wd_hostrules_on() - was the last sync done, so that it judges */
bool wd_hostrules_on(const struct wd_datapath *dp);

/** wd_hostrules_error() - why not, "" it is on or was not tried */
const char *wd_hostrules_error(const struct wd_datapath *dp);

/**
 * wd_hostrules_check() - write it again where somebody has edited it
 * @ret_found: somebody had
 * Return: 0, it is as it should be; or -errno
 */
int wd_hostrules_check(struct wd_datapath *dp, bool *ret_found);

/** wd_hostrules_leave() - delete it, also that of an agent before. 0 or -errno */
int wd_hostrules_leave(struct wd_datapath *dp);

/* ---- devices that nothing judges yet ---- */

struct wd_gate_want;

/**
 * wd_gate_put() - keep what is the pods' off all other devices than those, see nft/gate.h
 * Return: 0; -EOPNOTSUPP where pods are not judged by programs; or -errno, and
 * wd_gate_error(): what was in the kernel stays.
 */
int wd_gate_put(struct wd_datapath *dp, const struct wd_gate_want *want);

/** wd_gate_on() - was the last one put, so that it judges */
bool wd_gate_on(const struct wd_datapath *dp);

/** wd_gate_error() - why not, "" it is on or is not wanted */
const char *wd_gate_error(const struct wd_datapath *dp);

/** wd_gate_check() - 0: it is as it was put; -ENOLINK: it is not, and is to be put again; -errno */
int wd_gate_check(struct wd_datapath *dp);

/** wd_gate_leave() - delete it, also that of an agent before. 0 or -errno */
int wd_gate_leave(struct wd_datapath *dp);

/** wd_gate_dropped() - what it has dropped; a part of PLAINTEXT_OUT of wd_stat_read(). 0 or -errno */
int wd_gate_dropped(struct wd_datapath *dp, struct wd_stat_val *ret_val);

/* ---- maps ---- */

/**
 * wd_map_set() / wd_map_del() / wd_map_get() - one entry
 * wd_map_del() returns 0 also if there was none. On rung hold both write nothing
 * and return -EROFS, but an endpoint may be deleted. Each call that reaches the
 * kernel counts one in wd_datapath_writes(). wd_endpoint includes wd_device,
 * its copy: both are written, and what is read is what programs go by. Around
 * a write of what programs keep wd_state_val.epoch moves on, also if it fails.
 * Return: 0, -ENOENT (get), -E2BIG/-ENOSPC (full), or -errno.
 */
int wd_map_set(struct wd_datapath *dp, enum wd_map map, const void *key,
	       const void *val);
int wd_map_del(struct wd_datapath *dp, enum wd_map map, const void *key);
int wd_map_get(struct wd_datapath *dp, enum wd_map map, const void *key,
	       void *ret_val);

/**
 * wd_map_next() - walk the keys of a hash or trie
 * @prev: NULL to begin
 * Return: 0 with @ret_next filled, -ENOENT at the end, or -errno.
 */
int wd_map_next(struct wd_datapath *dp, enum wd_map map, const void *prev,
		void *ret_next);

/**
 * wd_map_window() - mmap'd memory of wd_state, wd_row, wd_slot, wd_span, wd_class, wd_quota
 * Written directly; each element of wd_row/slot/span/class only while no program can reach it.
 * What wd_map_reach() was not asked for, except element 0, reads as zero and must not be written.
 * Return: pointer to element 0; never NULL for these maps.
 */
void *wd_map_window(struct wd_datapath *dp, enum wd_map map);

/**
 * wd_datapath_let_go() - for a forked child: windows become copies at the same addresses, no map is open any more
 * From then on nothing that the child writes gets to the kernel.
 * Return: 0, or -errno; then the child must end.
 */
int wd_datapath_let_go(struct wd_datapath *dp);

/** wd_map_reach() - elements @first to @first + @cnt - 1 of a window are the kernel's now; 0 or -errno */
int wd_map_reach(struct wd_datapath *dp, enum wd_map map, uint32_t first,
		 uint32_t cnt);

/** wd_map_mem() - a window that is all there; NULL if it could not be mapped */
void *wd_map_mem(struct wd_datapath *dp, enum wd_map map);

/** wd_map_fd() - borrowed descriptor (events ring buffer, batch reads); -1 there is no such map */
int wd_map_fd(const struct wd_datapath *dp, enum wd_map map);

/** wd_datapath_writes() - map entries written by syscalls since open */
uint64_t wd_datapath_writes(const struct wd_datapath *dp);

/**
 * wd_datapath_publish() - make a generation the one in force, with one store
 * Orders every earlier write before it (release).
 */
void wd_datapath_publish(struct wd_datapath *dp, uint32_t gen);

/**
 * wd_stat_read() - sum over CPUs of one element of wd_stat, or of wd_epstat / wd_evstat
 * Return: 0 or -errno.
 */
int wd_stat_read(struct wd_datapath *dp, enum wd_reason reason, enum wd_dir dir,
		 struct wd_stat_val *ret_val);

/** wd_stat_audit_read() - the same of packets that audit mode let pass in spite of @reason */
int wd_stat_audit_read(struct wd_datapath *dp, enum wd_reason reason,
		       enum wd_dir dir, struct wd_stat_val *ret_val);

/** wd_stat_answered_read() - what became of the answers to denied packets of @dir; of packets only */
int wd_stat_answered_read(struct wd_datapath *dp, enum wd_answered what,
			  enum wd_dir dir, struct wd_stat_val *ret_val);

int wd_epstat_read(struct wd_datapath *dp, uint32_t stat,
		   struct wd_epstat_val *ret_val);
int wd_epstat_reset(struct wd_datapath *dp, uint32_t stat);

/**
 * wd_rulestat_begin() - count rule @id from now on, unless it is counted already
 * From zero; what was there of another rule is gone. Nothing to do where no
 * program counts, and of a rule that has no counters (WD_RULES_MAX).
 * Return: 0 or -errno.
 */
int wd_rulestat_begin(struct wd_datapath *dp, uint32_t id);

/** wd_rulestat_end() - the rule is gone: forget what it counted; 0 or -errno */
int wd_rulestat_end(struct wd_datapath *dp, uint32_t id);

/**
 * wd_rulestat_read() - sum over CPUs of what rule @id counted
 * @ret_val: last is the latest of all CPUs
 * Return: 0, -ENODATA it is not counted: no program that counts is in force, or
 * the rule has no counters; or -errno.
 */
int wd_rulestat_read(struct wd_datapath *dp, uint32_t id,
		     struct wd_rulestat_val *ret_val);

/* What goes by without being counted by rule, while it does. */
enum wd_gap {
	WD_GAP_PODS, /* pods are judged by what does not count */
	WD_GAP_HOST, /* the host is */
	WD_GAP_SERVICES, /* flows to services whose backends rules tell apart */
	WD_GAP__MAX,
};

/**
 * wd_rulestat_gaps() - there are these gaps now, and no others
 * @open: bits by enum wd_gap
 * Kept in element 0, which is no rule's, for the agents after this one. What
 * cannot be written is kept by this agent until it can.
 * Return: 0 or -errno: to be said again.
 */
int wd_rulestat_gaps(struct wd_datapath *dp, uint32_t open);

/**
 * wd_rulestat_whole() - the tick since when none of @gaps (bits) was open
 * As of the last wd_rulestat_gaps(); of one that is open: the end of the one before.
 * Return: 0 there never was any, as far as is known.
 */
uint32_t wd_rulestat_whole(const struct wd_datapath *dp, uint32_t gaps);

/** wd_group_map() - the kernel's id of wd_group, 0 the tables are not in the kernel */
uint32_t wd_group_map(const struct wd_datapath *dp);

/**
 * wd_timing_read() - what was counted in a group, < WD_GROUPS_MAX
 * Return: 0, -ENODATA no program counts, or -errno.
 */
int wd_timing_read(struct wd_datapath *dp, uint32_t group,
		   struct wd_timing_val *ret_val);

/** wd_timing_reset() - a group counts from 0. Return: as above; -EROFS on rung hold */
int wd_timing_reset(struct wd_datapath *dp, uint32_t group);

int wd_evstat_read(struct wd_datapath *dp, struct wd_evstat_val *ret_val);

/** wd_answer_read() - answers to what was denied of endpoint @ep, whose stat is @stat */
int wd_answer_read(struct wd_datapath *dp, uint32_t stat, uint32_t ep,
		   struct wd_answer_val *ret_val);

typedef int (*wd_cover_fn)(void *ctx, const struct wd_cover_key *key,
			   const struct wd_stat_val *val);

/**
 * wd_cover_read() - every entry of wd_cover, summed over CPUs, in no order
 * @fn: what it returns other than 0 ends the walk
 * Return: 0, also where no program counts; what @fn returned; or -errno.
 */
int wd_cover_read(struct wd_datapath *dp, wd_cover_fn fn, void *ctx);

/** wd_map_number() - the kernel's number of a map: another one when it was made anew; 0 there is none */
uint32_t wd_map_number(const struct wd_datapath *dp, enum wd_map map);

/**
 * wd_flow_seed() - write a connection that is there already as a flow
 * It is not in force for any generation: its next packet is judged. Where the
 * ruleset judges, TCP's go to the kernel's table.
 * @own: the endpoint's address of it; IPv4 in own[0]
 * Return: 0, also if it is known; -ENOSPC no room or the endpoint's share is used up; -errno.
 */
int wd_flow_seed(struct wd_datapath *dp, const struct wd_seed_in *seed,
		 const __be32 own[4]);

/** wd_flow_count() - flows in the table, with dead ones whose place nobody took yet */
uint32_t wd_flow_count(struct wd_datapath *dp);

/* Of an entry of the flow table. */
struct wd_flow_times {
	uint32_t left_s; /* until it dies if no packet comes; 0 it is dead */
	uint32_t idle_s; /* since the last packet */
};

typedef void (*wd_flow_fn)(void *ctx, const struct wd_flow_entry *flow,
			   const struct wd_flow_times *times);

/**
 * wd_flow_read() - every live flow of the table pinned below @bpffs
 * Needs no open datapath, so no agent. What changes meanwhile may be missed.
 * Return: 0; -ENOENT no table there; -ESTALE one of another version; -errno.
 */
int wd_flow_read(const char *bpffs, wd_flow_fn fn, void *ctx);

/** wd_flow_read_dead() - the same, also of those that ended and whose place nobody took yet */
int wd_flow_read_dead(const char *bpffs, wd_flow_fn fn, void *ctx);

/* One line of `warder map list`. */
struct wd_map_info {
	const char *name;
	const char *help;
	char type[24];
	uint32_t used; /* entries; for arrays of slots, spans, classes, rows the caller knows better: UINT32_MAX */
	uint32_t max;
	uint64_t bytes; /* memory as the kernel accounts it (fdinfo memlock) */
};

/** wd_map_info() - describe one map. Return: 0 or -errno. Counting walks the map: may take ms. */
int wd_map_info(struct wd_datapath *dp, enum wd_map map,
		struct wd_map_info *ret_info);

#endif /* WARDER_DATAPATH_H */
