/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_statefile.c - files of the state directory: whole, or as before.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/statefile.h"
#include "agent/unread.h"
#include "base/json.h"

#include "../tap.h"

static char dir[64];

static int put_number(const char *where, const char *name, int number)
{
	struct json_object *o = json_object_new_object();
	int err;

	wd_json_int(o, "number", number);
	err = wd_statefile_write(where, name, o);
	json_object_put(o);
	return err;
}

static int get_number(const char *name)
{
	struct json_object *o = NULL;
	int err = wd_statefile_read(dir, name, &o);
	int number = err ? err : (int)wd_json_get_int(o, "number");

	json_object_put(o);
	return number;
}

static void put_text(const char *name, const char *text)
{
	char path[128];
	FILE *to;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	to = fopen(path, "w");
	wd_expect(to && fputs(text, to) >= 0 && fclose(to) == 0);
}

static int file_cnt(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int cnt = 0;

	while (d && (entry = readdir(d)))
		cnt += strcmp(entry->d_name, ".") &&
		       strcmp(entry->d_name, "..");
	if (d)
		(void)closedir(d);
	return cnt;
}

static void forget(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
}

static void what_is_written_is_read(void)
{
	struct stat st;
	char path[128];

	wd_expect_int(0, put_number(dir, "a.json", 1));
	wd_expect_int(1, get_number("a.json"));
	wd_expect_int(0, put_number(dir, "a.json", 2));
	wd_expect_int(2, get_number("a.json"));
	wd_expect_int(1, file_cnt()); /* no temporary file stays */
	(void)snprintf(path, sizeof(path), "%s/a.json", dir);
	wd_expect_int(0, stat(path, &st));
	wd_expect_int(0600, st.st_mode & 0777);
	forget("a.json");
}

static void a_file_left_half_written_does_not_matter(void)
{
	put_text(".a.json.new", "{\"number\":");
	wd_expect_int(-ENOENT, get_number("a.json"));
	wd_expect_int(0, put_number(dir, "a.json", 3));
	wd_expect_int(3, get_number("a.json"));
	wd_expect_int(1, file_cnt());
	forget("a.json");
}

static void a_temporary_file_that_is_a_link_is_not_followed(void)
{
	char path[128];

	put_text("victim", "untouched");
	wd_expect_int(0, put_number(dir, "a.json", 4));
	(void)snprintf(path, sizeof(path), "%s/.a.json.new", dir);
	wd_expect_int(0, symlink("victim", path));
	wd_expect(put_number(dir, "a.json", 5) < 0);
	wd_expect_int(4, get_number("a.json"));
	(void)unlink(path);
	wd_expect_int(0, put_number(dir, "a.json", 5));
	wd_expect_int(-EBADMSG, get_number("victim")); /* as it was: no JSON */
	forget("victim");
	wd_unread_fini();
	forget("a.json");
}

static void expect_text(const char *name, const char *want)
{
	char path[128], text[64] = "";
	FILE *from;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	from = fopen(path, "r");
	if (wd_expect(from)) {
		text[fread(text, 1, sizeof(text) - 1, from)] = '\0';
		(void)fclose(from);
	}
	wd_expect_str(want, text);
}

static void what_cannot_be_used_is_kept_when_another_takes_its_place(void)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ "", -EBADMSG },
		{ "{", -EBADMSG },
		{ "[]", -EBADMSG },
		{ "5", -EBADMSG },
		{ "null", -EBADMSG },
		{ "{\"version\":2,\"number\":1}", -ENOTSUP },
		{ "{\"version\":\"x\",\"number\":1}", -ENOTSUP },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].text);
		put_text("a.json", rows[i].text);
		wd_expect_int(rows[i].err, get_number("a.json"));
		wd_expect_int(rows[i].err, get_number("a.json"));
		wd_expect_int(1, file_cnt()); /* it may be read another time */
		wd_expect_int(1, (int)wd_unread_cnt());
		wd_expect_int(0, put_number(dir, "a.json", 7));
		wd_expect_int(7, get_number("a.json"));
		expect_text("a.json.bad", rows[i].text);
		wd_expect_int(0, put_number(dir, "a.json", 8));
		wd_expect_int(2, file_cnt());
		wd_expect_int(
			1, (int)wd_unread_cnt()); /* told as long as it runs */
		forget("a.json");
		forget("a.json.bad");
		wd_unread_fini();
	}
	wd_test_row(NULL);
}

/* Any byte of it that is another one, or is missing, is found. */
static void a_file_that_was_changed_is_not_believed(void)
{
	char path[128], text[256] = "";
	size_t len;
	FILE *file;

	wd_expect_int(0, put_number(dir, "a.json", 17));
	(void)snprintf(path, sizeof(path), "%s/a.json", dir);
	file = fopen(path, "r");
	len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		(void)fclose(file);
	wd_expect(strstr(text, "\"number\":17"));
	for (size_t i = 0; i < len; i++) {
		int number;

		text[i] ^= 1;
		put_text("a.json", text);
		text[i] ^= 1;
		number = get_number("a.json");
		/* in the name of the sum: then what it says is as it was */
		if (number != 17 || i < 4 || i > 13)
			wd_expect_int(-EBADMSG, number);
	}
	for (size_t i = 0; i < len; i++) {
		wd_expect_int(0, truncate(path, (off_t)(len - 1 - i)));
		wd_expect_int(-EBADMSG, get_number("a.json"));
	}
	wd_unread_fini();
	forget("a.json");
}

/* They wrote none, and read what has one as if it had none. */
static void files_without_a_checksum_are_those_of_agents_before(void)
{
	struct json_object *o = NULL;

	put_text("a.json", "{\n  \"version\":1,\n  \"number\":5\n}");
	wd_expect_int(5, get_number("a.json"));
	put_text("a.json", "{\"checksum\":\"\",\"version\":1,\"number\":5}");
	wd_expect_int(-EBADMSG, get_number("a.json"));
	wd_unread_fini();
	wd_expect_int(0, put_number(dir, "a.json", 6));
	wd_expect_int(0, wd_statefile_read(dir, "a.json", &o));
	wd_expect_int(2, json_object_object_length(o));
	json_object_put(o);
	forget("a.json");
}

static void each_that_could_not_be_used_has_a_name_of_its_own(void)
{
	char name[32], text[32];

	for (int i = 0; i < 12; i++) {
		(void)snprintf(text, sizeof(text), "not JSON %d", i);
		put_text("a.json", text);
		wd_expect_int(-EBADMSG, get_number("a.json"));
		wd_expect_int(0, put_number(dir, "a.json", i));
		wd_unread_fini(); /* another start */
	}
	expect_text("a.json.bad", "not JSON 0");
	expect_text("a.json.bad.1", "not JSON 1");
	expect_text("a.json.bad.9", "not JSON 11");
	wd_expect_int(11, file_cnt());
	forget("a.json");
	forget("a.json.bad");
	for (int i = 1; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "a.json.bad.%d", i);
		forget(name);
	}
}

static void what_is_told_names_each_file(void)
{
	struct json_object *doc = json_object_new_object(), *one;
	char path[128], *text;

	wd_expect(!wd_unread_text());
	put_text("a.json", "x");
	wd_expect_int(-EBADMSG, get_number("a.json"));
	wd_expect_int(0, put_number(dir, "a.json", 1));
	wd_unread_put(doc);
	one = wd_json_at(doc, "unread_state", 0);
	(void)snprintf(path, sizeof(path), "%s/a.json", dir);
	wd_expect_str(path, wd_json_get_str(one, "file"));
	wd_expect_str("-EBADMSG", wd_json_get_str(one, "error"));
	(void)snprintf(path, sizeof(path), "%s/a.json.bad", dir);
	wd_expect_str(path, wd_json_get_str(one, "kept_as"));
	text = wd_unread_text();
	wd_expect(text && strstr(text, "/a.json' cannot be used: -EBADMSG"));
	free(text);
	json_object_put(doc);
	wd_unread_fini();
	forget("a.json");
	forget("a.json.bad");
}

static void what_is_too_large_is_not_read(void)
{
	char path[128];

	put_text("a.json", "");
	(void)snprintf(path, sizeof(path), "%s/a.json", dir);
	wd_expect_int(0, truncate(path, (off_t)1 << 40));
	wd_expect_int(-EFBIG, get_number("a.json"));
	wd_unread_fini();
	forget("a.json");
}

static void a_link_to_itself_is_kept_as_it_is(void)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/a.json", dir);
	wd_expect_int(0, symlink("a.json", path));
	wd_expect_int(-ELOOP, get_number("a.json"));
	wd_expect_int(0, put_number(dir, "a.json", 1));
	wd_expect_int(1, get_number("a.json"));
	(void)snprintf(path, sizeof(path), "%s/a.json.bad", dir);
	wd_expect(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
	wd_unread_fini();
	forget("a.json");
	forget("a.json.bad");
}

static void what_cannot_be_read_now_stays(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/a.json", dir);
	wd_expect_int(0,
		      mkdir(path, 0700)); /* read(2) fails, open(2) does not */
	wd_expect_int(-EISDIR, get_number("a.json"));
	wd_expect_int(-EISDIR, get_number("a.json"));
	wd_expect(put_number(dir, "a.json", 1) < 0); /* nor is it replaced */
	wd_expect_int(1, file_cnt());
	wd_expect_int(0, rmdir(path));
	wd_expect_int(0, put_number(dir, "a.json", 1)); /* it is gone */
	forget("a.json");
	wd_unread_fini();
}

static void missing_directories_are_told(void)
{
	wd_expect_int(-ENOENT, put_number("/nonexistent/warder", "a.json", 1));
	wd_expect_int(-ENOTDIR, put_number("/dev/null", "a.json", 1));
	wd_expect_int(-ENOENT, get_number("none.json"));
}

static void directories_are_made_with_their_parents(void)
{
	char path[128], parent[96];
	struct stat st;

	(void)snprintf(parent, sizeof(parent), "%s/x", dir);
	(void)snprintf(path, sizeof(path), "%s/y", parent);
	wd_expect_int(0, wd_dir_make(path));
	wd_expect_int(0, wd_dir_make(path));
	wd_expect_int(0, stat(parent, &st));
	wd_expect_int(0700, st.st_mode & 0777);
	wd_expect_int(0, rmdir(path));
	wd_expect_int(0, rmdir(parent));
	wd_expect_int(-ENOTDIR, wd_dir_make("/dev/null/x"));
	wd_expect_int(-ENAMETOOLONG, wd_dir_make(""));
}

int main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/wdt-%d-state", (int)getpid());
	if (mkdir(dir, 0700))
		return 1;
	WD_TEST(what_is_written_is_read);
	WD_TEST(a_file_left_half_written_does_not_matter);
	WD_TEST(a_temporary_file_that_is_a_link_is_not_followed);
	WD_TEST(what_cannot_be_used_is_kept_when_another_takes_its_place);
	WD_TEST(a_file_that_was_changed_is_not_believed);
	WD_TEST(files_without_a_checksum_are_those_of_agents_before);
	WD_TEST(each_that_could_not_be_used_has_a_name_of_its_own);
	WD_TEST(what_is_told_names_each_file);
	WD_TEST(what_is_too_large_is_not_read);
	WD_TEST(a_link_to_itself_is_kept_as_it_is);
	WD_TEST(what_cannot_be_read_now_stays);
	WD_TEST(missing_directories_are_told);
	WD_TEST(directories_are_made_with_their_parents);
	(void)rmdir(dir);
	return wd_tests_end();
}
