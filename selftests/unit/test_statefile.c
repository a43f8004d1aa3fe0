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
	forget("victim.bad");
	forget("a.json");
}

static void what_is_no_object_is_set_aside(void)
{
	static const char *const texts[] = { "", "{", "[]", "5", "null", "x" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		wd_test_row(texts[i]);
		put_text("a.json", texts[i]);
		wd_expect_int(-EBADMSG, get_number("a.json"));
		wd_expect_int(-ENOENT, get_number("a.json"));
		wd_expect_int(1, file_cnt());
		forget("a.json.bad");
	}
}

static void what_cannot_be_read_now_stays(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/a.json", dir);
	wd_expect_int(0,
		      mkdir(path, 0700)); /* read(2) fails, open(2) does not */
	wd_expect_int(-EISDIR, get_number("a.json"));
	wd_expect_int(-EISDIR, get_number("a.json"));
	wd_expect_int(1, file_cnt());
	wd_expect_int(0, rmdir(path));
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
	WD_TEST(what_is_no_object_is_set_aside);
	WD_TEST(what_cannot_be_read_now_stays);
	WD_TEST(missing_directories_are_told);
	WD_TEST(directories_are_made_with_their_parents);
	(void)rmdir(dir);
	return wd_tests_end();
}
