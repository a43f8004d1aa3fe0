/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - the first and only process of the machine. It need not be robust
 * against anybody but the kernel: what goes wrong is said, then the next thing
 * is tried.
 */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "../datapath/ask.h"
#include "../datapath/datapath.h"
#include "../datapath/ladder.h"
#include "asking.h"
#include "questions.h"
#include "state.h"
#include "trial.h"

#define PORT "/dev/ttyS1"
#define BPFFS "/sys/fs/bpf/warder"
#define LOOPBACK 1
#define ANSWERS_A_LINE 256
#define RULESET "ruleset"
#define RULESET_S 60 /* for all of it, emulated */

static FILE *port;

static void tell(struct json_object *doc)
{
	/* nobody is left to tell of a port that fails */
	(void)fprintf(port, "%s\n",
		      json_object_to_json_string_ext(
			      doc, JSON_C_TO_STRING_PLAIN |
					   JSON_C_TO_STRING_NOSLASHESCAPE));
	(void)fflush(port);
	json_object_put(doc);
}

/* ---- the machine ---- */

static void mount_all(void)
{
	static const struct {
		const char *type;
		const char *at;
	} mounts[] = { { "proc", "/proc" },
		       { "sysfs", "/sys" },
		       { "tmpfs", "/tmp" },
		       { "bpf", "/sys/fs/bpf" } };

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		int err = mount(mounts[i].type, mounts[i].at, mounts[i].type, 0,
				NULL) ?
				  -errno :
				  0;

		if (err)
			printf("warder: mounting %s: %s\n", mounts[i].at,
			       wd_errno(err));
	}
}

/* Before 5.11 maps count against it. */
static void lift_memlock(void)
{
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	(void)setrlimit(RLIMIT_MEMLOCK, &none); /* root may; else maps tell */
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void load_module(const char *name)
{
	struct json_object *doc;
	char path[512];
	int fd, err = 0;

	(void)snprintf(path, sizeof(path), WD_GUEST_MODULES "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		err = -errno;
	if (fd >= 0)
		(void)close(fd); /* was only read */
	if (!err || err == -EEXIST)
		return;
	doc = json_object_new_object();
	wd_json_str(doc, "module", name + 3); /* "00-" */
	wd_json_str(doc, "error", wd_errno(err));
	tell(doc);
}

static void load_modules(void)
{
	char *name[64];
	size_t cnt = 0;
	DIR *dir = opendir(WD_GUEST_MODULES);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) && cnt < 64)
		if (entry->d_name[0] != '.' && strlen(entry->d_name) > 3) {
			name[cnt] = strdup(entry->d_name);
			cnt += name[cnt] != NULL;
		}
	if (dir)
		(void)closedir(dir); /* was only read */
	qsort(name, cnt, sizeof(*name), by_name);
	for (size_t i = 0; i < cnt; i++) {
		load_module(name[i]);
		free(name[i]);
	}
}

/* ---- objects ---- */

static void tell_object(size_t i, int err, const struct wd_ask_load *load)
{
	struct json_object *doc = json_object_new_object(), *array, *obj;

	wd_json_str(doc, "object", wd_ask_object(i));
	wd_json_str(doc, "rung", wd_ask_rung(i));
	wd_json_bool(doc, "loads", !err);
	wd_json_str(doc, "error", err ? wd_errno(err) : NULL);
	wd_json_str(doc, "log", load->log);
	wd_json_int(doc, "load_us", (int64_t)load->load_us);
	array = wd_json_array(doc, "programs");
	for (int way = 0; way < WD_DIR__MAX; way++) {
		obj = wd_json_push(array);
		wd_json_str(obj, "name", load->prog[way].name);
		wd_json_int(obj, "insns", load->prog[way].insns);
		wd_json_str(obj, "stack", load->prog[way].stack);
	}
	tell(doc);
}

static void tell_answers(const char *object, size_t from, const uint8_t *answer,
			 size_t cnt)
{
	struct json_object *doc = json_object_new_object();
	char hex[2 * ANSWERS_A_LINE + 1] = "";

	for (size_t i = 0; i < cnt; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", answer[i]);
	wd_json_str(doc, "answers", object);
	wd_json_int(doc, "from", (int64_t)from);
	wd_json_str(doc, "hex", hex);
	tell(doc);
}

static void ask_all(const char *object, struct wd_ask *ask,
		    const struct wd_state *state,
		    const struct wd_questions *questions)
{
	uint8_t answer[ANSWERS_A_LINE];
	size_t cnt = 0;
	int err = wd_asking_fill(ask, state);

	for (size_t i = 0; i < questions->cnt; i++) {
		answer[cnt++] =
			err ? WD_ANSWER_FAILED :
			      wd_asking_one(ask, state, &questions->list[i]);
		if (cnt < ANSWERS_A_LINE && i + 1 < questions->cnt)
			continue;
		tell_answers(object, i + 1 - cnt, answer, cnt);
		cnt = 0;
	}
}

static void try_objects(const struct wd_state *state,
			const struct wd_questions *questions)
{
	for (size_t i = 0; wd_ask_object(i); i++) {
		struct wd_ask *ask = NULL;
		struct wd_ask_load load;
		int err = wd_ask_open(i, &ask, &load);

		tell_object(i, err, &load);
		free(load.log);
		if (!err && state)
			ask_all(wd_ask_object(i), ask, state, questions);
		if (!err)
			wd_ask_close(ask);
	}
}

/* ---- the data path as the agent has it: golden packets, maps, attachment ---- */

static void tell_attempts(const struct wd_ladder *ladder)
{
	for (int i = 0; i < ladder->attempts; i++) {
		struct json_object *doc = json_object_new_object();

		wd_json_str(doc, "attempt",
			    wd_rung_name(ladder->attempt[i].rung));
		wd_json_str(doc, "object", ladder->attempt[i].object);
		wd_json_str(doc, "text", ladder->attempt[i].text);
		tell(doc);
	}
}

static void put_ladder(const struct wd_datapath *dp, struct json_object *obj)
{
	const struct wd_ladder *ladder = wd_ladder(dp);

	wd_json_str(obj, "rung", wd_rung_name(ladder->rung));
	wd_json_str(obj, "object", ladder->object);
	wd_json_str(obj, "attach",
		    ladder->rung == WD_RUNG_HOLD		  ? NULL :
		    ladder->rung == WD_RUNG_NFT			  ? "nft" :
		    wd_datapath_info(dp)->attach == WD_ATTACH_TCX ? "tcx" :
								    "clsact");
	tell_attempts(ladder);
}

/* What hangs on netfilter, as the node has it. @key: "late", "host" */
static void try_netfilter(struct wd_datapath *dp, enum wd_nf nf,
			  const char *key, struct json_object *obj)
{
	int err = wd_nf_open(dp, nf);
	char *error = NULL;

	wd_json_bool(obj, key, !err);
	wd_format(&error, "%s_error", key);
	if (err)
		wd_json_str(obj, error,
			    *wd_nf_error(dp, nf) ? wd_nf_error(dp, nf) :
						   wd_errno(err));
	free(error);
	(void)wd_nf_leave(dp, nf); /* the end is near */
}

/* What judges that traffic between nodes is encrypted. */
static void try_wires(struct wd_datapath *dp, struct json_object *obj)
{
	int err = wd_wire_open(dp);

	if (!err)
		err = wd_wire_attach(dp, WD_FAMILY_WIRE, LOOPBACK);
	if (!err)
		err = wd_wire_check(dp, WD_FAMILY_WIRE, LOOPBACK);
	wd_json_bool(obj, "wires", !err);
	if (err)
		wd_json_str(obj, "wires_error",
			    *wd_wire_info(dp)->error ? wd_wire_info(dp)->error :
						       wd_errno(err));
	/* the end is near */
	(void)wd_wire_detach(dp, WD_FAMILY_WIRE, LOOPBACK);
}

/* @state: of the node, NULL none */
static void try_datapath(const struct wd_state *state)
{
	bool late = state && (state->flags & WD_STATE_LATE);
	const struct wd_ladder_opts opts = { .top = WD_RUNG_FULL,
					     .bottom = WD_RUNG_HOLD };
	struct json_object *doc = json_object_new_object();
	struct json_object *obj = wd_json_object(doc, "datapath");
	struct wd_datapath *dp = NULL;
	char *why = NULL;
	int err = wd_datapath_open_at(BPFFS, &opts, &dp, &why);

	wd_json_bool(obj, "opens", !err);
	if (err)
		wd_json_str(obj, "error", why ?: wd_errno(err));
	free(why);
	if (!err) {
		err = wd_datapath_attach(dp, LOOPBACK);
		if (!err)
			err = wd_datapath_check(dp, LOOPBACK);
		put_ladder(dp, obj); /* attaching may be a step down */
		wd_json_bool(obj, "attaches", !err);
		if (err)
			wd_json_str(obj, "error", wd_errno(err));
		if (late && wd_datapath_has_programs(dp))
			try_netfilter(dp, WD_NF_LATE, "late", obj);
		if (state && state->host && wd_datapath_has_programs(dp))
			try_netfilter(dp, WD_NF_HOST, "host", obj);
		(void)wd_datapath_detach(dp, LOOPBACK); /* the end is near */
		if (state && state->encrypt && wd_datapath_has_programs(dp))
			try_wires(dp, obj);
		wd_datapath_close(dp);
	}
	tell(doc);
}

static void tell_failure(const char *what, const char *why)
{
	struct json_object *doc = json_object_new_object();

	wd_json_str(doc, "failed", what);
	wd_json_str(doc, "error", why);
	tell(doc);
}

/* ---- the ruleset of the rung below programs ---- */

/* @err: -ELIBACC says that it was not tried */
static void tell_ruleset(int err, const char *why, uint64_t load_us)
{
	struct json_object *doc = json_object_new_object();

	wd_json_str(doc, "object", RULESET);
	wd_json_str(doc, "rung", wd_rung_name(WD_RUNG_NFT));
	wd_json_bool(doc, "loads", !err);
	wd_json_bool(doc, "untried", err == -ELIBACC);
	wd_json_str(doc, "error", err ? why ?: wd_errno(err) : NULL);
	wd_json_int(doc, "load_us", (int64_t)load_us);
	(void)wd_json_array(doc, "programs");
	tell(doc);
}

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* @trial: NULL: there is none, because of @err and @why */
static void try_host_rules(struct wd_trial *trial, int err, const char *no)
{
	struct json_object *doc = json_object_new_object();
	char *why = NULL;

	if (trial)
		err = wd_trial_force_host(trial, &why);
	else
		wd_format(&why, "%s", no ?: wd_errno(err));
	wd_json_bool(doc, "host_rules", !err);
	wd_json_str(doc, "error", err ? why ?: wd_errno(err) : NULL);
	tell(doc);
	free(why);
}

static void ask_ruleset(struct wd_trial *trial,
			const struct wd_questions *questions)
{
	uint8_t *answer = malloc(questions->cnt + 1);
	char *why = NULL;
	int err = answer ? wd_trial_all(trial, questions, answer, &why) :
			   -ENOMEM;

	for (size_t at = 0; !err && at < questions->cnt; at += ANSWERS_A_LINE)
		tell_answers(RULESET, at, answer + at,
			     questions->cnt - at < ANSWERS_A_LINE ?
				     questions->cnt - at :
				     ANSWERS_A_LINE);
	if (err) /* what is missing then is told as that */
		printf("warder: %s\n", why ?: wd_errno(err));
	free(why);
	free(answer);
}

/* In a process of its own, which is in another namespace from then on. */
static void be_trial(const struct wd_state *state,
		     const struct wd_questions *questions)
{
	struct wd_trial *trial = NULL;
	char *why = NULL;
	int err = wd_trial_open(state, &trial, &why);
	uint64_t begun = now_us();

	if (!err)
		err = wd_trial_force(trial, false, &why);
	tell_ruleset(err, why, now_us() - begun);
	if (state->host)
		try_host_rules(trial, err, why);
	if (!err)
		ask_ruleset(trial, questions);
	wd_trial_close(trial);
	free(why);
}

/* Return: 0; -ETIME it was ended; -ECHILD it died. */
static int wait_for(pid_t pid)
{
	uint64_t until = now_us() + RULESET_S * 1000000ULL;
	int status = 0;
	pid_t ended;

	while (!(ended = waitpid(pid, &status, WNOHANG)) && now_us() < until)
		(void)usleep(5000);
	if (ended == pid)
		return WIFEXITED(status) ? 0 : -ECHILD;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return -ETIME;
}

static void try_trial(const struct wd_state *state,
		      const struct wd_questions *questions)
{
	pid_t pid = fork();
	int err;

	if (!pid) {
		be_trial(state, questions);
		_exit(0);
	}
	err = pid < 0 ? -errno : wait_for(pid);
	if (err)
		tell_failure("trying the ruleset",
			     err == -ETIME  ? "it took too long" :
			     err == -ECHILD ? "its process died" :
					      wd_errno(err));
}

/* What is shown wrong by golden packets, the agent does not use. */
static void try_ruleset(const struct wd_state *state,
			const struct wd_questions *questions)
{
	char *why = NULL;
	int err = wd_ask_ruleset(&why);
	struct json_object *doc;

	if (err && err != -EBADMSG) {
		doc = json_object_new_object();
		wd_json_str(doc, "golden", why ?: wd_errno(err));
		tell(doc);
	}
	if (err == -EBADMSG || (err && !state))
		tell_ruleset(err, why, 0);
	else if (!state)
		tell_ruleset(0, NULL, 0);
	else
		try_trial(state, questions);
	free(why);
}

/* Else new namespaces begin with devices whose numbers those of pods have. */
static void spare_numbers(void)
{
	int fd = open("/proc/sys/net/core/fb_tunnels_only_for_init_net",
		      O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		printf("warder: fb_tunnels_only_for_init_net: %s\n",
		       wd_errno(-errno));
	(void)close(fd); /* that was all */
}

/* ---- all of it ---- */

static void tell_up(void)
{
	struct json_object *doc = json_object_new_object();
	struct utsname uts;

	wd_json_str(doc, "up", uname(&uts) ? "" : uts.release);
	tell(doc);
}

static void run(uint64_t seed, size_t most)
{
	struct wd_questions questions = { 0 };
	struct wd_state *state = NULL;
	char *why = NULL;

	if (!access(WD_GUEST_STATE, R_OK)) {
		if (wd_state_read(WD_GUEST_STATE, &state, &why))
			tell_failure("reading the state", why ?: "");
		else if (wd_questions_make(state, seed, most, &questions))
			tell_failure("making the questions", "out of memory");
	}
	try_objects(state, &questions);
	try_datapath(state);
	spare_numbers();
	try_ruleset(state, &questions);
	wd_questions_free(&questions);
	wd_state_free(state);
	free(why);
}

int wd_guest_main(int argc, char **argv)
{
	if (getpid() != 1 || argc != 4) {
		(void)fputs("warder: " WD_GUEST_COMMAND " is the first process "
			    "of a virtual machine, see `warder help "
			    "preflight`\n",
			    stderr);
		return 2;
	}
	mount_all();
	lift_memlock();
	port = fopen(PORT, "we");
	if (!port) {
		printf("warder: " PORT ": %s\n", wd_errno(errno));
		port = stdout;
	}
	tell_up();
	load_modules();
	run(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	tell(json_tokener_parse("{\"end\":true}"));
	sync();
	(void)reboot(RB_POWER_OFF);
	/* Where it cannot be powered off the host ends it: the word was said. */
	for (;;)
		(void)pause();
}
