/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_manifests.c - files that come, change, move and go, and what is in
 * force then. The store's listener counts deletions: what only moves, or
 * cannot be read, must not be gone for a moment.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/store.h"

#include "../tap.h"
#include "mdir.h"

static int poll_now(void)
{
	return wd_manifests_poll(mdir_src);
}

static bool is_announced(void)
{
	struct pollfd p = { .fd = wd_manifests_fd(mdir_src), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void rename_file(const char *from, const char *to)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s", mdir_path(from));
	wd_expect_int(0, rename(path, mdir_path(to)));
}

static void make_dir(const char *name)
{
	wd_expect_int(0, mkdir(mdir_path(name), 0755));
}

/* ---- files ---- */

static void files_are_added_changed_and_deleted(void)
{
	mdir_begin(false);
	wd_expect(!is_announced());
	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect(is_announced());
	wd_expect_int(1, poll_now());
	wd_expect_int(1, mdir_port("x"));
	wd_expect(!is_announced());
	wd_expect_int(0, poll_now());

	mdir_put("a.yaml", DOC("x", "2") DOC("y", "3"));
	wd_expect_int(2, poll_now());
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(3, mdir_port("y"));

	mdir_put("a.yaml", DOC("y", "3"));
	wd_expect_int(1, poll_now());
	wd_expect_int(0, mdir_port("x"));
	wd_expect_int(3, mdir_port("y"));

	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(1, poll_now());
	wd_expect_int(0, mdir_port("y"));
	wd_expect_str("", mdir_problems());
	mdir_end();
}

static void a_scan_sees_the_same_as_a_poll(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect_int(1, wd_manifests_scan(mdir_src));
	wd_expect_int(0, poll_now());
	mdir_put("a.yaml", DOC("x", "2"));
	wd_expect_int(1, wd_manifests_scan(mdir_src));
	wd_expect_int(0, wd_manifests_scan(mdir_src));
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(1, wd_manifests_scan(mdir_src));
	wd_expect_int(0, poll_now());
	wd_expect_int(0, mdir_port("x"));
	mdir_end();
}

static void equal_text_is_no_change(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect_int(1, poll_now());
	mdir_put("a.yaml", "# a comment\n" DOC("x", "1"));
	wd_expect_int(0, poll_now());
	wd_expect_int(1, mdir_port("x"));
	mdir_end();
}

static void files_written_in_place_are_read_when_closed(void)
{
	FILE *f;

	mdir_begin(false);
	f = fopen(mdir_path("a.yaml"), "we");
	wd_expect(f && fputs(DOC("x", "1"), f) >= 0 && fflush(f) == 0);
	wd_expect_int(0, poll_now());
	wd_expect(f && fputs(DOC("y", "2"), f) >= 0 && fclose(f) == 0);
	wd_expect_int(2, poll_now());
	wd_expect_int(1, mdir_port("x"));
	wd_expect_int(2, mdir_port("y"));
	mdir_end();
}

static void only_visible_yaml_and_json_is_read(void)
{
	static const struct {
		const char *name;
		bool read;
	} rows[] = {
		{ "a.yaml", true },   { "a.yml", true },
		{ "a.b.yaml", true }, { "a.txt", false },
		{ "a", false },	      { ".a.yaml", false },
		{ "a.yaml~", false }, { "yaml", false },
		{ ".yaml", false },   { "a.yaml.swp", false },
		{ "a.YAML", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].name);
		mdir_begin(false);
		mdir_put(rows[i].name, DOC("x", "1"));
		wd_expect_int(rows[i].read, poll_now());
		wd_expect_int(0, wd_manifests_scan(mdir_src));
		wd_expect_int(rows[i].read, mdir_port("x"));
		mdir_end();
	}
	wd_test_row(NULL);
}

static void the_name_says_json_or_yaml(void)
{
	mdir_begin(false);
	mdir_put("a.json", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n"
			   "\"metadata\": {\"name\": \"a\\ud83d\"}}");
	mdir_put("b.json", DOC("x", "1"));
	mdir_put("c.json", "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", "
			   "\"metadata\": {\"name\": \"a\"}}");
	wd_expect_int(1, poll_now());
	wd_expect_str("kept a.json:2; kept b.json:1", mdir_problems());
	mdir_end();
}

static void a_file_renamed_over_another_replaces_it(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1"));
	mdir_put("b.yaml", DOC("y", "2"));
	wd_expect_int(2, poll_now());
	rename_file("b.yaml", "a.yaml");
	wd_expect_int(1, poll_now());
	wd_expect_int(0, mdir_port("x"));
	wd_expect_int(2, mdir_port("y"));
	wd_expect_int(1, mdir_deleted);
	rename_file("a.yaml", "c.yaml");
	wd_expect_int(0, poll_now());
	wd_expect_int(2, mdir_port("y"));
	wd_expect_int(1, mdir_deleted);
	rename_file("c.yaml", "c.bak");
	wd_expect_int(1, poll_now());
	wd_expect_int(0, mdir_port("y"));
	mdir_end();
}

static void links_are_files_too(void)
{
	mdir_begin(false);
	mdir_put("a.txt", DOC("x", "1"));
	wd_expect_int(0, symlink("a.txt", mdir_path("a.yaml")));
	wd_expect_int(1, poll_now());
	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(1, poll_now());
	wd_expect_int(0, symlink("nothing", mdir_path("b.yaml")));
	wd_expect_int(0, symlink("b.yaml", mdir_path("c.yaml")));
	wd_expect_int(0, symlink("d.yaml", mdir_path("d.yaml")));
	wd_expect_int(0, poll_now());
	wd_expect_int(0, wd_manifests_scan(mdir_src));
	wd_expect_int(0, mkfifo(mdir_path("e.yaml"), 0600));
	wd_expect_int(0, poll_now());
	wd_expect_int(0, wd_manifests_scan(mdir_src));
	mdir_end();
}

/* ---- one object, several files ---- */

static void an_object_moves_between_files_without_a_gap(void)
{
	static const char *const names[][2] = { { "a.yaml", "b.yaml" },
						{ "b.yaml", "a.yaml" } };

	for (size_t i = 0; i < 2; i++) {
		const char *from = names[i][0];
		const char *to = names[i][1];

		wd_test_row(from);
		mdir_begin(false);
		mdir_put(from, DOC("x", "1") DOC("y", "2"));
		mdir_put(to, DOC("z", "3"));
		wd_expect_int(3, poll_now());
		mdir_put(from, DOC("y", "2"));
		mdir_put(to, DOC("z", "3") DOC("x", "1"));
		wd_expect_int(0, poll_now());
		wd_expect_int(1, mdir_port("x"));
		wd_expect_int(0, mdir_deleted);
		/* It belongs to the other file now. */
		wd_expect_int(0, unlink(mdir_path(from)));
		wd_expect_int(1, poll_now());
		wd_expect_int(1, mdir_port("x"));
		wd_expect_int(0, unlink(mdir_path(to)));
		wd_expect_int(2, poll_now());
		wd_expect_str("", mdir_problems());
		mdir_end();
	}
	wd_test_row(NULL);
}

static void of_two_files_the_first_by_path_counts(void)
{
	mdir_begin(false);
	mdir_put("b.yaml", DOC("x", "2"));
	wd_expect_int(1, poll_now());
	mdir_put("c.yaml", DOC("x", "3"));
	wd_expect_int(0, poll_now());
	wd_expect_int(2, mdir_port("x"));
	wd_expect_str("ignored c.yaml:2 metadata.name", mdir_problems());

	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect_int(1, poll_now());
	wd_expect_int(1, mdir_port("x"));
	wd_expect(wd_manifests_scan(mdir_src) >= 0);
	wd_expect_str("ignored b.yaml:2 metadata.name; "
		      "ignored c.yaml:2 metadata.name",
		      mdir_problems());

	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(1, poll_now());
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(0, unlink(mdir_path("b.yaml")));
	wd_expect_int(1, poll_now());
	wd_expect_int(3, mdir_port("x"));
	wd_expect_int(0, mdir_deleted);
	wd_expect_str("", mdir_problems());
	wd_expect_int(0, unlink(mdir_path("c.yaml")));
	wd_expect_int(1, poll_now());
	wd_expect_int(0, mdir_port("x"));
	mdir_end();
}

static void the_second_takes_over_when_the_first_drops_the_object(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1") DOC("y", "1"));
	mdir_put("b.yaml", DOC("x", "2"));
	wd_expect_int(2, poll_now());
	wd_expect_int(1, mdir_port("x"));
	mdir_put("a.yaml", DOC("y", "1"));
	wd_expect_int(1, poll_now());
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(0, mdir_deleted);
	wd_expect_str("", mdir_problems());
	mdir_end();
}

static void within_a_file_the_first_document_counts(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1") DOC("x", "2"));
	wd_expect_int(1, poll_now());
	wd_expect_int(1, mdir_port("x"));
	wd_expect_str("ignored a.yaml:7 metadata.name", mdir_problems());
	mdir_end();
}

/* ---- what cannot be read ---- */

static void a_document_that_cannot_be_parsed_keeps_what_was_there(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1") DOC("y", "1") DOC("z", "1"));
	mdir_put("b.yaml", DOC("w", "1"));
	wd_expect_int(4, poll_now());
	mdir_put("a.yaml", DOC("x", "2") UNPARSABLE DOC("z", "2"));
	wd_expect_int(2, poll_now());
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(1, mdir_port("y"));
	wd_expect_int(2, mdir_port("z"));
	wd_expect_int(1, mdir_port("w"));
	wd_expect_int(0, mdir_deleted);
	wd_expect_str("kept a.yaml:8", mdir_problems());
	/* Mended: what is not in it goes. */
	mdir_put("a.yaml", DOC("x", "3"));
	wd_expect_int(3, poll_now());
	wd_expect_int(3, mdir_port("x"));
	wd_expect_int(0, mdir_port("y"));
	wd_expect_str("", mdir_problems());
	mdir_end();
}

static void an_object_that_is_refused_stays_and_others_go(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1") DOC("y", "1") DOC("z", "1"));
	wd_expect_int(3, poll_now());
	mdir_put("a.yaml", REFUSED("x") DOC("z", "2"));
	wd_expect_int(2, poll_now());
	wd_expect_int(1, mdir_port("x"));
	wd_expect_int(0, mdir_port("y"));
	wd_expect_int(2, mdir_port("z"));
	wd_expect_str("kept a.yaml:5 spec.podSelector", mdir_problems());
	/* What is refused and was never understood is not there. */
	mdir_put("b.yaml", REFUSED("v"));
	wd_expect_int(0, poll_now());
	wd_expect_int(0, mdir_port("v"));
	/* The file goes, and what it kept goes. */
	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(2, poll_now());
	wd_expect_int(0, mdir_port("x"));
	mdir_end();
}

static void a_rule_that_cannot_be_enforced_isolates(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect_int(1, poll_now());
	mdir_put("a.yaml", DOC("x", "0"));
	wd_expect_int(1, poll_now());
	wd_expect_int(-1, mdir_port("x"));
	wd_expect_str("isolated a.yaml:5 spec.ingress[0].ports[0].port",
		      mdir_problems());
	mdir_end();
}

static void an_unreadable_text_keeps_everything(void)
{
	static const char *const texts[] = {
		UNPARSABLE,
		"just text",
		"\xff\xfe",
		"a: *b\n",
		"- a\n",
		"kind: NetworkPolicy\n",
		"apiVersion: v1\nkind: List\n",
		"{{ if .Values.policy }}\n",
		"<<<<<<< ours\na: 1\n=======\n",
		"apiVersion: networking.k8s.io/v1\nkind: networkpolicy\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		wd_test_row(texts[i]);
		mdir_begin(false);
		mdir_put("a.yaml", DOC("x", "1") DOC("y", "2"));
		wd_expect_int(2, poll_now());
		mdir_put("a.yaml", texts[i]);
		wd_expect_int(0, poll_now());
		wd_expect_int(1, mdir_port("x"));
		wd_expect_int(2, mdir_port("y"));
		wd_expect(strncmp(mdir_problems(), "kept a.yaml:", 12) == 0);
		mdir_end();
	}
	wd_test_row(NULL);
}

/* Truncated and not written yet: the usual way in which a file is empty. */
static void an_emptied_file_keeps_everything(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect_int(1, poll_now());
	mdir_write("a.yaml", "");
	wd_expect_int(0, poll_now());
	wd_expect_int(1, mdir_port("x"));
	wd_expect_str("kept a.yaml:0", mdir_problems());
	mdir_write("a.yaml", DOC("x", "2"));
	wd_expect_int(1, poll_now());
	wd_expect_int(2, mdir_port("x"));
	wd_expect_str("", mdir_problems());
	mdir_end();
}

static void a_file_that_says_nothing_lets_go(void)
{
	static const char *const texts[] = {
		"# nothing\n", "---\n", "\n",
		"{apiVersion: v1, kind: List, items: []}\n"
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		wd_test_row(texts[i]);
		mdir_begin(false);
		mdir_put("a.yaml", DOC("x", "1"));
		wd_expect_int(1, poll_now());
		mdir_put("a.yaml", texts[i]);
		wd_expect_int(1, poll_now());
		wd_expect_int(0, mdir_port("x"));
		wd_expect_str("", mdir_problems());
		mdir_end();
	}
	wd_test_row(NULL);
}

/* A broken file keeps what it had; it does not keep another file from saying it. */
static void a_broken_file_and_one_that_says_the_same(void)
{
	mdir_begin(false);
	mdir_put("b.yaml", DOC("x", "1"));
	wd_expect_int(1, poll_now());
	mdir_put("b.yaml", UNPARSABLE);
	wd_expect_int(0, poll_now());
	mdir_put("c.yaml", DOC("x", "3"));
	wd_expect_int(0, poll_now());
	wd_expect_int(1, mdir_port("x"));
	mdir_put("a.yaml", DOC("x", "2"));
	wd_expect_int(1, poll_now());
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(1, poll_now());
	wd_expect_int(3, mdir_port("x"));
	wd_expect_int(0, mdir_deleted);
	mdir_end();
}

/* ---- directories ---- */

static void directories_below_are_followed(void)
{
	mdir_begin(false);
	make_dir("d");
	mdir_put("d/a.yaml", DOC("x", "1"));
	wd_expect_int(1, poll_now());
	mdir_put("d/a.yaml", DOC("x", "2"));
	wd_expect_int(1, poll_now());
	wd_expect_int(2, mdir_port("x"));
	make_dir("d/e");
	wd_expect_int(0, poll_now());
	mdir_put("d/e/b.yaml", DOC("y", "1"));
	wd_expect_int(1, poll_now());
	rename_file("d", "f");
	wd_expect_int(0, poll_now());
	wd_expect_int(1, mdir_port("y"));
	wd_expect_int(0, mdir_deleted);
	mdir_put("f/e/b.yaml", DOC("y", "2"));
	wd_expect_int(1, poll_now());
	wd_expect_int(2, mdir_port("y"));
	wd_expect_int(0, unlink(mdir_path("f/e/b.yaml")));
	wd_expect_int(0, rmdir(mdir_path("f/e")));
	wd_expect_int(1, poll_now());
	wd_expect_int(0, mdir_port("y"));
	wd_expect_int(2, mdir_port("x"));
	rename_file("f", ".f");
	wd_expect_int(1, poll_now());
	wd_expect_int(0, mdir_port("x"));
	wd_expect_str("", mdir_problems());
	mdir_end();
}

static void directories_nested_too_deep_are_told(void)
{
	char name[] = "d/d/d/d/d/d/d/d/d";

	mdir_begin(false);
	for (size_t len = 1; len < sizeof(name); len += 2) {
		name[len] = '\0';
		make_dir(name);
		name[len] = '/';
	}
	mdir_put("d/d/d/d/d/d/d/d/a.yaml", DOC("x", "1"));
	mdir_put("d/d/d/d/d/d/d/d/d/a.yaml", DOC("y", "1"));
	wd_expect_int(1, poll_now());
	wd_expect_int(1, mdir_port("x"));
	wd_expect_int(0, mdir_port("y"));
	wd_expect_str("kept d/d/d/d/d/d/d/d/d:0", mdir_problems());
	mdir_end();
}

/* A ConfigMap as it is mounted: links into a folder that a link names, which is swapped. */
static void a_config_map_is_swapped_as_a_whole(void)
{
	mdir_begin(false);
	make_dir("..1");
	mdir_put("..1/a.yaml", DOC("x", "1") DOC("y", "1"));
	mdir_put("..1/b.yaml", DOC("z", "1"));
	wd_expect_int(0, symlink("..1", mdir_path("..data")));
	wd_expect_int(0, symlink("..data/a.yaml", mdir_path("a.yaml")));
	wd_expect_int(0, symlink("..data/b.yaml", mdir_path("b.yaml")));
	wd_expect_int(3, poll_now());

	make_dir("..2");
	mdir_put("..2/a.yaml", DOC("x", "2"));
	mdir_put("..2/b.yaml", DOC("y", "2") DOC("z", "1"));
	wd_expect_int(0, symlink("..2", mdir_path("..data_tmp")));
	wd_expect_int(0, poll_now());
	rename_file("..data_tmp", "..data");
	wd_expect_int(2, poll_now());
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(2, mdir_port("y"));
	wd_expect_int(1, mdir_port("z"));
	wd_expect_int(0, mdir_deleted);
	wd_expect_str("", mdir_problems());
	mdir_end();
}

static void a_directory_that_vanishes_keeps_what_was_there(void)
{
	char away[80];

	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1") DOC("y", "1"));
	wd_expect_int(2, poll_now());
	(void)snprintf(away, sizeof(away), "%s.away", mdir);
	wd_expect_int(0, rename(mdir, away));
	wd_expect_int(0, poll_now());
	wd_expect_int(0, wd_manifests_scan(mdir_src));
	wd_expect_int(1, mdir_port("x"));
	wd_expect_str("kept :0", mdir_problems());

	wd_expect_int(0, rename(away, mdir));
	mdir_put("a.yaml", DOC("x", "2"));
	wd_expect_int(2, wd_manifests_scan(mdir_src));
	wd_expect_int(2, mdir_port("x"));
	wd_expect_int(0, mdir_port("y"));
	wd_expect_str("", mdir_problems());
	/* And it is followed again. */
	mdir_put("a.yaml", DOC("x", "3"));
	wd_expect_int(1, poll_now());
	mdir_end();
}

static void three_hundred_files_are_read(void)
{
	char name[32];
	char doc[512];
	int found = 0;

	mdir_begin(false);
	for (int round = 1; round <= 2; round++) {
		for (int i = 0; i < 300; i++) {
			(void)snprintf(name, sizeof(name), "f%d.yaml", i);
			(void)snprintf(doc, sizeof(doc), DOC("p%d", "%d"), i,
				       1000 * round + i);
			mdir_put(name, doc);
		}
		wd_expect_int(300, round == 1 ? poll_now() :
						wd_manifests_scan(mdir_src));
	}
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "p%d", i);
		found += mdir_port(name) == 2000 + i;
	}
	wd_expect_int(300, found);
	wd_expect_str("", mdir_problems());
	mdir_end();
}

/* How many events of inotify the kernel queues. */
static long queue_length(void)
{
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	char text[32] = "";

	if (!f)
		return 0;
	wd_expect(fgets(text, sizeof(text), f) != NULL);
	(void)fclose(f);
	return strtol(text, NULL, 10);
}

/* More events than the kernel queues: all is looked at again. */
static void a_lost_event_queue_loses_nothing(void)
{
	long max = queue_length();

	if (max > 100000) {
		wd_test_skip("a queue of inotify events that can be filled");
		return;
	}
	wd_expect(max > 0);
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1"));
	mdir_put("b.yaml", DOC("y", "1"));
	wd_expect_int(2, poll_now());
	for (long i = 0; i <= max; i++)
		(void)chmod(mdir_path(i % 2 ? "a.yaml" : "b.yaml"), 0644);
	mdir_put("c.yaml", DOC("z", "1"));
	wd_expect_int(0, unlink(mdir_path("a.yaml")));
	wd_expect_int(2, poll_now());
	wd_expect_int(0, mdir_port("x"));
	wd_expect_int(1, mdir_port("y"));
	wd_expect_int(1, mdir_port("z"));
	mdir_end();
}

/* A file that is replaced all the time: one version or the other, never neither. */
static void a_file_replaced_while_it_is_read_is_one_or_the_other(void)
{
	int changes = 0;
	pid_t child;

	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect_int(1, poll_now());
	child = fork();
	if (child == 0) {
		for (;;) {
			mdir_put("a.yaml", DOC("x", "2") DOC("y", "2"));
			mdir_put("a.yaml", DOC("x", "1"));
		}
	}
	/* on a busy machine the child may take its time */
	for (int i = 0; i < 2000 || (!changes && i < 2000000); i++) {
		changes += i % 2 ? poll_now() : wd_manifests_scan(mdir_src);
		if (mdir_port("x") != 1 && mdir_port("x") != 2)
			break;
	}
	wd_expect(mdir_port("x") == 1 || mdir_port("x") == 2);
	wd_expect_int(0, kill(child, SIGKILL));
	wd_expect_int(child, waitpid(child, NULL, 0));
	wd_expect(changes > 0);
	mdir_put("a.yaml", DOC("x", "5"));
	wd_expect(poll_now() > 0);
	wd_expect_int(5, mdir_port("x"));
	wd_expect_int(0, mdir_port("y"));
	mdir_end();
}

/* ---- rights ---- */

/* Root may read everything: be somebody else meanwhile. */
static bool become(uid_t uid)
{
	if (getuid() != 0)
		return true;
	if (uid &&
	    (chown(mdir, uid, (gid_t)-1) || chown(mdir_state, uid, (gid_t)-1)))
		return false;
	return seteuid(uid) == 0;
}

static void a_file_that_may_not_be_read_keeps_what_it_said(void)
{
	mdir_begin(false);
	wd_expect(become(65534));
	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect_int(1, poll_now());
	wd_expect_int(0, chmod(mdir_path("a.yaml"), 0));
	wd_expect_int(0, poll_now());
	wd_expect_int(0, wd_manifests_scan(mdir_src));
	wd_expect_int(1, mdir_port("x"));
	wd_expect_str("kept a.yaml:0", mdir_problems());
	wd_expect_int(0, chmod(mdir_path("a.yaml"), 0644));
	wd_expect_int(0, poll_now());
	wd_expect_str("", mdir_problems());
	wd_expect(become(0));
	mdir_end();
}

static void a_directory_that_may_not_be_read_keeps_what_was_there(void)
{
	mdir_begin(false);
	wd_expect(become(65534));
	make_dir("d");
	mdir_put("d/a.yaml", DOC("x", "1"));
	mdir_put("b.yaml", DOC("y", "1"));
	wd_expect_int(2, poll_now());
	wd_expect_int(0, chmod(mdir_path("d"), 0));
	wd_expect_int(0, poll_now());
	wd_expect_int(0, wd_manifests_scan(mdir_src));
	wd_expect_int(1, mdir_port("x"));
	wd_expect_str("kept d:0", mdir_problems());
	wd_expect_int(0, chmod(mdir_path("d"), 0755));
	wd_expect_int(0, unlink(mdir_path("d/a.yaml")));
	wd_expect_int(1, poll_now());
	wd_expect_int(0, mdir_port("x"));
	wd_expect_int(1, mdir_port("y"));
	wd_expect_str("", mdir_problems());
	wd_expect(become(0));
	mdir_end();
}

/* The link can be seen, what it names cannot: that is not "gone". */
static void a_link_into_a_closed_directory_keeps_what_it_said(void)
{
	mdir_begin(false);
	wd_expect(become(65534));
	make_dir("..1");
	mdir_put("..1/a.yaml", DOC("x", "1"));
	wd_expect_int(0, symlink("..1/a.yaml", mdir_path("a.yaml")));
	wd_expect_int(1, poll_now());
	wd_expect_int(0, chmod(mdir_path("..1"), 0));
	wd_expect_int(0, poll_now());
	wd_expect_int(0, wd_manifests_scan(mdir_src));
	wd_expect_int(1, mdir_port("x"));
	wd_expect_str("kept a.yaml:0", mdir_problems());
	wd_expect_int(0, chmod(mdir_path("..1"), 0755));
	wd_expect_int(0, unlink(mdir_path("..1/a.yaml")));
	wd_expect_int(1, wd_manifests_scan(mdir_src));
	wd_expect_int(0, mdir_port("x"));
	wd_expect_str("", mdir_problems());
	wd_expect(become(0));
	mdir_end();
}

/* ---- asking ---- */

static void unknown_kinds_are_added_up(void)
{
	const struct wd_unknown_kind *list;
	size_t cnt;

	mdir_begin(false);
	mdir_put("a.yaml", "apiVersion: v1\nkind: Secret\n---\n"
			   "apiVersion: apps/v1\nkind: Deployment\n");
	mdir_put("b.yaml", "apiVersion: v1\nkind: Secret\n");
	wd_expect_int(0, poll_now());
	list = wd_manifests_unknown(mdir_src, &cnt);
	if (wd_expect_int(2, (long long)cnt)) {
		wd_expect_str("Secret", list[0].kind);
		wd_expect_int(2, list[0].cnt);
		wd_expect_str("apps/v1 Deployment", list[1].kind);
	}
	wd_expect_int(0, unlink(mdir_path("b.yaml")));
	wd_expect_int(0, poll_now());
	list = wd_manifests_unknown(mdir_src, &cnt);
	wd_expect_int(2, (long long)cnt);
	wd_expect_int(1, list[0].cnt);
	mdir_end();
}

/* What no event told of is found by the walk that comes now and then. */
static void changes_that_nobody_announced_are_found(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1"));
	for (int i = 0; i < 20; i++)
		wd_manifests_flush(mdir_src);
	wd_expect_int(0, mdir_port("x")); /* perhaps still being written */
	mdir_age("a.yaml");
	for (int i = 0; i < 10; i++)
		wd_manifests_flush(mdir_src);
	wd_expect_int(1, mdir_port("x"));
	mdir_end();
}

static void several_directories_are_one_source(void)
{
	struct wd_store *store = wd_store_new(NULL, NULL);
	struct wd_manifests *src = NULL;
	char with_slash[80];
	const char *dirs[2] = { mdir_state, with_slash };

	mdir_begin(false);
	(void)snprintf(with_slash, sizeof(with_slash), "%s//", mdir);
	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect_int(0, wd_manifests_new(dirs, 2, NULL, store, &src));
	wd_expect_int(1, wd_manifests_scan(src));
	mdir_put("b.yaml", DOC("y", "1"));
	wd_expect_int(1, wd_manifests_poll(src));
	wd_manifests_free(src);
	wd_store_free(store);
	mdir_end();
}

int main(void)
{
	WD_TEST(files_are_added_changed_and_deleted);
	WD_TEST(a_scan_sees_the_same_as_a_poll);
	WD_TEST(equal_text_is_no_change);
	WD_TEST(files_written_in_place_are_read_when_closed);
	WD_TEST(only_visible_yaml_and_json_is_read);
	WD_TEST(the_name_says_json_or_yaml);
	WD_TEST(a_file_renamed_over_another_replaces_it);
	WD_TEST(links_are_files_too);
	WD_TEST(an_object_moves_between_files_without_a_gap);
	WD_TEST(of_two_files_the_first_by_path_counts);
	WD_TEST(the_second_takes_over_when_the_first_drops_the_object);
	WD_TEST(within_a_file_the_first_document_counts);
	WD_TEST(a_document_that_cannot_be_parsed_keeps_what_was_there);
	WD_TEST(an_object_that_is_refused_stays_and_others_go);
	WD_TEST(a_rule_that_cannot_be_enforced_isolates);
	WD_TEST(an_unreadable_text_keeps_everything);
	WD_TEST(an_emptied_file_keeps_everything);
	WD_TEST(a_file_that_says_nothing_lets_go);
	WD_TEST(a_broken_file_and_one_that_says_the_same);
	WD_TEST(directories_below_are_followed);
	WD_TEST(directories_nested_too_deep_are_told);
	WD_TEST(a_config_map_is_swapped_as_a_whole);
	WD_TEST(a_directory_that_vanishes_keeps_what_was_there);
	WD_TEST(three_hundred_files_are_read);
	WD_TEST(a_lost_event_queue_loses_nothing);
	WD_TEST(a_file_replaced_while_it_is_read_is_one_or_the_other);
	WD_TEST(a_file_that_may_not_be_read_keeps_what_it_said);
	WD_TEST(a_directory_that_may_not_be_read_keeps_what_was_there);
	WD_TEST(a_link_into_a_closed_directory_keeps_what_it_said);
	WD_TEST(unknown_kinds_are_added_up);
	WD_TEST(changes_that_nobody_announced_are_found);
	WD_TEST(several_directories_are_one_source);
	return wd_tests_end();
}
