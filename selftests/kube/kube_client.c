/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kube_client.c - follows the API server of a kubeconfig until all is known.
 *
 *	kube_client KUBECONFIG SECONDS
 *
 * Exit code 0: all is known; 1: not in time, and why on stdout; 2: usage.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kube/kube.h"
#include "kube/login.h"
#include "loop.h"
#include "model/store.h"

struct client {
	struct wd_loop *loop;
	struct wd_kube *kube;
};

static void on_changed(void *ctx)
{
	struct client *client = ctx;

	if (wd_kube_is_known(client->kube))
		wd_loop_stop(client->loop, 0);
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

static int follow(const struct wd_kube_login *login, unsigned long seconds)
{
	struct wd_store *store = wd_store_new(NULL, NULL);
	const struct wd_kube_setup setup = {
		.login = login,
		.timing = &wd_kube_timing,
		.store = store,
	};
	struct client client = { 0 };
	struct wd_timer *late;
	char *why = NULL;
	int code = wd_loop_new(&client.loop);

	if (!code)
		code = wd_timer_new(client.loop, on_late, &client, &late);
	if (!code)
		code = wd_kube_new(client.loop, &setup, &client.kube, &why);
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

	if (argc != 3) {
		(void)fputs("usage: kube_client KUBECONFIG SECONDS\n", stderr);
		return 2;
	}
	if (!wd_kube_login_file(argv[1], &login, &why))
		code = follow(&login, strtoul(argv[2], NULL, 10));
	if (why)
		(void)fprintf(stderr, "%s\n", why);
	free(why);
	wd_kube_login_fini(&login);
	return code < 0 ? 2 : code;
}
