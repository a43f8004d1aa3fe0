/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kube_client.c - follows the API server of a kubeconfig until all is known.
 *
 *	kube_client KUBECONFIG SECONDS
 *	kube_client KUBECONFIG SECONDS stay
 *	kube_client KUBECONFIG SECONDS room BYTES
 *
 * Exit code 0: all is known; 1: not in time, and why on stdout; 2: usage. With
 * `stay` it goes on until its input ends: a line of that is answered by all
 * objects of the store, one a line, and a dot; a line `p` by what is wrong with
 * them. It waits for nothing long then. With `room` it does the same of a cluster
 * whose objects may take that much.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/loop.h"
#include "kube/kube.h"
#include "kube/login.h"
#include "kube/room.h"
#include "model/intern.h"
#include "model/store.h"
#include "source/manifests.h"

struct client {
	struct wd_loop *loop;
	struct wd_kube *kube;
	struct wd_store *store;
	bool stay;
	int64_t room; /* bytes that are left */
};

static const struct wd_kube_timing quick = {
	.backoff_ms = 10,
	.backoff_max_ms = 50,
	.backoff_reset_ms = 1000,
	.refused_ms = 50,
	.absent_max_ms = 50,
	.quiet_ms = 2000,
	.list_quiet_ms = 2000,
	.short_ms = 100,
	.watch_min_s = 1,
	.watch_max_s = 3,
	.page = 3,
	.grace_ms = 100,
	.initial_ms = 20,
	.initial_max_ms = 200,
};

static void on_changed(void *ctx)
{
	struct client *client = ctx;

	if (wd_kube_is_known(client->kube) && !client->stay)
		wd_loop_stop(client->loop, 0);
}

static void print_object(const struct wd_object *obj)
{
	const struct wd_labels *labels =
		obj->kind == WD_KIND_POD ? obj->pod.labels : NULL;

	(void)printf("%s %s/%s %s", wd_kind_name(obj->kind), obj->ns, obj->name,
		     obj->uid);
	for (uint32_t i = 0; labels && i < labels->cnt; i++)
		(void)printf(" %s=%s", labels->label[i].key,
			     labels->label[i].value);
	(void)putchar('\n');
}

static void print_all(const struct wd_store *store)
{
	for (int kind = 0; kind < WD_KIND__MAX; kind++) {
		const struct wd_object *obj = NULL;

		while ((obj = wd_store_next(store, (enum wd_kind)kind, obj)))
			print_object(obj);
	}
	(void)puts(".");
	(void)fflush(stdout);
}

static void print_problems(const struct wd_kube *kube)
{
	struct wd_problems list = { 0 };

	wd_kube_problems(kube, &list);
	for (size_t i = 0; i < list.cnt; i++)
		(void)printf("%s: %s\n", list.problem[i].object,
			     list.problem[i].text);
	wd_problems_fini(&list);
	(void)puts(".");
	(void)fflush(stdout);
}

static bool take_room(void *ctx, int64_t bytes)
{
	struct client *client = ctx;

	if (bytes > client->room)
		return false;
	client->room -= bytes;
	return true;
}

static void on_line(void *ctx, int fd, uint32_t events)
{
	struct client *client = ctx;
	char buf[256];

	(void)events;
	if (read(fd, buf, sizeof(buf)) <= 0)
		wd_loop_stop(client->loop, 0);
	else if (*buf == 'p')
		print_problems(client->kube);
	else
		print_all(client->store);
}

static void on_gone(void *ctx, int kind, const char *ns, const char *name)
{
	(void)ctx;
	(void)kind;
	(void)ns;
	(void)name;
}

static const struct wd_kube_fns fns = {
	.changed = on_changed,
	.gone = on_gone,
};

static void on_late(void *ctx)
{
	struct client *client = ctx;
	char *why = wd_kube_waits_for(client->kube);

	puts(why ? why : "");
	free(why);
	wd_loop_stop(client->loop, 1);
}

static int follow(const struct wd_kube_login *login, unsigned long seconds,
		  const char *how, const char *room_bytes)
{
	struct wd_store *store = wd_store_new(NULL, NULL);
	bool pods_only = !strcmp(how, "pods") || room_bytes;
	bool stay = !strcmp(how, "stay") || room_bytes;
	struct client client = {
		.store = store,
		.stay = stay,
		.room = room_bytes ? strtol(room_bytes, NULL, 10) : 0,
	};
	struct wd_kube_room room = { .take = take_room, .ctx = &client };
	const struct wd_kube_setup setup = {
		.login = login,
		.timing = stay ? &quick : &wd_kube_timing,
		.cilium = true,
		.pods_only = pods_only,
		.store = store,
		.room = room_bytes ? &room : NULL,
	};
	struct wd_timer *late;
	char *why = NULL;
	int code = wd_loop_new(&client.loop);

	if (!code)
		code = wd_timer_new(client.loop, on_late, &client, &late);
	if (!code)
		code = wd_kube_new(client.loop, &setup, &client.kube, &why);
	if (!code && stay)
		code = wd_loop_add(client.loop, STDIN_FILENO, EPOLLIN, on_line,
				   &client);
	if (!code) {
		wd_kube_start(client.kube, &fns, &client);
		wd_timer_set(late, seconds * 1000);
		code = wd_loop_run(client.loop);
	}
	if (why)
		(void)fprintf(stderr, "%s\n", why);
	free(why);
	wd_kube_free(client.kube);
	wd_loop_free(client.loop);
	wd_store_free(store);
	return code;
}

int main(int argc, char **argv)
{
	struct wd_kube_login login;
	char *why = NULL;
	int code = 2;

	if (argc < 3 || argc > 5) {
		(void)fputs(
			"usage: kube_client KUBECONFIG SECONDS [stay|pods|room BYTES]\n",
			stderr);
		return 2;
	}
	if (!wd_kube_login_file(argv[1], &login, &why))
		code = follow(&login, strtoul(argv[2], NULL, 10),
			      argc > 3 ? argv[3] : "",
			      argc > 4 ? argv[4] : NULL);
	if (why)
		(void)fprintf(stderr, "%s\n", why);
	free(why);
	wd_kube_login_fini(&login);
	return code < 0 ? 2 : code;
}
