/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cni_replay.c - deletions that wait for an agent, from both ends.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/cni_replay.h"

#include "../tap.h"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static char dir[64]; /* the agent's run dir */

static int queued_cnt(void)
{
	char path[128];
	struct dirent *entry;
	int cnt = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/deletions", dir);
	d = opendir(path);
	while (d && (entry = readdir(d)))
		cnt += entry->d_name[0] != '.';
	if (d)
		(void)closedir(d);
	return cnt;
}

static char seen[256];

static void note(void *ctx, const char *container, const char *ifname)
{
	size_t len = strlen(seen);

	*(int *)ctx += 1;
	(void)snprintf(seen + len, sizeof(seen) - len, "<%s %s>", container,
		       ifname);
}

static void replay_tells_each_once_and_forgets(void)
{
	int cnt = 0;

	seen[0] = '\0';
	wd_expect_int(0, wd_cni_queue_add(dir, "a-b_c.d", "eth0"));
	wd_expect_int(0, wd_cni_queue_add(dir, "a", "e-0.1"));
	wd_expect_int(0, wd_cni_queue_add(dir, "a", "e-0.1"));

	wd_expect_int(0, wd_cni_replay(dir, note, &cnt));
	wd_expect_int(2, cnt);
	wd_expect(strstr(seen, "<a-b_c.d eth0>"));
	wd_expect(strstr(seen, "<a e-0.1>"));
	wd_expect_int(0, queued_cnt());
	wd_expect_int(0, wd_cni_replay(dir, note, &cnt));
	wd_expect_int(2, cnt);
}

static void replay_passes_over_foreign_files(void)
{
	static const char *const names[] = { "x", "a:b:c",
					     "a:", "a:0123456789abcdef" };
	char path[160];
	int cnt = 0;

	wd_expect_int(0, wd_cni_queue_add(dir, "a", "eth0"));
	for (size_t i = 0; i < ROWS(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/deletions/%s", dir,
			       names[i]);
		(void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}

	wd_expect_int(0, wd_cni_replay(dir, note, &cnt));
	wd_expect_int(1, cnt);
	wd_expect_int((long long)ROWS(names), queued_cnt());
	for (size_t i = 0; i < ROWS(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/deletions/%s", dir,
			       names[i]);
		(void)unlink(path);
	}
}

static void queue_takes_no_name_that_leads_elsewhere(void)
{
	static const struct {
		const char *container;
		const char *ifname;
	} rows[] = {
		{ "", "eth0" },	   { "..", "eth0" },
		{ "a/b", "eth0" }, { "a:b", "eth0" },
		{ "a", "" },	   { "a", "/eth0" },
		{ "a", "e:0" },	   { "a", "0123456789abcdef" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		wd_test_row(rows[i].container);
		wd_expect_int(-EINVAL, wd_cni_queue_add(dir, rows[i].container,
							rows[i].ifname));
	}
	wd_expect_int(0, queued_cnt());
}

static void queue_is_full_at_its_limit(void)
{
	char name[32];
	int cnt = 0;

	for (int i = 0; i < WD_REPLAY_MAX; i++) {
		(void)snprintf(name, sizeof(name), "c-%d", i);
		if (wd_cni_queue_add(dir, name, "eth0"))
			cnt++;
	}
	wd_expect_int(0, cnt);
	wd_expect_int(-ENOSPC, wd_cni_queue_add(dir, "c1", "eth0"));
	wd_expect_int(WD_REPLAY_MAX, queued_cnt());

	wd_expect_int(0, wd_cni_replay(dir, note, &cnt));
	wd_expect_int(WD_REPLAY_MAX, cnt);
	wd_expect_int(0, queued_cnt());
}

static void queue_is_ours_alone_and_no_link(void)
{
	char path[128], elsewhere[128];
	struct stat st;
	int cnt = 0;

	(void)snprintf(path, sizeof(path), "%s/deletions", dir);
	(void)snprintf(elsewhere, sizeof(elsewhere), "%s.else", dir);
	wd_expect_int(0, wd_cni_queue_add(dir, "a", "eth0"));
	wd_expect_int(0, stat(path, &st));
	wd_expect_int(0700, st.st_mode & 0777);
	wd_expect_int(0, wd_cni_queue_remove(dir, "a", "eth0"));
	wd_expect_int(0, rmdir(path));

	wd_expect_int(0, mkdir(elsewhere, 0700));
	wd_expect_int(0, symlink(elsewhere, path));
	wd_expect(wd_cni_queue_add(dir, "a", "eth0") < 0);
	wd_expect(wd_cni_replay(dir, note, &cnt) < 0);
	wd_expect_int(0, rmdir(elsewhere)); /* nothing went there */
	wd_expect_int(0, unlink(path));
}

static void queue_is_not_there_before_it_is_needed(void)
{
	char path[128];
	int cnt = 0;

	(void)snprintf(path, sizeof(path), "%s.none", dir);
	wd_expect_int(0, wd_cni_replay(path, note, &cnt));
	wd_expect_int(0, wd_cni_queue_has(path, "a", "eth0"));
	wd_expect_int(0, wd_cni_queue_remove(path, "a", "eth0"));
	wd_expect_int(-ENOENT, access(path, F_OK) ? -errno : 0);
}

int main(void)
{
	char path[128];

	(void)snprintf(dir, sizeof(dir), "/tmp/wdt-%d-replay", (int)getpid());
	WD_TEST(replay_tells_each_once_and_forgets);
	WD_TEST(replay_passes_over_foreign_files);
	WD_TEST(queue_takes_no_name_that_leads_elsewhere);
	WD_TEST(queue_is_full_at_its_limit);
	WD_TEST(queue_is_ours_alone_and_no_link);
	WD_TEST(queue_is_not_there_before_it_is_needed);
	(void)snprintf(path, sizeof(path), "%s/deletions", dir);
	(void)rmdir(path);
	(void)rmdir(dir);
	return wd_tests_end();
}
