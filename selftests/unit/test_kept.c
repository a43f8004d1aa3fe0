/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_kept.c - what was in force is in force again after a restart: copies
 * of manifests as they were when they could be read, and when they are not
 * used.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/unread.h"
#include "model/store.h"
#include "source/kept.h"

#include "../tap.h"
#include "mdir.h"

/* A new version of the file, read, and a copy of it kept. */
static void version(const char *text)
{
	mdir_put("a.yaml", text);
	wd_expect(wd_manifests_poll(mdir_src) >= 0);
	wd_manifests_flush(mdir_src);
}

/* Full name of the copy @nr of a.yaml. */
static const char *copy_path(unsigned int nr)
{
	static char path[512];
	char end[16];
	struct dirent *entry;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/kept", mdir_state);
	(void)snprintf(end, sizeof(end), ".%u", nr);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, end) == 0) {
			(void)snprintf(path, sizeof(path), "%s/kept/%s",
				       mdir_state, entry->d_name);
			break;
		}
	}
	if (d)
		(void)closedir(d);
	return path;
}

static void a_restart_beside_a_broken_file_keeps_the_last_good(void)
{
	mdir_begin(true);
	version(DOC("x", "1") DOC("y", "1"));
	version(DOC("x", "2"));
	version(UNPARSABLE);
	wd_expect_int(2, mdir_port("x"));
	mdir_restart();
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(0, mdir_port("y"));
	wd_expect_str("kept a.yaml:3", mdir_problems());
	/* Once more, and with a version that says something again. */
	mdir_restart();
	wd_expect_int(2, mdir_port("x"));
	version(DOC("y", "3"));
	wd_expect_int(0, mdir_port("x"));
	wd_expect_int(3, mdir_port("y"));
	mdir_end();
}

static void a_file_that_broke_while_the_agent_was_away_is_no_loss(void)
{
	mdir_begin(true);
	version(DOC("x", "1"));
	mdir_put("a.yaml", REFUSED("x") DOC("y", "2"));
	mdir_restart();
	wd_expect_int(1, mdir_port("x"));
	wd_expect_int(2, mdir_port("y"));
	mdir_put("a.yaml", "");
	mdir_restart();
	wd_expect_int(1, mdir_port("x"));
	mdir_end();
}

static void an_empty_file_that_never_said_anything_is_no_problem(void)
{
	mdir_begin(true);
	mdir_put("a.yaml", "");
	mdir_restart();
	wd_expect_str("", mdir_problems());
	/* Beside it: one that had something is told of. */
	version(DOC("x", "1"));
	mdir_put("a.yaml", "");
	mdir_restart();
	wd_expect_int(1, mdir_port("x"));
	wd_expect_str("kept a.yaml:0", mdir_problems());
	mdir_end();
}

/* The copy is for what cannot be read, and only for that. */
static void a_good_file_needs_no_copy(void)
{
	mdir_begin(true);
	version(DOC("x", "1") DOC("y", "1"));
	mdir_put("a.yaml", DOC("x", "2"));
	mdir_restart();
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(0, mdir_port("y"));
	mdir_put("a.yaml", DOC("x", "3") REFUSED("z"));
	mdir_restart();
	wd_expect_int(3, mdir_port("x"));
	wd_expect_int(0, mdir_port("y"));
	wd_expect_int(0, mdir_port("z"));
	mdir_end();
}

/* Each version over those before it: 1 said y, 2 said x and refused y, 3 refused both. */
static void versions_understood_in_part_are_a_chain(void)
{
	mdir_begin(true);
	version(DOC("x", "1") DOC("y", "1") DOC("z", "1"));
	wd_expect_int(1, mdir_copies());
	version(DOC("x", "2") REFUSED("y"));
	wd_expect_int(2, mdir_copies());
	version(REFUSED("x") REFUSED("y") DOC("w", "3"));
	wd_expect_int(3, mdir_copies());
	for (int i = 0; i < 3; i++) {
		wd_expect_int(2, mdir_port("x"));
		wd_expect_int(1, mdir_port("y"));
		wd_expect_int(0, mdir_port("z"));
		wd_expect_int(3, mdir_port("w"));
		mdir_restart();
		wd_manifests_flush(mdir_src);
		wd_expect_int(3, mdir_copies());
	}
	mdir_put("a.yaml", UNPARSABLE);
	mdir_restart();
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(1, mdir_port("y"));
	wd_expect_int(3, mdir_port("w"));
	mdir_end();
}

static void a_clean_version_drops_those_before_it(void)
{
	mdir_begin(true);
	version(DOC("x", "1"));
	version(REFUSED("x") DOC("y", "2"));
	version(UNPARSABLE DOC("y", "3"));
	wd_expect(mdir_copies() > 1);
	version(DOC("y", "4"));
	wd_expect_int(1, mdir_copies());
	mdir_put("a.yaml", UNPARSABLE);
	mdir_restart();
	wd_expect_int(0, mdir_port("x"));
	wd_expect_int(4, mdir_port("y"));
	mdir_end();
}

/* Many versions in part: what is told of each object last still holds. */
static void the_chain_has_an_end_and_the_newest_is_kept(void)
{
	char text[1024];

	mdir_begin(true);
	version(DOC("x", "1") DOC("y", "1"));
	for (int i = 2; i < 30; i++) {
		(void)snprintf(text, sizeof(text), DOC("x", "%d") REFUSED("y"),
			       i);
		version(text);
	}
	wd_expect_int(WD_KEPT_MAX, mdir_copies());
	mdir_put("a.yaml", UNPARSABLE);
	mdir_restart();
	wd_expect_int(29, mdir_port("x"));
	wd_expect_int(1, mdir_port("y"));
	mdir_end();
}

static void a_file_deleted_while_the_agent_was_away_is_gone(void)
{
	mdir_begin(true);
	version(DOC("x", "1"));
	wd_expect_int(1, mdir_copies());
	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	mdir_restart();
	wd_expect_int(0, mdir_port("x"));
	wd_expect_int(0, mdir_copies());
	mdir_put("a.yaml", UNPARSABLE);
	wd_expect_int(0, wd_manifests_poll(mdir_src));
	wd_expect_int(0, mdir_port("x"));
	mdir_end();
}

static void a_file_that_goes_takes_its_copies_with_it(void)
{
	mdir_begin(true);
	version(DOC("x", "1"));
	version(DOC("x", "2") REFUSED("y"));
	wd_expect_int(2, mdir_copies());
	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(1, wd_manifests_poll(mdir_src));
	wd_expect_int(0, mdir_copies());
	mdir_end();
}

static void what_was_never_good_has_no_copy(void)
{
	mdir_begin(true);
	version(UNPARSABLE);
	wd_expect_int(0, mdir_copies());
	version(REFUSED("x"));
	wd_expect_int(0, mdir_copies());
	mdir_restart();
	wd_expect_int(0, mdir_port("x"));
	mdir_end();
}

static void a_directory_that_is_away_is_read_from_its_copies(void)
{
	char away[80];

	mdir_begin(true);
	version(DOC("x", "1"));
	version(DOC("y", "2") REFUSED("x"));
	(void)snprintf(away, sizeof(away), "%s.away", mdir);
	wd_expect_int(0, rename(mdir, away));
	for (int i = 0; i < 2; i++) {
		mdir_restart();
		wd_expect_int(1, mdir_port("x"));
		wd_expect_int(2, mdir_port("y"));
		wd_manifests_flush(mdir_src);
	}
	wd_expect_int(0, rename(away, mdir));
	wd_expect_int(0, wd_manifests_scan(mdir_src));
	wd_expect_int(1, mdir_port("x"));
	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(2, wd_manifests_poll(mdir_src));
	mdir_end();
}

static void copies_are_made_again_when_the_state_is_lost(void)
{
	mdir_begin(true);
	version(DOC("x", "1"));
	wd_expect_int(0, unlink(copy_path(0)));
	mdir_restart();
	wd_manifests_flush(mdir_src);
	wd_expect_int(1, mdir_copies());
	mdir_end();
}

/* @change one byte, or cut, at @at (from the end where negative). */
static void spoil(const char *path, long at, bool cut)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t where;
	char byte;

	if (fd < 0)
		abort();
	where = lseek(fd, at, at < 0 ? SEEK_END : SEEK_SET);
	if (cut) {
		wd_expect_int(0, ftruncate(fd, where));
	} else {
		wd_expect_int(1, pread(fd, &byte, 1, where));
		byte ^= 1;
		wd_expect_int(1, pwrite(fd, &byte, 1, where));
	}
	(void)close(fd);
}

static void expect_waits(bool want, const char *text)
{
	char *what = wd_manifests_waits_for(mdir_src);

	wd_expect_int(want, what != NULL);
	if (what)
		wd_expect(strstr(what, text));
	free(what);
}

static void a_copy_that_is_not_whole_is_not_used(void)
{
	static const struct {
		const char *name;
		long at;
		bool cut;
	} rows[] = {
		{ "empty", 0, true },	     { "half a head", 10, true },
		{ "no text", 60, true },     { "a byte missing", -1, true },
		{ "other magic", 0, false }, { "other version", 12, false },
		{ "other path", 70, false }, { "a bit of the text", -8, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].name);
		mdir_begin(true);
		version(DOC("x", "1"));
		mdir_put("a.yaml", UNPARSABLE);
		spoil(copy_path(0), rows[i].at, rows[i].cut);
		mdir_restart();
		wd_expect_int(0, mdir_port("x"));
		wd_expect_str("kept a.yaml:3", mdir_problems());
		wd_expect_int(1, (int)wd_unread_cnt());
		expect_waits(true, "/a.yaml' cannot be used");
		version(DOC("y", "1") REFUSED("z")); /* x may have been there */
		expect_waits(true, "/a.yaml' cannot be used");
		wd_expect_int(0, mdir_copies_aside());
		version(DOC("x", "2"));
		expect_waits(false, "");
		wd_expect_int(1, mdir_copies_aside());
		wd_unread_fini();
		mdir_restart();
		wd_expect_int(2, mdir_port("x"));
		wd_expect_int(0, (int)wd_unread_cnt());
		mdir_end();
	}
	wd_test_row(NULL);
}

/* A later copy that is spoilt does not spoil those before it. */
static void a_chain_is_used_up_to_the_copy_that_is_not_whole(void)
{
	mdir_begin(true);
	version(DOC("x", "1") DOC("y", "1"));
	version(DOC("x", "2") REFUSED("y"));
	mdir_put("a.yaml", UNPARSABLE);
	spoil(copy_path(1), -2, true);
	mdir_restart();
	wd_expect_int(1, mdir_port("x"));
	wd_expect_int(1, mdir_port("y"));
	expect_waits(true, "/a.yaml'"); /* 1 may have said something else */
	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(2, wd_manifests_poll(mdir_src));
	expect_waits(false, "");
	wd_unread_fini();
	mdir_end();
}

static void
a_file_that_is_cut_off_beside_a_copy_that_is_not_whole_is_waited_for(void)
{
	mdir_begin(true);
	version(DOC("x", "1"));
	mdir_put("a.yaml", "");
	spoil(copy_path(0), -8, false);
	mdir_restart();
	expect_waits(true, "/a.yaml'");
	wd_expect_str("kept a.yaml:0", mdir_problems());
	mdir_put("a.yaml", ""); /* renamed over it: its objects are to go */
	wd_expect_int(0, wd_manifests_poll(mdir_src));
	expect_waits(false, "");
	wd_unread_fini();
	mdir_end();
}

/* Of which file it was nobody knows. */
static void
a_directory_that_is_away_and_a_copy_that_is_not_whole_are_waited_for(void)
{
	static const long at[] = { 70, -8 }; /* its path, its text */
	char away[80];

	for (size_t i = 0; i < 2; i++) {
		mdir_begin(true);
		version(DOC("x", "1"));
		(void)snprintf(away, sizeof(away), "%s.away", mdir);
		wd_expect_int(0, rename(mdir, away));
		spoil(copy_path(0), at[i], false);
		mdir_restart();
		expect_waits(true, i ? "/a.yaml'" : "a copy of what its files");
		wd_expect_int(0, rename(away, mdir));
		wd_expect_int(1, wd_manifests_scan(mdir_src));
		expect_waits(false, "");
		wd_unread_fini();
		mdir_end();
	}
}

static void a_copy_that_is_not_whole_is_made_again_beside_a_good_file(void)
{
	mdir_begin(true);
	version(DOC("x", "1"));
	spoil(copy_path(0), -8, false);
	mdir_restart();
	wd_manifests_flush(mdir_src);
	wd_expect_int(1, (int)wd_unread_cnt());
	mdir_put("a.yaml", UNPARSABLE);
	mdir_restart();
	wd_expect_int(1, mdir_port("x"));
	expect_waits(false, "");
	wd_unread_fini();
	mdir_end();
}

/* More problems than are told must not make a broken file look clean. */
static void a_file_with_countless_warnings_is_not_clean(void)
{
	size_t size = 400000;
	char *text = malloc(size);
	size_t len = 0;

	mdir_begin(true);
	version(DOC("x", "1"));
	len += (size_t)snprintf(text, size,
				"apiVersion: v1\nkind: PodList\nitems:\n");
	for (int i = 0; i < 1100; i++)
		len += (size_t)snprintf(
			text + len, size - len,
			"- metadata: {name: p%d, annotations: {warder.io/mode: z}}\n",
			i);
	(void)snprintf(text + len, size - len, "%s", REFUSED("x"));
	version(text);
	wd_expect_int(1, mdir_port("x"));
	mdir_restart();
	wd_expect_int(1, mdir_port("x"));
	mdir_end();
	free(text);
}

int main(void)
{
	WD_TEST(a_restart_beside_a_broken_file_keeps_the_last_good);
	WD_TEST(a_file_that_broke_while_the_agent_was_away_is_no_loss);
	WD_TEST(an_empty_file_that_never_said_anything_is_no_problem);
	WD_TEST(a_good_file_needs_no_copy);
	WD_TEST(versions_understood_in_part_are_a_chain);
	WD_TEST(a_clean_version_drops_those_before_it);
	WD_TEST(the_chain_has_an_end_and_the_newest_is_kept);
	WD_TEST(a_file_deleted_while_the_agent_was_away_is_gone);
	WD_TEST(a_file_that_goes_takes_its_copies_with_it);
	WD_TEST(what_was_never_good_has_no_copy);
	WD_TEST(a_directory_that_is_away_is_read_from_its_copies);
	WD_TEST(copies_are_made_again_when_the_state_is_lost);
	WD_TEST(a_copy_that_is_not_whole_is_not_used);
	WD_TEST(a_chain_is_used_up_to_the_copy_that_is_not_whole);
	WD_TEST(a_file_that_is_cut_off_beside_a_copy_that_is_not_whole_is_waited_for);
	WD_TEST(a_directory_that_is_away_and_a_copy_that_is_not_whole_are_waited_for);
	WD_TEST(a_copy_that_is_not_whole_is_made_again_beside_a_good_file);
	WD_TEST(a_file_with_countless_warnings_is_not_clean);
	return wd_tests_end();
}
