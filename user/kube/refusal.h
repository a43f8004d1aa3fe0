/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refusal.h - what an API server's answer that is an error says.
 */
#ifndef WARDER_KUBE_REFUSAL_H
#define WARDER_KUBE_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

struct wd_kube_answer;

/** wd_kube_refusal_is() - would the same question be answered the same way again */
bool wd_kube_refusal_is(int status);

/**
 * wd_kube_refusal_text() - "HTTP 403: pods is forbidden: ..."
 * @body: has room for a NUL behind its @len bytes; is changed
 * Return: to be freed.
 */
char *wd_kube_refusal_text(const struct wd_kube_answer *answer, char *body,
			   size_t len);

#endif /* WARDER_KUBE_REFUSAL_H */
