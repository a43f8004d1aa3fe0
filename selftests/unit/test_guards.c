// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_guards.c - what of the slow-down guard outlives an agent: what is a
 * namespace's own, and nothing of a config that was changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/statefile.h"
#include "base/json.h"
#include "base/log.h"
#include "model/intern.h"
#include "slo/guards.h"
#include "tap.h"

static char dir[64];

static const struct wd_guard_own nothing;

static void begin(struct wd_guards *guards, enum wd_guard_action action,
		  uint32_t times)
{
	*guards = (struct wd_guards){};
	wd_guard_terms_init(&guards->terms);
	guards->terms.action = action;
	guards->terms.times = times;
}

/* As of an agent that ends, and one that begins by another config. */
static struct wd_guard *restart(struct wd_guards *guards,
				enum wd_guard_action action, uint32_t times)
{
	wd_expect_int(0, wd_guards_write(guards, dir));
	wd_guards_fini(guards);
	begin(guards, action, times);
	wd_guards_read(guards, dir);
	return wd_guards_find(guards, "shop");
}

static struct wd_guard *shop_in(struct wd_guards *guards,
				enum wd_guard_action action)
{
	struct wd_guard *guard;

	begin(guards, action, 3);
	guard = wd_guards_get(guards, "shop");
	if (!wd_expect(guard != NULL) || !guard)
		exit(1);
	guard->taken_ms = 5;
	return guard;
}

static void in_audit(struct wd_guard *guard)
{
	guard->audit_ms = 9;
	guard->audit_uid = wd_str_get("one");
}

static void expect_terms(const struct wd_guard *guard,
			 enum wd_guard_action action, uint32_t times,
			 int64_t audit_ms)
{
	if (!wd_expect(guard != NULL) || !guard)
		return;
	wd_expect_int(5, guard->taken_ms);
	wd_expect_int(action, guard->terms.action);
	wd_expect_int(times, guard->terms.times);
	wd_expect_int(audit_ms, guard->audit_ms);
}

static void a_config_that_was_changed_is_the_one_in_force(void)
{
	static struct wd_guards guards;

	in_audit(shop_in(&guards, WD_GUARD_AUDIT));
	expect_terms(restart(&guards, WD_GUARD_AUDIT, 3), WD_GUARD_AUDIT, 3, 9);
	wd_expect(!guards.unsaved);
	expect_terms(restart(&guards, WD_GUARD_ALARM, 4), WD_GUARD_ALARM, 4, 0);
	wd_expect(guards.unsaved); /* that it is no longer in audit */
	expect_terms(restart(&guards, WD_GUARD_AUDIT, 5), WD_GUARD_AUDIT, 5, 0);
	wd_guards_fini(&guards);
}

static void what_is_its_own_stays(void)
{
	static const struct wd_guard_own both = { true, true };
	static struct wd_guards guards;
	struct wd_guard *guard = shop_in(&guards, WD_GUARD_ALARM);
	struct wd_guard_terms terms = guard->terms;

	terms.times = 7;
	terms.action = WD_GUARD_AUDIT;
	wd_guard_set(guard, &terms, &both);
	in_audit(guard);
	expect_terms(restart(&guards, WD_GUARD_ALARM, 4), WD_GUARD_AUDIT, 7, 9);
	/* also when the next word says nothing of it */
	guard = wd_guards_find(&guards, "shop");
	if (guard)
		wd_guard_set(guard, &terms, &nothing);
	expect_terms(restart(&guards, WD_GUARD_ALARM, 4), WD_GUARD_AUDIT, 7, 9);
	wd_guards_fini(&guards);
}

static void figures_do_not_make_the_action_its_own_nor_it_them(void)
{
	static const struct wd_guard_own figures = { .figures = true };
	static const struct wd_guard_own action = { .action = true };
	static struct wd_guards guards;
	struct wd_guard *guard = shop_in(&guards, WD_GUARD_AUDIT);
	struct wd_guard_terms terms = guard->terms;

	terms.times = 7;
	wd_guard_set(guard, &terms, &figures);
	in_audit(guard);
	expect_terms(restart(&guards, WD_GUARD_ALARM, 4), WD_GUARD_ALARM, 7, 0);
	wd_guards_fini(&guards);

	guard = shop_in(&guards, WD_GUARD_ALARM);
	terms = guard->terms;
	wd_guard_set(guard, &terms, &action);
	expect_terms(restart(&guards, WD_GUARD_AUDIT, 4), WD_GUARD_ALARM, 4, 0);
	wd_guards_fini(&guards);
}

/* Of an agent that did not write whose they are. */
static void old_file(const char *action, uint32_t times)
{
	struct json_object *doc = json_object_new_object(), *obj;

	obj = wd_json_push(wd_json_array(doc, "namespaces"));
	wd_json_str(obj, "namespace", "shop");
	wd_json_int(obj, "p99_percent", 10);
	wd_json_int(obj, "more_us", 100);
	wd_json_int(obj, "window_ms", 60000);
	wd_json_int(obj, "least", 500);
	wd_json_int(obj, "times", times);
	if (action)
		wd_json_str(obj, "action", action);
	wd_json_int(obj, "audit_ms", 9);
	wd_json_str(obj, "audit_uid", "one");
	wd_json_int(obj, "taken_ms", 5);
	wd_expect_int(0, wd_statefile_write(dir, "slo.json", doc));
	json_object_put(doc);
}

static void an_old_file_opens_nothing_by_itself(void)
{
	static const struct {
		const char *name, *action;
		enum wd_guard_action config, then, later;
		int64_t audit_ms;
	} rows[] = {
		{ "both audit", "audit", WD_GUARD_AUDIT, WD_GUARD_AUDIT,
		  WD_GUARD_ALARM, 9 },
		{ "audit of the file alone", "audit", WD_GUARD_ALARM,
		  WD_GUARD_ALARM, WD_GUARD_ALARM, 0 },
		{ "alarm of the file alone", "alarm", WD_GUARD_AUDIT,
		  WD_GUARD_ALARM, WD_GUARD_ALARM, 0 },
		{ "no action is known", NULL, WD_GUARD_ALARM, WD_GUARD_ALARM,
		  WD_GUARD_ALARM, 0 },
	};
	static struct wd_guards guards;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		wd_test_row(rows[i].name);
		old_file(rows[i].action, 7);
		begin(&guards, rows[i].config, 3);
		wd_guards_read(&guards, dir);
		expect_terms(wd_guards_find(&guards, "shop"), rows[i].then, 7,
			     rows[i].audit_ms);
		wd_expect(guards.unsaved);
		/* and then it is known: figures that differed are its own */
		expect_terms(restart(&guards, WD_GUARD_ALARM, 4), rows[i].later,
			     7, 0);
		wd_guards_fini(&guards);
	}
}

static void figures_of_an_old_file_that_are_the_config_s_are_not_its_own(void)
{
	static struct wd_guards guards;

	old_file("alarm", 3);
	begin(&guards, WD_GUARD_ALARM, 3);
	wd_guards_read(&guards, dir);
	expect_terms(restart(&guards, WD_GUARD_ALARM, 4), WD_GUARD_ALARM, 4, 0);
	wd_guards_fini(&guards);
}

int main(void)
{
	char *path = NULL;

	wd_log_set(WD_LOG_ERR);
	(void)snprintf(dir, sizeof(dir), "/tmp/wd-guards-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	WD_TEST(a_config_that_was_changed_is_the_one_in_force);
	WD_TEST(what_is_its_own_stays);
	WD_TEST(figures_do_not_make_the_action_its_own_nor_it_them);
	WD_TEST(an_old_file_opens_nothing_by_itself);
	WD_TEST(figures_of_an_old_file_that_are_the_config_s_are_not_its_own);
	if (asprintf(&path, "%s/slo.json", dir) > 0)
		(void)unlink(path);
	free(path);
	(void)rmdir(dir);
	return wd_tests_end();
}
