/* SPDX-License-Identifier: GPL-2.0-only */
#include "refusal.h"

#include <stdio.h>
#include <string.h>

#include "../model/xalloc.h"
#include "../source/tree.h"
#include "http.h"

#define MESSAGE_MAX 1024

bool wd_kube_refusal_is(int status)
{
	return status == 400 || status == 403 || status == 406 ||
	       status == 415 || status == 422;
}

static void on_body_tree(void *ctx, const struct wd_tree *root)
{
	char *text = ctx;
	const char *message = wd_tree_str(wd_tree_get(root, "message"));

	if (message)
		(void)snprintf(text, MESSAGE_MAX, "%s", message);
}

char *wd_kube_refusal_text(const struct wd_kube_answer *answer, char *body,
			   size_t len)
{
	struct wd_tree_error error = { 0 };
	char message[MESSAGE_MAX] = "";

	if (!answer->status)
		return wd_xstrdup(*answer->error ? answer->error : "no answer");
	if (answer->json &&
	    wd_json_read_object(body, len, on_body_tree, message, &error))
		*message = '\0';
	body[len] = '\0';
	if (!*message && !answer->json)
		(void)snprintf(message, sizeof(message), "%.*s",
			       (int)strcspn(body, "\r\n"), body);
	return wd_xprintf("HTTP %d%s%.300s", answer->status,
			  *message ? ": " : "", message);
}
