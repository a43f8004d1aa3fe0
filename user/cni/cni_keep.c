/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_keep.c - keeps warder-cni in the plugin chain, whoever writes it anew: the
 * primary plugin does when it starts, and a pod that comes up without us is
 * found, but not guarded from its first packet.
 *
 * The directory is watched, and looked at now and then for what inotify does not
 * tell of: that the directory itself came or was replaced.
 */
#include "cni_keep.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "../agent/agent.h"
#include "../base/log.h"
#include "../base/now.h"
#include "../events/journal.h"
#include "../model/xalloc.h"
#include "cni_chain.h"

#define SETTLE_MS 50 /* its writer may have more to write */
#define SETTLE_MAX_MS 500 /* where it is written again and again */
#define LOOK_MS 10000
#define QUIET_MS 30000 /* without a change: nobody takes it out any more */
#define STRIFE 8 /* changes in a row: two programs both want the last word */
#define EVENTS \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)

struct wd_cni_keep {
	struct wd_agent *agent;
	struct wd_timer *timer;
	int fd; /* of inotify, -1 none */
	bool soon; /* the timer is set for what an event told of */
	unsigned int put_cnt; /* changes in a row */
	int64_t put_ms; /* when the last was, of wd_now_ms() */
	char *wrong; /* what was told to be wrong, NULL nothing */
};

static void tell(struct wd_cni_keep *keep, enum wd_phase phase,
		 enum wd_log_level level, const char *text)
{
	const struct wd_happens happens = {
		.what = WD_HAPPENS_CNI,
		.phase = phase,
		.level = level,
	};

	wd_journal_tell(keep->agent->journal, &happens, "cni: %s", text);
}

/* @why: NULL nothing is wrong. Takes it. */
static void note_wrong(struct wd_cni_keep *keep, char *why)
{
	if (why && (!keep->wrong || strcmp(why, keep->wrong) != 0))
		tell(keep, WD_BEGINS, WD_LOG_WARN, why);
	else if (!why && keep->wrong)
		tell(keep, WD_ENDS, WD_LOG_INFO,
		     "the chain of plugins is as it is to be again");
	free(keep->wrong);
	keep->wrong = why;
}

/* Of somebody who writes it without us, or of another who must be last. */
static bool is_strife(struct wd_cni_keep *keep, bool put)
{
	int64_t now = wd_now_ms();

	if (!put && now - keep->put_ms > QUIET_MS)
		keep->put_cnt = 0;
	if (put) {
		keep->put_ms = now;
		keep->put_cnt++;
	}
	return keep->put_cnt >= STRIFE;
}

/* Less and less soon: neither the disk nor the log is for the two of us. */
static uint64_t settle_ms(const struct wd_cni_keep *keep)
{
	uint64_t ms = SETTLE_MS;

	for (unsigned int i = 0; i < keep->put_cnt && ms < SETTLE_MAX_MS; i++)
		ms *= 2;
	return ms < SETTLE_MAX_MS ? ms : SETTLE_MAX_MS;
}

/* Return: as wd_cni_chain_add(). */
static int look(struct wd_cni_keep *keep)
{
	const struct wd_config *config = &keep->agent->config;
	char *path = NULL, *why = NULL, *text = NULL;
	int did = wd_cni_chain_add(config->cni_conf, config->run_dir, &path,
				   &why);
	bool strife = is_strife(keep, did > 0 || did == -EAGAIN);

	if (did > 0 && !strife) {
		text = wd_xprintf(WD_CNI_PLUGIN " was put at the end of '%s'",
				  path);
		tell(keep, WD_ONCE, WD_LOG_INFO, text);
	}
	if (strife && (did >= 0 || did == -EAGAIN))
		note_wrong(
			keep,
			wd_xprintf(
				"somebody writes '%s' again and again without " WD_CNI_PLUGIN
				" at its end; it is put back, but pods that start in between are unguarded, until they are found",
				path));
	else if (did >= 0)
		note_wrong(keep, NULL);
	else if (did == -ENOENT)
		note_wrong(keep, wd_xprintf("no configuration in '%s' yet",
					    config->cni_conf));
	else
		note_wrong(
			keep,
			wd_xprintf(
				"'%s' has no " WD_CNI_PLUGIN
				" at its end: %s; pods start unguarded, until they are found",
				path ?: config->cni_conf,
				why ?: wd_errno(did)));
	free(path);
	free(why);
	free(text);
	return did;
}

/* Again and again: the same directory costs nothing, another one is followed. */
static void follow(struct wd_cni_keep *keep)
{
	if (keep->fd >= 0 &&
	    inotify_add_watch(keep->fd, keep->agent->config.cni_conf, EVENTS) <
		    0)
		wd_debug("cni: '%s' is not watched: %s",
			 keep->agent->config.cni_conf, wd_errno(errno));
}

static void on_timer(void *ctx)
{
	struct wd_cni_keep *keep = ctx;

	int did;

	follow(keep); /* before looking: nothing may change unseen */
	keep->soon = false;
	did = look(keep);
	wd_timer_set(keep->timer, did == -EAGAIN ? settle_ms(keep) : LOOK_MS);
	keep->soon = did == -EAGAIN;
}

/*
 * Our own rename is among them; it finds nothing to do then. More events do not put
 * off the look that the first one asked for, or it would never come.
 */
static void on_event(void *ctx, int fd, uint32_t events)
{
	struct wd_cni_keep *keep = ctx;
	char buf[1024];

	(void)events;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	if (!keep->soon)
		wd_timer_set(keep->timer, settle_ms(keep));
	keep->soon = true;
}

static int watch(struct wd_cni_keep *keep)
{
	keep->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (keep->fd < 0)
		return -errno;
	return wd_loop_add(keep->agent->loop, keep->fd, EPOLLIN, on_event,
			   keep);
}

int wd_cni_keep_open(struct wd_agent *agent, struct wd_cni_keep **ret_keep)
{
	struct wd_cni_keep *keep;
	int err;

	*ret_keep = NULL;
	if (!agent->config.cni_conf)
		return 0;
	keep = wd_xcalloc(1, sizeof(*keep));
	keep->agent = agent;
	keep->fd = -1;
	err = wd_timer_new(agent->loop, on_timer, keep, &keep->timer);
	if (err) {
		free(keep);
		return err;
	}
	err = watch(keep);
	if (err)
		wd_warn("cni: '%s' is looked at every %d s only, ignoring: %s",
			agent->config.cni_conf, LOOK_MS / 1000, wd_errno(err));
	on_timer(keep);
	*ret_keep = keep;
	return 0;
}

void wd_cni_keep_free(struct wd_cni_keep *keep)
{
	if (!keep)
		return;
	if (keep->fd >= 0) {
		wd_loop_del(keep->agent->loop, keep->fd);
		(void)close(keep->fd);
	}
	wd_timer_free(keep->timer);
	free(keep->wrong);
	free(keep);
}
