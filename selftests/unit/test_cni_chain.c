/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cni_chain.c - warder-cni goes into the chains of common primary plugins and
 * out of them, and nothing of theirs changes: not what they say, not what they
 * write at the same moment, not when we die in between.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/config.h"
#include "base/json.h"
#include "cni/cni_chain.h"
#include "cni/cni_text.h"

#include "../tap.h"

#define OURS "{\"type\":\"warder-cni\"}"
#define ALONE "{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"plugins\":[" OURS "]}"
#define REWRITES 2000
#define KILLS 40

static char root[] = "/tmp/wd-chain-XXXXXX";

static const struct chain {
	const char *name;
	const char *text;
} chains[] = {
	{ "10-flannel.conflist",
	  "{\n  \"name\": \"cbr0\", \"cniVersion\": \"0.3.1\", \"plugins\": [\n"
	  "    {\"type\": \"flannel\", \"delegate\": {\"hairpinMode\": true, \"isDefaultGateway\": true}},\n"
	  "    {\"type\": \"portmap\", \"capabilities\": {\"portMappings\": true}}\n  ]\n}\n" },
	{ "10-calico.conflist",
	  "{\"name\":\"k8s-pod-network\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"calico\","
	  "\"datastore_type\":\"kubernetes\",\"mtu\":0,\"nodename_file_optional\":false,\"log_level\":\"Info\","
	  "\"log_file_path\":\"/var/log/calico/cni/cni.log\",\"ipam\":{\"type\":\"calico-ipam\",\"assign_ipv4\":\"true\"},"
	  "\"container_settings\":{\"allow_ip_forwarding\":false},\"policy\":{\"type\":\"k8s\"},"
	  "\"kubernetes\":{\"k8s_api_root\":\"https://10.96.0.1:443\"}},"
	  "{\"type\":\"bandwidth\",\"capabilities\":{\"bandwidth\":true}},"
	  "{\"type\":\"portmap\",\"snat\":true,\"capabilities\":{\"portMappings\":true}}]}" },
	{ "05-cilium.conflist",
	  "\n{\n  \"cniVersion\": \"0.3.1\",\n  \"name\": \"cilium\",\n  \"plugins\": [\n    {\n"
	  "       \"type\": \"cilium-cni\",\n       \"enable-debug\": false,\n"
	  "       \"log-file\": \"/var/run/cilium/cilium-cni.log\"\n    }\n  ]\n}\n" },
	{ "10-ptp.conflist",
	  "{\"cniVersion\":\"1.1.0\",\"name\":\"pods\",\"disableGC\":false,\"plugins\":[{\"type\":\"ptp\",\"mtu\":1460,"
	  "\"ipMasq\":false,\"ratio\":0.25,\"text\":\"a\\u00e9\\/\\\"\",\"ipam\":{\"type\":\"host-local\","
	  "\"ranges\":[[{\"subnet\":\"10.244.1.0/24\"}]],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}]}" },
};

static const char *at(const char *name)
{
	static char path[2][512];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", root, name);
	return path[turn];
}

static void plant(const char *name, const char *text)
{
	FILE *file = fopen(at(name), "we");

	wd_expect(file != NULL);
	if (file) {
		(void)fputs(text, file);
		(void)fclose(file);
	}
}

/* To be freed. */
static char *text_of(const char *name)
{
	FILE *file = fopen(at(name), "re");
	char *text = calloc(1, 4096);

	wd_expect(file && text);
	if (file && text)
		(void)!fread(text, 1, 4095, file);
	if (file)
		(void)fclose(file);
	return text;
}

static void expect_text(const char *name, const char *want)
{
	char *got = text_of(name);

	wd_expect_str(want, got);
	free(got);
}

static struct json_object *doc_of(const char *name)
{
	return json_object_from_file(at(name));
}

static int add(const char *run_dir)
{
	char *path = NULL, *why = NULL;
	int err = wd_cni_chain_add(root, run_dir, &path, &why);

	free(path);
	free(why);
	return err;
}

static int take(void)
{
	char *why = NULL;
	int err = wd_cni_chain_remove(root, &why);

	free(why);
	return err;
}

/* How many entries the directory has, hidden ones, too. */
static int entries(void)
{
	DIR *dir = opendir(root);
	int cnt = -2; /* . and .. */

	while (dir && readdir(dir))
		cnt++;
	if (dir)
		(void)closedir(dir);
	return cnt;
}

/* Are all plugins but the last, and all other keys, those of @text? */
static void expect_as_before(struct json_object *conf, const char *text)
{
	struct json_object *was = json_tokener_parse(text);
	struct json_object *plugins = wd_json_get(conf, "plugins");
	size_t cnt = wd_json_len(conf, "plugins");

	wd_expect_str("warder-cni",
		      wd_json_get_str(wd_json_at(conf, "plugins", cnt - 1),
				      "type"));
	if (cnt)
		(void)json_object_array_del_idx(plugins, cnt - 1, 1);
	wd_expect(json_object_equal(was, conf));
	json_object_put(was);
}

static void common_chains_get_it_at_their_end_and_nothing_else(void)
{
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		struct json_object *conf;
		struct stat before, after;

		wd_test_row(chains[i].name);
		plant(chains[i].name, chains[i].text);
		(void)chmod(at(chains[i].name), 0640);
		wd_expect_int(1, add(WD_RUN_DIR_DEFAULT));
		wd_expect_int(0, stat(at(chains[i].name), &before));
		wd_expect_int(0640, before.st_mode & 07777);
		conf = doc_of(chains[i].name);
		expect_as_before(conf, chains[i].text);
		json_object_put(conf);

		wd_expect_int(0, add(WD_RUN_DIR_DEFAULT));
		wd_expect_int(0, stat(at(chains[i].name), &after));
		wd_expect_int((long long)before.st_ino,
			      (long long)after.st_ino);
		wd_expect_int(1, entries());
		(void)unlink(at(chains[i].name));
	}
	wd_test_row(NULL);
}

static void what_was_put_in_is_taken_out_to_the_byte(void)
{
	static const char *const dirs[] = { "/run/a", WD_RUN_DIR_DEFAULT,
					    "/run/b\"\\c" };

	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		wd_test_row(chains[i].name);
		plant(chains[i].name, chains[i].text);
		for (size_t j = 0; j < sizeof(dirs) / sizeof(dirs[0]); j++)
			wd_expect_int(1, add(dirs[j]));
		wd_expect_int(1, take());
		expect_text(chains[i].name, chains[i].text);
		wd_expect_int(0, take());
		(void)unlink(at(chains[i].name));
	}
	wd_test_row(NULL);
}

/* @text with '$' where the plugin is to be; to be freed. */
static char *with(const char *text, const char *item)
{
	size_t before = strcspn(text, "$");
	char *all = NULL;

	if (asprintf(&all, "%.*s%s%s", (int)before, text, item,
		     text + before + 1) < 0)
		return NULL;
	return all;
}

static void what_its_owner_wrote_stays_to_the_byte(void)
{
	static const struct {
		const char *name;
		const char *text; /* $: where it comes */
		const char *apart; /* between it and what is before */
	} rows[] = {
		{ "one, compact", "{\"plugins\":[{\"type\":\"a\"}$]}", "," },
		{ "two, compact",
		  "{\"plugins\":[{\"type\":\"a\"},{\"type\":\"b\"}$]}", "," },
		{ "one a line",
		  "{\"plugins\": [\n  {\"type\": \"a\"},\n  {\"type\": \"b\"}$\n]}\n",
		  ",\n  " },
		{ "one, on a line of its own",
		  "{\"plugins\": [\r\n\t{\"type\": \"a\"}$\r\n]\r\n}",
		  ",\r\n\t" },
		{ "commas before",
		  "{\"plugins\":[{\"type\":\"a\"}\n ,{\"type\":\"b\"}$\n]}",
		  "\n ," },
		{ "numbers, escapes, keys that nobody knows",
		  "{\"x\":1.50e+01,\"y\":[1.0,{\"plugins\":[]}],\"\\u0041\":\"\\/]}\\\\\",\"plugins\":[{\"type\":\"a\",\"z\":\"[{\"}$],\"n\":null}",
		  "," },
		{ "the same key twice: the last counts",
		  "{\"plugins\":[{\"type\":\"no\"}],\"plugins\":[{\"type\":\"a\"}$]}",
		  "," },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char item[64], *was = with(rows[i].text, "");
		char *want, *got = NULL, *back = NULL;

		wd_test_row(rows[i].name);
		(void)snprintf(item, sizeof(item), "%s" OURS, rows[i].apart);
		want = with(rows[i].text, item);
		wd_expect_int(0, wd_cni_text_edit(was, strlen(was),
						  "warder-cni", OURS, &got));
		wd_expect_str(want, got ?: "");
		wd_expect_int(0, wd_cni_text_edit(want, strlen(want),
						  "warder-cni", NULL, &back));
		wd_expect_str(was, back ?: "");
		free(was);
		free(want);
		free(got);
		free(back);
	}
	wd_test_row(NULL);
}

static void what_has_no_such_list_is_refused_as_text(void)
{
	static const char *const rows[] = {
		"",	 "{",	   "[]",      "{\"plugins\"",
		"{}",	 "\"",	   "{\"a\":", "{\"plugins\":[{\"type",
		"{\"\\", "{\"a\"", "x",	      "{\"plugins\":{}}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* No byte behind it: a sanitizer sees one that is read. */
		size_t len = strlen(rows[i]);
		char *text = malloc(len ?: 1), *got = NULL;

		wd_test_row(rows[i]);
		memcpy(text, rows[i], len);
		wd_expect_int(-EINVAL, wd_cni_text_edit(text, len, "warder-cni",
							OURS, &got));
		free(text);
	}
	wd_test_row(NULL);
}

/* As JSON it is a chain; as text nothing is found, and it is written anew. */
static void a_list_that_is_written_in_escapes_gets_it_too(void)
{
	static const char text[] =
		"{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"\\u0070lugins\":[{\"type\":\"ptp\"}]}";
	struct json_object *conf;

	plant("10-a.conflist", text);
	wd_expect_int(1, add(WD_RUN_DIR_DEFAULT));
	conf = doc_of("10-a.conflist");
	expect_as_before(conf, text);
	json_object_put(conf);
	(void)unlink(at("10-a.conflist"));
}

static void only_what_is_named_as_a_list_is_one(void)
{
	static const char *const names[] = { "10-a.conf", "10-a.json" };
	char *path = NULL, *why = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		wd_test_row(names[i]);
		plant(names[i], chains[0].text);
		plant("20-b.conflist", chains[1].text);
		wd_expect_int(-EINVAL,
			      wd_cni_chain_add(root, "/run/x", &path, &why));
		wd_expect(why && strstr(why, "has to become a .conflist"));
		wd_expect(path && strstr(path, names[i]));
		expect_text(names[i], chains[0].text);
		expect_text("20-b.conflist", chains[1].text);
		free(path);
		free(why);
		path = why = NULL;
		(void)unlink(at(names[i]));
	}
	wd_test_row(NULL);
	(void)unlink(at("20-b.conflist"));
}

static void only_the_first_file_gets_it_and_every_file_loses_it(void)
{
	struct json_object *conf;

	plant("20-b.conflist", chains[0].text);
	plant("10-a.conflist", chains[1].text);
	plant(".05-hidden.conflist", chains[1].text);
	wd_expect_int(1, add(WD_RUN_DIR_DEFAULT));
	conf = doc_of("20-b.conflist");
	wd_expect_int(2, (long long)wd_json_len(conf, "plugins"));
	json_object_put(conf);

	plant("05-c.conflist", chains[2].text);
	wd_expect_int(1, add(WD_RUN_DIR_DEFAULT));
	wd_expect_int(2, take());
	(void)unlink(at("05-c.conflist"));
	(void)unlink(at("10-a.conflist"));
	(void)unlink(at("20-b.conflist"));
	(void)unlink(at(".05-hidden.conflist"));
}

static void a_wrong_place_or_run_dir_is_mended(void)
{
	static const char *const rows[] = {
		OURS ",{\"type\":\"ptp\"}",
		"{\"type\":\"ptp\"}," OURS ",{\"type\":\"portmap\"}",
		"{\"type\":\"ptp\"}," OURS "," OURS,
		"{\"type\":\"ptp\"},{\"type\":\"warder-cni\",\"runDir\":\"/x\"}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *conf, *last;
		char text[512];
		size_t cnt;

		wd_test_row(rows[i]);
		snprintf(
			text, sizeof(text),
			"{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"plugins\":[%s]}",
			rows[i]);
		plant("10-a.conflist", text);
		wd_expect_int(1, add("/run/mine"));
		conf = doc_of("10-a.conflist");
		cnt = wd_json_len(conf, "plugins");
		last = wd_json_at(conf, "plugins", cnt - 1);
		wd_expect_str("/run/mine", wd_json_get_str(last, "runDir"));
		for (size_t j = 0; j + 1 < cnt; j++)
			wd_expect(strcmp(wd_json_get_str(
						 wd_json_at(conf, "plugins", j),
						 "type"),
					 "warder-cni") != 0);
		wd_expect_int(0, add("/run/mine"));
		json_object_put(conf);
	}
	wd_test_row(NULL);
	(void)unlink(at("10-a.conflist"));
}

static void a_chain_it_cannot_work_in_is_left_alone(void)
{
	static const char *const rows[] = {
		"{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"type\":\"ptp\"}",
		"{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"plugins\":[]}",
		ALONE,
		"{\"cniVersion\":\"0.2.0\",\"name\":\"a\",\"plugins\":[{\"type\":\"ptp\"}]}",
		"{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"plugins\":[{\"type\":\"p",
		"{\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"ptp\"}]} {}",
		"[]",
		"",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i]);
		plant("10-a.conflist", rows[i]);
		wd_expect_int(-EINVAL, add(WD_RUN_DIR_DEFAULT));
		expect_text("10-a.conflist", rows[i]);
		wd_expect_int(1, entries());
	}
	wd_test_row(NULL);
	(void)unlink(at("10-a.conflist"));
	wd_expect_int(-ENOENT, add(WD_RUN_DIR_DEFAULT));
	plant("real", chains[0].text);
	wd_expect_int(0, symlink("real", at("10-a.conflist")));
	wd_expect_int(-EINVAL, add(WD_RUN_DIR_DEFAULT));
	(void)unlink(at("10-a.conflist"));
	(void)unlink(at("real"));
}

/* Its owner replaces it all the time by rename, with a number that grows. */
static void rewrite(volatile int *written)
{
	for (int i = 1; i <= REWRITES; i++) {
		FILE *file = fopen(at("new"), "we");

		if (!file)
			_exit(1);
		(void)fprintf(
			file,
			"{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"n\":%d,\"plugins\":[{\"type\":\"ptp\"}]}",
			i);
		(void)fclose(file);
		if (rename(at("new"), at("10-a.conflist")))
			_exit(1);
		*written = i;
		(void)usleep(i % 16 * 20u);
	}
	_exit(0);
}

/* What has its name is never older than the last that its owner gave it. */
static bool is_newest(const volatile int *written)
{
	int least = *written;
	struct json_object *conf = doc_of("10-a.conflist");
	int64_t n = wd_json_get_int(conf, "n");

	json_object_put(conf);
	return wd_expect(n >= least);
}

static void nothing_that_its_owner_writes_meanwhile_is_lost(void)
{
	volatile int *written = mmap(NULL, sizeof(*written),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct json_object *conf;
	int status = -1, added = 0;
	bool good = true;
	pid_t pid;

	plant("10-a.conflist", chains[3].text);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		rewrite(written);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		int did = add(WD_RUN_DIR_DEFAULT);

		added += did > 0;
		good = good && is_newest(written) &&
		       wd_expect(did >= 0 || did == -EAGAIN);
	}
	wd_expect_int(0, status);
	wd_expect(added > 0);
	wd_expect(add(WD_RUN_DIR_DEFAULT) >= 0);
	conf = doc_of("10-a.conflist");
	wd_expect_int(REWRITES, wd_json_get_int(conf, "n"));
	wd_expect_int(2, (long long)wd_json_len(conf, "plugins"));
	wd_expect_int(1, entries());
	json_object_put(conf);
	(void)munmap((void *)(uintptr_t)written, sizeof(*written));
	(void)unlink(at("10-a.conflist"));
}

/* In and out, until it is killed. */
static void toggle(void)
{
	for (;;) {
		(void)add(WD_RUN_DIR_DEFAULT);
		(void)take();
	}
}

static void who_dies_in_between_leaves_a_whole_file(void)
{
	plant("10-a.conflist", chains[1].text);
	(void)fflush(stdout);
	for (int i = 0; i < KILLS; i++) {
		struct json_object *conf;
		pid_t pid = fork();
		size_t cnt;

		if (pid == 0)
			toggle();
		(void)usleep(500 + 137 * (unsigned int)i);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		conf = doc_of("10-a.conflist");
		cnt = wd_json_len(conf, "plugins");
		if (!wd_expect(cnt == 3 || cnt == 4))
			i = KILLS;
		json_object_put(conf);
	}
	wd_expect(add(WD_RUN_DIR_DEFAULT) >= 0);
	wd_expect_int(1, take());
	wd_expect_int(1, entries());
	expect_text("10-a.conflist", chains[1].text);
	(void)unlink(at("10-a.conflist"));
}

/* As if killed after the exchange, before what came back was looked at. */
static void what_was_written_before_a_death_is_put_back(void)
{
	static const char file[] = "10-a.conflist";
	static const char hidden[] = ".10-a.conflist.warder";

	struct json_object *conf;

	plant(file, chains[1].text);
	wd_expect_int(1, add(WD_RUN_DIR_DEFAULT));
	plant(hidden, chains[0].text); /* newer, of another */
	wd_expect_int(1, add(WD_RUN_DIR_DEFAULT));
	conf = doc_of(file);
	expect_as_before(conf, chains[0].text);
	json_object_put(conf);
	wd_expect_int(1, entries());

	/* Ours, or older than what its owner wrote since, is none of it. */
	plant(hidden, chains[1].text);
	plant(file, chains[0].text);
	wd_expect_int(1, add(WD_RUN_DIR_DEFAULT));
	conf = doc_of(file);
	expect_as_before(conf, chains[0].text);
	json_object_put(conf);
	wd_expect_int(1, entries());

	/* Not all of it was written yet. */
	plant(".10-a.conflist.warder-new", "{");
	wd_expect_int(0, add(WD_RUN_DIR_DEFAULT));
	wd_expect_int(1, entries());
	wd_expect_int(1, take());
	(void)unlink(at(file));
}

static void the_program_is_put_there_whole_and_a_link_is_left(void)
{
	char *why = NULL;
	struct stat st;

	plant("from", "program");
	wd_expect_int(1, wd_cni_plugin_put(at("from"), root, &why));
	wd_expect_int(0, stat(at("warder-cni"), &st));
	wd_expect_int(0755, st.st_mode & 07777);
	wd_expect_int(7, (long long)st.st_size);
	wd_expect_int(0, wd_cni_plugin_put(at("from"), root, &why));
	plant("from", "another program");
	wd_expect_int(1, wd_cni_plugin_put(at("from"), root, &why));
	wd_expect_int(2, entries());
	wd_expect_int(1, wd_cni_plugin_remove(root));
	wd_expect_int(0, wd_cni_plugin_remove(root));

	(void)chmod(at("from"), 0755);
	wd_expect_int(0, symlink("from", at("warder-cni")));
	wd_expect_int(0, wd_cni_plugin_put(at("from"), root, &why));
	wd_expect_int(0, wd_cni_plugin_remove(root));
	wd_expect_int(0, lstat(at("warder-cni"), &st));
	wd_expect(S_ISLNK(st.st_mode));
	wd_expect_int(-ENOENT, wd_cni_plugin_put(at("none"), root, &why));
	wd_expect(why != NULL);
	free(why);
	(void)unlink(at("warder-cni"));
	(void)unlink(at("from"));
}

static int discard(const char *path, const struct stat *st, int kind,
		   struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	WD_TEST(common_chains_get_it_at_their_end_and_nothing_else);
	WD_TEST(what_was_put_in_is_taken_out_to_the_byte);
	WD_TEST(what_its_owner_wrote_stays_to_the_byte);
	WD_TEST(what_has_no_such_list_is_refused_as_text);
	WD_TEST(a_list_that_is_written_in_escapes_gets_it_too);
	WD_TEST(only_what_is_named_as_a_list_is_one);
	WD_TEST(only_the_first_file_gets_it_and_every_file_loses_it);
	WD_TEST(a_wrong_place_or_run_dir_is_mended);
	WD_TEST(a_chain_it_cannot_work_in_is_left_alone);
	WD_TEST(nothing_that_its_owner_writes_meanwhile_is_lost);
	WD_TEST(who_dies_in_between_leaves_a_whole_file);
	WD_TEST(what_was_written_before_a_death_is_put_back);
	WD_TEST(the_program_is_put_there_whole_and_a_link_is_left);
	(void)nftw(root, discard, 8, FTW_DEPTH | FTW_PHYS);
	return wd_tests_end();
}
