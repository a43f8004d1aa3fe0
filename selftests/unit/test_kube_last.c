/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_kube_last.c - what a server said last, written down and read again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/unread.h"
#include "kube/last.h"
#include "model/xalloc.h"
#include "source/tree.h"
#include "tap.h"

#define SERVER "https://10.0.0.1:6443"
#define PATH "/api/v1/pods"
#define FILE_NAME "kube/api_v1_pods"

#define SUM 17 /* bytes that a line has before its text */

static char dir[] = "/tmp/wd-last-XXXXXX";

struct put {
	struct wd_kube_last *last;
	bool gone;
	bool keep;
};

static void on_put(void *ctx, const struct wd_tree *root)
{
	const struct put *put = ctx;

	if (put->keep)
		wd_kube_last_keep(put->last, root);
	else
		wd_kube_last_put(put->last, root, put->gone);
}

static void with_tree(const char *json, struct put *put)
{
	struct wd_tree_error error;
	char *text = wd_xprintf("%s", json);

	wd_expect_int(0, wd_json_read(text, strlen(text), on_put, put, &error));
	free(text);
}

static void put(struct wd_kube_last *last, const char *json)
{
	with_tree(json, &(struct put){ .last = last });
}

static void del(struct wd_kube_last *last, const char *json)
{
	with_tree(json, &(struct put){ .last = last, .gone = true });
}

static void keep(struct wd_kube_last *last, const char *json)
{
	with_tree(json, &(struct put){ .last = last, .keep = true });
}

/* "+name=value" of each, in order. */
static void on_load(void *ctx, const struct wd_tree *root, bool gone)
{
	const struct wd_tree *meta = wd_tree_get(root, "metadata");
	const struct wd_tree *v = wd_tree_get(wd_tree_get(root, "spec"), "v");
	char *told = ctx;
	size_t len = strlen(told);

	(void)snprintf(told + len, 400 - len, "%c%s=%s ", gone ? '-' : '+',
		       wd_tree_str(wd_tree_get(meta, "name")),
		       v ? v->text : "");
}

static struct wd_kube_last *open_last(const char *server)
{
	return wd_kube_last_new(dir, server, PATH);
}

/* What another agent finds. */
static int load(const char *server, char *told)
{
	struct wd_kube_last *last = open_last(server);
	int err;

	*told = '\0';
	err = wd_kube_last_load(last, on_load, told);
	wd_kube_last_free(last);
	return err;
}

#define POD(name, v) \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"v\":" v "}}"

static struct wd_kube_last *with_two(void)
{
	struct wd_kube_last *last = open_last(SERVER);

	wd_kube_last_begin(last);
	put(last, POD("a", "1"));
	put(last, POD("b", "2"));
	wd_kube_last_end(last, true);
	wd_kube_last_settle(last);
	return last;
}

static void a_list_and_the_events_after_it_are_read_again(void)
{
	struct wd_kube_last *last = with_two();
	char told[400];

	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+a=1 +b=2 ", told);
	put(last, POD("a", "3"));
	del(last, POD("b", "2"));
	wd_kube_last_settle(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+a=1 +b=2 +a=3 -b= ", told);
	wd_kube_last_free(last);
}

static void a_list_counts_when_it_was_whole_and_not_before(void)
{
	struct wd_kube_last *last = with_two();
	char told[400];

	wd_kube_last_begin(last);
	put(last, POD("c", "1"));
	wd_kube_last_settle(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+a=1 +b=2 ", told);
	wd_kube_last_begin(last);
	put(last, POD("e", "1"));
	wd_kube_last_end(last, true);
	wd_kube_last_free(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+e=1 ", told);
}

static void of_what_went_while_it_was_told_the_list_knows_better(void)
{
	struct wd_kube_last *last = with_two();
	char told[400];

	wd_kube_last_begin(last);
	keep(last, POD("a", "8"));
	del(last, POD("a", "8"));
	put(last, POD("b", "3"));
	keep(last, POD("b", "9"));
	wd_kube_last_end(last, true);
	wd_kube_last_settle(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("-a= +b=3 ", told);
	wd_kube_last_free(last);
}

static void a_list_that_takes_nothing_away_is_laid_over_the_one_before(void)
{
	struct wd_kube_last *last = with_two();
	char told[400];

	wd_kube_last_begin(last);
	put(last, POD("d", "1"));
	put(last, POD("a", "2"));
	wd_kube_last_end(last, false);
	put(last, POD("d", "3"));
	wd_kube_last_settle(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+d=1 +a=2 +b=2 +d=3 ", told);
	wd_kube_last_free(last);
	last = open_last("https://another:6443");
	wd_kube_last_begin(last);
	put(last, POD("e", "1"));
	wd_kube_last_end(last, false);
	put(last, POD("e", "2"));
	wd_kube_last_free(last);
	wd_expect_int(-ENOENT, load(SERVER, told));
}

static void what_a_list_refuses_stays_as_the_file_before_had_it(void)
{
	struct wd_kube_last *last = with_two();
	char told[400];

	put(last, POD("b", "7"));
	wd_kube_last_begin(last);
	put(last, POD("c", "1"));
	keep(last, POD("b", "8"));
	wd_kube_last_end(last, true);
	wd_kube_last_free(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+c=1 +b=2 +b=7 ", told);
}

static void many_events_become_one_line_for_each_object(void)
{
	struct wd_kube_last *last = with_two();
	char told[400];

	for (int i = 0; i < 3000; i++)
		put(last, POD("a", "4"));
	del(last, POD("b", "2"));
	wd_kube_last_flush(last); /* a child begins to write it anew */
	put(last, POD("a", "5"));
	wd_kube_last_settle(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+a=4 +a=5 ", told);
	wd_kube_last_free(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+a=4 +a=5 ", told);
}

static void a_list_puts_an_end_to_what_is_written_anew(void)
{
	struct wd_kube_last *last = with_two();
	char told[400];

	for (int i = 0; i < 3000; i++)
		put(last, POD("a", "4"));
	wd_kube_last_flush(last);
	wd_kube_last_begin(last);
	put(last, POD("c", "1"));
	wd_kube_last_end(last, true);
	put(last, POD("c", "2"));
	wd_kube_last_settle(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+c=1 +c=2 ", told);
	wd_kube_last_free(last);
}

static void what_nobody_reads_is_left_out_and_texts_come_back_as_they_were(void)
{
	struct wd_kube_last *last = open_last(SERVER);
	char *path = wd_xprintf("%s/%s", dir, FILE_NAME);
	char line[600] = "";
	FILE *file;

	wd_kube_last_begin(last);
	put(last, "{\"metadata\":{\"name\":\"a\",\"managedFields\":[{}],"
		  "\"annotations\":{\"k\\\"\\\\\\n\":\"\\u00e4\"}},"
		  "\"spec\":{\"containers\":[{\"env\":[1],\"ports\":[80]}],"
		  "\"volumes\":[],\"sel\":{\"env\":\"volumes\"},\"n\":null}}");
	wd_kube_last_end(last, true);
	wd_kube_last_free(last);
	file = fopen(path, "re");
	if (wd_expect(file)) {
		wd_expect(fgets(line, sizeof(line), file));
		wd_expect(fgets(line, sizeof(line), file));
		(void)fclose(file);
	}
	wd_expect_str("+/a\t{\"metadata\":{\"name\":\"a\",\"annotations\":"
		      "{\"k\\\"\\\\\\u000a\":\"\xc3\xa4\"}},\"spec\":"
		      "{\"containers\":[{\"ports\":[80]}],"
		      "\"sel\":{\"env\":\"volumes\"},\"n\":null}}\n",
		      line[0] ? line + SUM : line);
	free(path);
}

static void append(const char *text)
{
	char *path = wd_xprintf("%s/%s", dir, FILE_NAME);
	FILE *file = fopen(path, "ae");

	if (wd_expect(file)) {
		(void)fputs(text, file);
		(void)fclose(file);
	}
	free(path);
}

static void a_torn_last_line_is_left_out_and_a_wrong_one_refused(void)
{
	char told[400];

	wd_kube_last_free(with_two());
	append("+/c\t{\"metadata\":{\"name\":\"c\"},\"sp");
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+a=1 +b=2 ", told);
	append("\n");
	wd_expect_int(-EBADMSG, load(SERVER, told));
	wd_unread_fini();
}

/* Of the text of @FILE_NAME@end. */
static bool file_has(const char *end, const char *text)
{
	char *path = wd_xprintf("%s/%s%s", dir, FILE_NAME, end), *line = NULL;
	FILE *file = fopen(path, "re");
	size_t cap = 0;
	bool has = false;

	while (file && getline(&line, &cap, file) > 0)
		has |= strstr(line, text) != NULL;
	if (file)
		(void)fclose(file);
	free(line);
	free(path);
	return has;
}

static void forget(const char *end)
{
	char *path = wd_xprintf("%s/%s%s", dir, FILE_NAME, end);

	(void)unlink(path);
	free(path);
}

static void a_wrong_file_stays_until_a_list_takes_its_place_and_is_kept(void)
{
	struct wd_kube_last *last;
	char told[400] = "";

	wd_kube_last_free(with_two());
	append("no line of ours\n");
	last = open_last(SERVER);
	wd_expect_int(-EBADMSG, wd_kube_last_load(last, on_load, told));
	wd_kube_last_begin(last);
	put(last, POD("c", "1"));
	wd_kube_last_settle(last);
	wd_expect(file_has("", "no line of ours"));
	wd_kube_last_end(last, true);
	wd_kube_last_free(last);
	wd_expect(file_has(".bad", "no line of ours"));
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+c=1 ", told);
	wd_expect_int(1, (int)wd_unread_cnt());
	wd_unread_fini();
	forget(".bad");
}

static void a_wrong_file_that_cannot_be_replaced_is_kept(void)
{
	char *next = wd_xprintf("%s/%s.next", dir, FILE_NAME);
	struct wd_kube_last *last;
	char told[400] = "";

	append("no line of ours\n");
	last = open_last(SERVER);
	wd_expect_int(-EBADMSG, wd_kube_last_load(last, on_load, told));
	wd_expect_int(0, mkdir(next, 0700));
	wd_kube_last_begin(last); /* gives up, for it cannot be written */
	wd_kube_last_free(last);
	wd_expect(file_has(".bad", "no line of ours"));
	wd_unread_fini();
	forget(".bad");
	wd_expect_int(0, rmdir(next));
	free(next);
}

static void put_file(const char *text, size_t len)
{
	char *path = wd_xprintf("%s/%s", dir, FILE_NAME);
	FILE *file = fopen(path, "we");

	if (wd_expect(file)) {
		wd_expect_int((int)len, (int)fwrite(text, 1, len, file));
		wd_expect_int(0, fclose(file));
	}
	free(path);
}

static size_t get_file(char *text, size_t room)
{
	char *path = wd_xprintf("%s/%s", dir, FILE_NAME);
	FILE *file = fopen(path, "re");
	size_t len = 0;

	if (wd_expect(file)) {
		len = fread(text, 1, room, file);
		(void)fclose(file);
	}
	free(path);
	return len;
}

/* The head, two lines of a list and its end, and an event: how long each is. */
static size_t with_event(char *text, size_t room)
{
	struct wd_kube_last *last = with_two();

	put(last, POD("a", "3"));
	wd_kube_last_free(last);
	return get_file(text, room);
}

static void any_byte_that_is_another_one_is_found(void)
{
	char text[600], told[400];
	size_t len = with_event(text, sizeof(text));

	for (size_t i = 0; i < len; i++) {
		int err;

		text[i] ^= 1;
		put_file(text, len);
		err = load(SERVER, told);
		text[i] ^= 1;
		if (i < len - 1)
			wd_expect_int(-EBADMSG, err);
		else /* the end of the last line: it is torn */
			wd_expect_str("+a=1 +b=2 ", told);
	}
	put_file(text, len);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+a=1 +b=2 +a=3 ", told);
	wd_unread_fini();
}

/* What is missing could be a policy; of events the last ones may be missing. */
static void half_a_list_is_none(void)
{
	char text[600], told[400];
	size_t len = with_event(text, sizeof(text));
	char *end = memmem(text, len, "=2\n", 3);
	size_t list;

	if (!wd_expect(end))
		return;
	list = (size_t)(end + 3 - text);
	for (size_t i = 0; i < len; i++) {
		put_file(text, i);
		wd_expect_int(i < list ? -EBADMSG : 0, load(SERVER, told));
	}
	wd_expect_str("+a=1 +b=2 ", told);
	end = memchr(text, '\n', len); /* a line of the list is not there */
	list = strcspn(end + 1, "\n") + 1;
	memmove(end + 1, end + 1 + list, len - (size_t)(end + 1 - text) - list);
	put_file(text, len - list);
	wd_expect_int(-EBADMSG, load(SERVER, told));
	wd_unread_fini();
}

#define BEFORE \
	"warder-kube 1 " SERVER " " PATH "\n" \
	"+/a\t" POD("a", "1") "\n+/b\t" POD("b", "2") "\n-/a\t" POD("a", \
								    "0") "\n"

static void a_file_of_an_agent_before_is_read_and_becomes_one_of_now(void)
{
	struct wd_kube_last *last = open_last(SERVER);
	char text[600], told[400] = "";

	put_file(BEFORE, strlen(BEFORE));
	wd_expect_int(0, wd_kube_last_load(last, on_load, told));
	wd_expect_str("+a=1 +b=2 -a=0 ", told);
	wd_kube_last_begin(last);
	put(last, POD("c", "1"));
	wd_kube_last_end(last, false); /* laid over what is there */
	wd_kube_last_free(last);
	wd_expect_int(0, load(SERVER, told));
	wd_expect_str("+c=1 +a=1 +b=2 -a=0 ", told);
	text[get_file(text, sizeof(text) - 1)] = '\0';
	wd_expect(strstr(text, "warder-kube 2 ") == text);
	wd_expect(strstr(text, " =4\n"));
}

/* Events follow a list that is sound, and the file is damaged meanwhile. */
static void damage_is_not_copied(void)
{
	struct wd_kube_last *last = with_two();
	char text[600], told[400];
	size_t len = get_file(text, sizeof(text));

	text[len / 2] ^= 1;
	put_file(text, len);
	wd_kube_last_begin(last);
	put(last, POD("c", "1"));
	wd_kube_last_end(last, false);
	wd_kube_last_free(last);
	wd_expect_int(-ENOENT, load(SERVER, told));
}

/* Nor does half of a list become a whole one, where all that is there is sound. */
static void half_a_list_is_not_copied(void)
{
	struct wd_kube_last *last = with_two();
	char text[600], told[400];
	char *end;

	text[get_file(text, sizeof(text) - 1)] = '\0';
	end = strchr(text, '\n') + 1;
	put_file(text, (size_t)(strchr(end, '\n') + 1 - text));
	wd_kube_last_begin(last);
	put(last, POD("c", "1"));
	wd_kube_last_end(last, false);
	wd_kube_last_free(last);
	wd_expect_int(-ENOENT, load(SERVER, told));
}

static void another_servers_state_is_none(void)
{
	char told[400];

	wd_kube_last_free(with_two());
	wd_expect_int(-ENOENT, load("https://10.0.0.2:6443", told));
	wd_expect_str("", told);
}

/* Half a state must not pass for a whole one. */
static void a_file_that_cannot_be_written_is_removed(void)
{
	struct wd_kube_last *last = with_two();
	char *next = wd_xprintf("%s/%s.next", dir, FILE_NAME);
	char told[400];

	wd_expect_int(0, mkdir(next, 0700));
	wd_kube_last_begin(last);
	put(last, POD("c", "1"));
	wd_kube_last_end(last, true);
	wd_kube_last_free(last);
	wd_expect_int(-ENOENT, load(SERVER, told));
	wd_expect_int(0, rmdir(next));
	free(next);
}

static void clean_up(void)
{
	char *file = wd_xprintf("%s/%s", dir, FILE_NAME);
	char *folder = wd_xprintf("%s/kube", dir);

	(void)unlink(file);
	(void)rmdir(folder);
	wd_expect_int(0, rmdir(dir));
	free(file);
	free(folder);
}

int main(void)
{
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	WD_TEST(a_list_and_the_events_after_it_are_read_again);
	WD_TEST(a_list_counts_when_it_was_whole_and_not_before);
	WD_TEST(a_list_that_takes_nothing_away_is_laid_over_the_one_before);
	WD_TEST(of_what_went_while_it_was_told_the_list_knows_better);
	WD_TEST(what_a_list_refuses_stays_as_the_file_before_had_it);
	WD_TEST(many_events_become_one_line_for_each_object);
	WD_TEST(a_list_puts_an_end_to_what_is_written_anew);
	WD_TEST(what_nobody_reads_is_left_out_and_texts_come_back_as_they_were);
	WD_TEST(a_torn_last_line_is_left_out_and_a_wrong_one_refused);
	WD_TEST(a_wrong_file_stays_until_a_list_takes_its_place_and_is_kept);
	WD_TEST(a_wrong_file_that_cannot_be_replaced_is_kept);
	WD_TEST(any_byte_that_is_another_one_is_found);
	WD_TEST(half_a_list_is_none);
	WD_TEST(a_file_of_an_agent_before_is_read_and_becomes_one_of_now);
	WD_TEST(damage_is_not_copied);
	WD_TEST(half_a_list_is_not_copied);
	WD_TEST(another_servers_state_is_none);
	WD_TEST(a_file_that_cannot_be_written_is_removed);
	WD_TEST(clean_up);
	return wd_tests_end();
}
