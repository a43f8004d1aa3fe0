/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h - what the files of the data path share, and nobody else sees.
 *
 * ladder.c chooses the rung; load.c puts an open data path together from the
 * programs of one, object.c opens those; bpffs.c knows directories and pins,
 * handover.c puts one set of them in place of another,
 * maps.c the maps or memory.c the same
 * without a kernel, device.c the copy of wd_endpoint, flow.c the flow table, golden.c the trial of new programs, engine.c what
 * judges an interface: attach.c its hooks by way of tcx.c or clsact.c, ../nft/, or hold.c;
 * report.c what to tell a person.
 */
#ifndef WARDER_DATAPATH_INTERNAL_H
#define WARDER_DATAPATH_INTERNAL_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cause.h"
#include "datapath.h"
#include "ladder.h"
#include "nft/tables.h"

struct bpf_object;

#define WD_DIR_MAX 400 /* bytes of a bpffs directory's name */
#define WD_PATH_MAX 512 /* the same with a pin's name behind it */

struct wd_map_shape {
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max;
	uint32_t flags;
};

/* Arrays are mapped in pieces of this size, a multiple of any page size. */
#define WD_MEM_CHUNK ((size_t)65536)
#define WD_MEM_CHUNKS_MAX 128

struct wd_memory;
struct wd_nft;

/* What judges packets. */
enum wd_engine {
	WD_ENGINE_PROGS, /* rungs full, compat, minimal */
	WD_ENGINE_NFT,
	WD_ENGINE_NONE, /* rung hold, with nothing in force */
};

/* What went wrong, before it is told. */
struct wd_failure {
	enum wd_stage stage;
	int err; /* negative errno, 0 nothing failed */
	char *text; /* one line for a person */
	char *log; /* all that verifier and libbpf said, or NULL */
};

/* Of filters of clsact: "wd" of pods, "ww" of wires, "wt" of WireGuard devices. */
#define WD_HANDLE_POD 0x7764
#define WD_HANDLE_WIRE 0x7777
#define WD_HANDLE_TUNNEL 0x7774

#define WD_NF_LINKS 4

/* A program of netfilter's hooks, see netfilter.c. */
struct wd_nf_part {
	int prog_fd; /* -1 none */
	int link_fd[WD_NF_LINKS]; /* -1 none */
	uint32_t state_id; /* wd_state it goes by, while all is attached; else 0 */
	char error[400]; /* why it is not, "" none */
};

/* Policies about the node by a ruleset of their own, see hostrules.c. */
struct wd_hostrules {
	struct wd_nft *nft; /* NULL: not opened */
	bool on; /* it says what the tables said at the last sync */
	bool none; /* none is in the kernel, for certain */
	char error[400]; /* why it is not on, "" none */
};

/* What keeps devices closed that nothing judges yet, see gate.c. */
struct wd_gate {
	struct wd_nft_gate *nft; /* NULL: never put */
	bool on; /* it is there, as it was put last */
	bool had; /* it was, once: it has counted */
	bool none; /* none is in the kernel, for certain */
	char error[400]; /* why it is not on, "" none */
};

struct wd_datapath {
	char dir[WD_DIR_MAX];
	uint32_t handle; /* WD_HANDLE_* of its filters */
	int prog_fd[WD_DIR__MAX]; /* what attachments use */
	int map_fd[WD_MAP__MAX];
	uint32_t map_id[WD_MAP__MAX];
	struct wd_map_shape shape[WD_MAP__MAX]; /* as this binary makes them */
	void *mem[WD_MAP__MAX]; /* NULL where not mapped */
	size_t mem_bytes[WD_MAP__MAX];
	bool mem_chunk[WD_MAP__MAX][WD_MEM_CHUNKS_MAX]; /* mapped so far */
	int cpus; /* possible ones: values per element of a per-CPU map */
	void *percpu; /* room for one element of any per-CPU map */
	uint64_t writes;
	struct wd_datapath_info info;
	uint32_t old_state_id; /* while beside: id of its wd_state, 0 unknown */
	int lock_fd; /* the directory, -1 not locked */
	uint64_t hash_key[WD_HASH_WORDS]; /* of the flow table, odd */
	struct bpf_object *seed; /* what writes flows, NULL until needed */
	struct wd_failure failure; /* the first since it was last taken */
	struct wd_ladder ladder;
	enum wd_engine engine;
	struct wd_memory *memory; /* the tables, where they are not maps */
	struct wd_nft *nft; /* NULL but where it is the engine, or becomes it */
	bool hold_open; /* as of wd_ladder_opts, of the open */
	bool nft_is_wrong; /* golden packets have shown it, since the last climb */
	bool unsynced; /* tables were written that the ruleset does not say yet */
	bool filling; /* the ruleset says nothing yet; what was before guards */
	bool ruleset_before; /* that of an agent before is in force */
	bool opened; /* it was in force once: attachments are ours */
	uint32_t *guarded; /* interfaces that were attached */
	int guarded_cnt;
	/* those that what was in force before this agent guards, on rung hold */
	uint32_t *left;
	int left_cnt;
	bool left_unknown; /* it could not be looked at, and is before one is closed */
	bool with_events; /* the programs have wd_events */
	/* What hangs on other devices, by enum wd_family; see wire.c. NULL none. */
	struct wd_datapath *family[WD_FAMILY__MAX];
	struct wd_wire_info wire;
	struct wd_nf_part nf[WD_NF__MAX];
	struct wd_hostrules hostrules;
	struct wd_gate gate;
	uint32_t gaps; /* by enum wd_gap: open, or not written down that they ended */
	uint32_t gap_end[WD_GAP__MAX]; /* ticks; 0: there never was one */
	/* of the last open or climb, for parts; see wd_ladder_opts */
	bool (*refused)(void *ctx, const char *object, uint64_t hash,
			enum wd_cause *ret_cause, const char **ret_text);
	void *refused_ctx;
};

/* Tests and kcheck: use clsact although the kernel has tcx. */
extern bool wd_datapath_no_tcx;

/* A pair of programs, by enum wd_dir. */
struct wd_progs {
	int fd[WD_DIR__MAX]; /* -1 none */
	uint32_t id[WD_DIR__MAX];
};

extern const char *const wd_map_names[WD_MAP__MAX];
extern const char *const wd_prog_names[WD_DIR__MAX]; /* by enum wd_dir */

/* ---- report.c ---- */

/**
 * wd_fail() - keep the first explanation of a failure in dp->failure
 * @err: negative errno
 * @fmt: what was tried, to which the error and its likely cause are added
 * Return: @err
 */
int wd_fail(struct wd_datapath *dp, int err, enum wd_stage stage,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/** wd_capture_begin() - collect libbpf's messages instead of printing them */
void wd_capture_begin(void);

/** wd_capture_end() - Return: the messages, to be freed, or NULL for none */
char *wd_capture_end(void);

/** wd_fail_load() - wd_fail() for a load, @said: what libbpf printed then; taken */
int wd_fail_load(struct wd_datapath *dp, int err, char *said);

/** wd_failure_clear() - forget it, for the next thing to be tried */
void wd_failure_clear(struct wd_datapath *dp);

/** wd_failure_why() - text and the end of the log, to be freed; clears it */
char *wd_failure_why(struct wd_datapath *dp);

/** wd_failure_cause() - of what is kept now */
enum wd_cause wd_failure_cause(const struct wd_datapath *dp);

/* ---- object.c ---- */

/**
 * wd_object_open() - the programs of a rung, in this binary, with their constants still to be set
 * Return: NULL on failure, with dp->failure set.
 */
struct bpf_object *wd_object_open(struct wd_datapath *dp, enum wd_rung rung);

/** wd_object_read() - the same of a rung that has programs, without a word; NULL with errno set */
struct bpf_object *wd_object_read(enum wd_rung rung);

/**
 * wd_object_constants() - what an object must be told before it loads
 * Its wd_flow has the size that it is to have. Return: 0, -EINVAL other constants.
 */
int wd_object_constants(struct bpf_object *obj,
			const uint64_t hash_key[WD_HASH_WORDS],
			bool with_events);

/** wd_object_constant() - where a constant is, by name and bytes; NULL the object does without it */
void *wd_object_constant(struct bpf_object *obj, const char *name, size_t size);

/**
 * wd_types_guard() - from now on no program is loaded without types
 *
 * To be called before any object is opened; objects with programs of other
 * sections are as they were. Return: 0 or -errno.
 */
int wd_types_guard(void);

/** wd_types_load() - bpf_object__load(); 0 or -errno with dp->failure set */
int wd_types_load(struct wd_datapath *dp, struct bpf_object *obj);

/** wd_object_load() - sets the constants, loads; 0 or -errno with dp->failure set */
int wd_object_load(struct wd_datapath *dp, struct bpf_object *obj);

/** wd_object_prog() - descriptor of a loaded program, borrowed, or -errno */
int wd_object_prog(struct bpf_object *obj, enum wd_rung rung, enum wd_dir way);

/** wd_object_prog_name() - of a rung that has programs */
const char *wd_object_prog_name(enum wd_rung rung, enum wd_dir way);

/** wd_object_name() - "wd_pod", "wd_compat", "wd_minimal" */
const char *wd_object_name(enum wd_rung rung);

/** wd_object_rung() - whose program has this name; WD_RUNG_FULL if nobody's */
enum wd_rung wd_object_rung(const char *prog_name);

/** wd_events_probe() - can a ring buffer be made? Makes one and lets it go; 0 or -errno */
int wd_events_probe(void);

/* ---- bpffs.c ---- */

/** wd_bpffs_open() - make the directories, mount a bpffs if there is none */
int wd_bpffs_open(struct wd_datapath *dp);

/** wd_pin_path() - "@dir/@sub/@name" into @path */
void wd_pin_path(char path[WD_PATH_MAX], const char *dir, const char *sub,
		 const char *name);

/** wd_link_path() - path of the pin of one attachment */
void wd_link_path(char path[WD_PATH_MAX], const char *dir, uint32_t ifindex,
		  enum wd_dir way);

/** wd_pin() - pin @fd at @path, in one step in place of what was there */
int wd_pin(int fd, const char *path);

/**
 * wd_repin_prog() - pin a program if another one or none is at @path
 * @ret_found: one is added to it then
 */
int wd_repin_prog(const char *path, int fd, uint32_t id, int *ret_found);

/** wd_unpin() - Return: 0 also if there was nothing */
int wd_unpin(const char *path);

/**
 * wd_links_list() - the pins below links/ that have our kind of name
 * @ret_ifindex: ascending, each once; to be freed
 * Return: count, or -errno.
 */
int wd_links_list(const char *dir, uint32_t **ret_ifindex);

/**
 * wd_list_append() - grow a list that started as NULL and 0
 * Return: new count, or -ENOMEM with the list as it was.
 */
int wd_list_append(uint32_t **list, int cnt, uint32_t value);

/** wd_sort_unique() - ascending, each value once; Return: new count */
int wd_sort_unique(uint32_t *list, int cnt);

/**
 * wd_pins_each() - call @fn for each name below @dir/@sub that begins as ours do
 * It may remove what it is told of.
 * Return: 0, also if there is no such directory; else the first of @fn or -errno.
 */
int wd_pins_each(const char *dir, const char *sub,
		 int (*fn)(void *ctx, const char *name), void *ctx);

/** wd_bpffs_make() - one directory below @dir; 0 also if it is there */
int wd_bpffs_make(const char *dir, const char *sub);

/** wd_pins_clear() - remove all these names but @keep (NULL: all); 0 or -errno */
int wd_pins_clear(const char *dir, const char *sub, const char *keep);

/** wd_bpffs_sweep() - drop the temporary names a crash may have left */
void wd_bpffs_sweep(const char *dir);

/** wd_bpffs_remove() - every pin of ours but links, then the directories */
int wd_bpffs_remove(const char *dir);

/* ---- pins.c ---- */

/** wd_pins_lock() - the directory is ours; -EADDRINUSE while another agent has it */
int wd_pins_lock(struct wd_datapath *dp);

/* ---- maps.c ---- */

/** wd_maps_shape() - note how the object of this binary wants its maps */
int wd_maps_shape(struct wd_datapath *dp, struct bpf_object *obj);

/**
 * wd_maps_adopt() - open the pinned maps if there is a set of them
 * Return: 1 adopted; 0 there is none; -ESTALE it is another's, told of in
 * dp->info and old_state_id, and none is open; or -errno. Changes nothing.
 */
int wd_maps_adopt(struct wd_datapath *dp);

/** wd_maps_schema() - what the wd_state behind @fd says, of any version; 0 unknown */
uint32_t wd_maps_schema(int fd);

/** wd_maps_mend() - make the optional maps that an adopted set lacks and this kernel can have; 0 or -errno */
int wd_maps_mend(struct wd_datapath *dp);

/** wd_maps_reuse() - make @obj use the maps that dp holds */
int wd_maps_reuse(struct wd_datapath *dp, struct bpf_object *obj);

/** wd_maps_create() - hold the maps of a loaded @obj */
int wd_maps_create(struct wd_datapath *dp, struct bpf_object *obj);

/** wd_maps_pin() - pin all below @sub; wd_state, which makes a set, last */
int wd_maps_pin(struct wd_datapath *dp, const char *sub);

/** wd_maps_mmap() - map the arrays that the agent writes directly */
int wd_maps_mmap(struct wd_datapath *dp);

void wd_maps_close(struct wd_datapath *dp);

/** wd_maps_copy() - write what @memory holds into the maps of dp, generation last; 0 or -errno */
int wd_maps_copy(struct wd_datapath *dp, struct wd_memory *memory);

/** wd_tables() - get, next and window of the tables of dp, as the ruleset reads them */
struct wd_tables wd_tables(struct wd_datapath *dp);

/** wd_maps_unpin() - remove the pins; wd_state, which makes a set, first */
int wd_maps_unpin(const char *dir);

/* ---- handover.c ---- */

/* What comes next; one of it, one hook's program, one pin, at a time. */
enum wd_handover_step {
	WD_STEP_PIN, /* the new set, beside */
	WD_STEP_SWITCH,
	WD_STEP_UNPIN, /* the old set */
	WD_STEP_MOVE, /* the new set's pins to their places */
	WD_STEP_MOVE_STATE, /* the last of them */
	WD_STEP_END,
};

/* Tests: called before each step; what it returns, if not 0, is its failure. */
extern int (*wd_handover_hook)(enum wd_handover_step step);

int wd_handover_at(enum wd_handover_step step);

/** wd_handover_begin() - pin the programs and maps of dp beside those in force */
int wd_handover_begin(struct wd_datapath *dp);

/**
 * wd_handover_finish() - what is pinned beside, if it is whole, takes over
 * Goes by pins alone, whatever their schema. Can be called again at any point.
 * Return: 0, also if nothing was; or -errno: the old set is in force again, if
 * it still is one.
 */
int wd_handover_finish(struct wd_datapath *dp);

/** wd_handover_drop() - remove what is pinned beside; 0 or -errno */
int wd_handover_drop(const char *dir);

/** wd_handover_state() - id of the wd_state pinned beside, 0 none */
uint32_t wd_handover_state(const char *dir);

/** wd_state_id() - id of the wd_state pinned in @sub, 0 none */
uint32_t wd_state_id(const char *dir, const char *sub);

/* ---- flow.c ---- */

/** wd_flow_hash_key() - dp->hash_key: of the table that was adopted, or a new one */
int wd_flow_hash_key(struct wd_datapath *dp);

/** wd_flow_forget() - all flows are dead: what went on without the programs is not known to them; 0 or -errno */
int wd_flow_forget(struct wd_datapath *dp);

void wd_flow_close(struct wd_datapath *dp);

/* ---- device.c ---- */

/** wd_device_set(), wd_device_del() - the copy of an endpoint's entry; 0 or -errno */
int wd_device_set(struct wd_datapath *dp, uint32_t ifindex,
		  const struct wd_endpoint_val *ep);
int wd_device_del(struct wd_datapath *dp, uint32_t ifindex);

/** wd_device_get() - put the copy into *ret_ep if there is one; 0 or -errno */
int wd_device_get(struct wd_datapath *dp, uint32_t ifindex,
		  struct wd_endpoint_val *ret_ep);

/** wd_device_mend() - make the copies agree with wd_endpoint, after a crash perhaps */
int wd_device_mend(struct wd_datapath *dp);

/* ---- load.c ---- */

/**
 * wd_load_prepare() - what comes before any program: steps 1 and 2 of load.c
 * Return: 0; -EADDRINUSE; or -errno with dp->failure set: no bpf(2), perhaps
 */
int wd_load_prepare(struct wd_datapath *dp);

/**
 * wd_load_rung() - steps 3 to 6, for the programs of one rung
 * Return: 0, they are in force (or beside, see info); or -errno with
 * dp->failure set: all is as it was.
 */
int wd_load_rung(struct wd_datapath *dp, enum wd_rung rung);

/**
 * wd_load_kept() - go on with the pinned programs, whatever they are, on the adopted maps
 * Return: 0, -ENOENT there are none, or -errno.
 */
int wd_load_kept(struct wd_datapath *dp);

/** wd_load_undo() - let go of programs and maps, and unpin those nobody has seen */
void wd_load_undo(struct wd_datapath *dp);

/** wd_load_hold() - these programs are what attachments use from now on; takes them */
void wd_load_hold(struct wd_datapath *dp, const int fd[WD_DIR__MAX]);

/** wd_load_other() - load an object of no rung, with the constants it has; 0 or -errno with dp->failure set */
int wd_load_other(struct wd_datapath *dp, struct bpf_object *obj);

/* ---- ladder.c ---- */

/**
 * wd_ladder_no_tcx() - filters of clsact from now on, because links failed with @err
 * What hangs on links stays there. Noted as an attempt.
 */
void wd_ladder_no_tcx(struct wd_datapath *dp, int err);

/**
 * wd_ladder_unattached() - programs cannot be attached at all: @err; down to the ruleset
 * Where there is none the interface is closed: it must not be open meanwhile.
 * Return: 0 the ruleset guards all, this interface too; or @err.
 */
int wd_ladder_unattached(struct wd_datapath *dp, uint32_t ifindex, int err);

/** wd_ladder_forget() - free what was noted of attempts */
void wd_ladder_forget(struct wd_datapath *dp);

/* ---- part.c: what is loaded beside the programs of pods ---- */

/**
 * wd_part_begin() - may this part be tried now?
 * One that was refused for good waits for a climb, one that failed otherwise
 * for a pause that grows. Clears the last failure.
 * Return: 0; or the -errno of the last try, which is told still.
 */
int wd_part_begin(struct wd_datapath *dp, enum wd_part part);

/**
 * wd_part_end() - it was tried: @err 0, or dp->failure tells, which it takes
 * @error: the first line of why, "" if it was had
 */
void wd_part_end(struct wd_datapath *dp, enum wd_part part, int err,
		 char *error, size_t bytes);

/** wd_part_forget() - all may be tried again, known refusals too if @opts has none */
void wd_part_forget(struct wd_datapath *dp, const struct wd_ladder_opts *opts);

/** wd_part_elf() - the object of a part, by its name; NULL none */
const void *wd_part_elf(const char *object, size_t *ret_bytes);

/** wd_wire_elf(), wd_nf_elf() - the object of an image of wires, of netfilter */
const void *wd_wire_elf(enum wd_part part, size_t *ret_bytes);
const void *wd_nf_elf(enum wd_nf nf, size_t *ret_bytes);

/* ---- netfilter.c ---- */

/**
 * wd_late_inherit() - does what adopted maps say hold, that somebody judges late
 * If not, they say so no more. Before any program is attached to them.
 * Return: 0 or -errno.
 */
int wd_late_inherit(struct wd_datapath *dp);

/** wd_nf_none() - nothing of it is there yet */
void wd_nf_none(struct wd_datapath *dp);

/** wd_nf_close() - let go of all; what is pinned stays */
void wd_nf_close(struct wd_datapath *dp);

/** wd_hostrules_close() - let go of it; what is in the kernel stays */
void wd_hostrules_close(struct wd_datapath *dp);

/** wd_gate_close() - the same of what keeps devices closed */
void wd_gate_close(struct wd_datapath *dp);

/** wd_nf_unpin() - take it off; after the programs of pods. 0 or -errno */
int wd_nf_unpin(const char *dir, enum wd_nf nf);

/* ---- golden.c ---- */

/**
 * wd_golden_run() - do these programs give the golden verdicts?
 * @obj: loaded with maps of its own, all empty
 * Return: 0, -EBADMSG with dp->failure set, or -errno of a failing call.
 */
int wd_golden_run(struct wd_datapath *dp, struct bpf_object *obj,
		  enum wd_rung rung);

/**
 * wd_golden_fill() - fill the maps of @obj with the trial's peers and policy
 * Return: 0 or -errno with dp->failure set.
 */
int wd_golden_fill(struct wd_datapath *dp, struct bpf_object *obj);

/** wd_golden_put() - an entry of a map of @obj; 0 or -errno */
int wd_golden_put(struct bpf_object *obj, enum wd_map map, const void *key,
		  const void *val);

/** wd_golden_count() - packets that @obj has counted of a reason; 0 or -errno */
int wd_golden_count(struct wd_datapath *dp, struct bpf_object *obj,
		    enum wd_reason reason, enum wd_dir way,
		    uint64_t *ret_packets);

/**
 * wd_golden_wire() - do these programs of wires give the golden verdicts?
 * @obj: as of wd_golden_run()
 * @prog: names of its programs
 * Return: as of wd_golden_run()
 */
int wd_golden_wire(struct wd_datapath *dp, struct bpf_object *obj,
		   const char *const prog[WD_FAMILY__MAX][WD_DIR__MAX]);

/**
 * wd_golden_nf() - does this program of netfilter's hooks?
 * @obj, Return: as of wd_golden_run()
 */
int wd_golden_nf(struct wd_datapath *dp, struct bpf_object *obj, enum wd_nf nf);

/**
 * wd_golden_nft() - does this kernel carry out a ruleset as it is meant?
 * In a network namespace of its own, by a child that is gone when it returns:
 * at most some seconds, usually far less than one.
 * Return: 0; -EBADMSG with dp->failure set, a packet got another verdict;
 * -EOPNOTSUPP it could not be tried, with dp->failure set: no namespace, no
 * veth, no time.
 */
int wd_golden_nft(struct wd_datapath *dp);

/** wd_golden_shrink() - make the maps of @obj as small as the trial allows */
int wd_golden_shrink(struct bpf_object *obj);

/* ---- engine.c ---- */

/** wd_engine_inherit() - note what an agent before has attached; 0 or -errno */
int wd_engine_inherit(struct wd_datapath *dp);

/** wd_engine_enter() - each guarded interface gets this engine, too; 0 or -errno */
int wd_engine_enter(struct wd_datapath *dp, enum wd_engine engine);

/** wd_engine_leave() - and is let go of by it; the first -errno after trying all */
int wd_engine_leave(struct wd_datapath *dp, enum wd_engine engine);

/* ---- hold.c ---- */

/** wd_hold_close() - set the interface down and mark it; 0, -ENODEV or -errno */
int wd_hold_close(uint32_t ifindex);

/** wd_hold_open() - set it up if it has our mark; 0, -ENODEV or -errno */
int wd_hold_open(uint32_t ifindex);

/** wd_hold_check() - 0 it has our mark, -ENOLINK, -ENODEV, -errno */
int wd_hold_check(uint32_t ifindex);

struct wd_hold_list {
	uint32_t *ifindex; /* to be freed */
	int cnt;
};

/** wd_hold_list() - every interface of this namespace with our mark; 0 or -errno */
int wd_hold_list(struct wd_hold_list *ret_list);

/* ---- attach.c: the engine of programs ---- */

int wd_progs_attach(struct wd_datapath *dp, uint32_t ifindex);
int wd_progs_check(struct wd_datapath *dp, uint32_t ifindex);
int wd_progs_before(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir dir,
		    uint32_t *ret_prog);
int wd_progs_detach(struct wd_datapath *dp, uint32_t ifindex);
int wd_progs_attached(struct wd_datapath *dp, uint32_t **ret_ifindex);

/* Whose filters: those of these programs, or of others with such a wd_state. */
struct wd_owner {
	uint32_t handle; /* WD_HANDLE_* */
	uint32_t state_id[2]; /* map ids of wd_state, 0 none */
	uint32_t prog_id[WD_DIR__MAX]; /* 0 if not known */
};

/** wd_attach_swap() - existing attachments over to the programs of dp */
int wd_attach_swap(struct wd_datapath *dp);

/**
 * wd_attach_move() - links, and filters of the owner's, over to other programs
 * In place: links stay links, filters stay filters. Stops at the first failure.
 */
int wd_attach_move(const char *dir, const struct wd_owner *owner,
		   const struct wd_progs *to, bool *ret_swapped);

/* ---- tcx.c: everything by pinned link ---- */

/** wd_tcx_probe() - can a link be made? Makes one that does nothing on lo and lets it go; 0 or -errno */
int wd_tcx_probe(void);

/** wd_hurry_begin() - make changes of hooks quick; Return: for wd_hurry_end() */
int wd_hurry_begin(void);
void wd_hurry_end(int hurry);

/** wd_tcx_attach() - @ret_made: it was not attached before, at all */
int wd_tcx_attach(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way,
		  bool *ret_made);
int wd_tcx_check(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way);
int wd_tcx_before(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way,
		  uint32_t *ret_prog);
int wd_tcx_detach(const char *dir, uint32_t ifindex, enum wd_dir way);

/** wd_tcx_guards() - does a pinned link hang there, whatever its program; 0 or -ENOLINK, -ENODEV */
int wd_tcx_guards(const char *dir, uint32_t ifindex, enum wd_dir way);

/**
 * wd_tcx_swap() - one pinned link; removes the pin of a vanished device
 * @ret_swapped: set to true if it had another program
 */
int wd_tcx_swap(const char *dir, uint32_t ifindex, enum wd_dir way,
		const struct wd_progs *to, bool *ret_swapped);

/* ---- clsact.c: a filter of ours, the first of the qdisc ---- */

int wd_clsact_attach(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way,
		     bool *ret_made);
int wd_clsact_check(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way);

/** wd_clsact_detach() - Return: 0 also if the filter is not the owner's */
int wd_clsact_detach(uint32_t ifindex, enum wd_dir way,
		     const struct wd_owner *owner);

/** wd_clsact_guards() - is a filter of the owner's there; 0 or -ENOLINK, -ENODEV */
int wd_clsact_guards(uint32_t ifindex, enum wd_dir way,
		     const struct wd_owner *owner);

/** wd_clsact_swap() - another program for the owner's filter, as wd_tcx_swap() */
int wd_clsact_swap(uint32_t ifindex, enum wd_dir way,
		   const struct wd_owner *owner, const struct wd_progs *to,
		   bool *ret_swapped);

/** wd_clsact_tidy() - drop the qdisc if no filter is left in it */
void wd_clsact_tidy(uint32_t ifindex);

/** wd_clsact_list() - interfaces with a filter of the owner's */
int wd_clsact_list(const struct wd_owner *owner, uint32_t **ret_ifindex);

/* ---- wire.c ---- */

/* What differs between the families: their folder, their filters' handle. */
struct wd_family_kind {
	const char *folder;
	uint32_t handle;
};

extern const struct wd_family_kind wd_families[WD_FAMILY__MAX];

/** wd_wire_folder() - of a family below @dir; 0 or -ENAMETOOLONG */
int wd_wire_folder(char path[WD_DIR_MAX], const char *dir,
		   enum wd_family family);

/** wd_wire_unpin() - remove a family's programs' pins and its folders; 0 or -errno */
int wd_wire_unpin(const char *dir, enum wd_family family);

/**
 * wd_wire_repin() - pin both families' programs again where somebody removed them
 * @ret_found: pins that were not there are added to it
 * Return: 0, also where none are loaded; or -errno
 */
int wd_wire_repin(struct wd_datapath *dp, int *ret_found);

/** wd_wire_free() - let go of both families; what is attached stays */
void wd_wire_free(struct wd_datapath *dp);

/* ---- info.c ---- */

/** wd_prog_info() - Return: 0 or -errno */
int wd_prog_info(int fd, struct bpf_prog_info *ret_info);

/** wd_prog_describe() - fill info's prog_id, tag, verified_insns */
int wd_prog_describe(struct wd_datapath *dp);

/** wd_prog_uses() - 1 if the program uses the map, 0 if not, or -errno */
int wd_prog_uses(int fd, uint32_t map_id);

/** wd_progs_close() - let go of both */
void wd_progs_close(struct wd_progs *progs);

/** wd_map_id() - id of the map behind @fd, 0 if it is none */
uint32_t wd_map_id(int fd);

#endif /* WARDER_DATAPATH_INTERNAL_H */
