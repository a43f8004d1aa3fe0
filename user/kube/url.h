/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * url.h - what is asked of a collection of the API, as a path with its query.
 */
#ifndef WARDER_KUBE_URL_H
#define WARDER_KUBE_URL_H

#include <stdint.h>

/** wd_kube_url_encode() - a value of a query; to be freed */
char *wd_kube_url_encode(const char *text);

/**
 * wd_kube_url_list() - a page of a list
 * @path: of the collection
 * @select: "" or "&fieldSelector=...", encoded
 * @page: objects of it
 * @token: that the page before told; NULL: the first
 * Return: to be freed.
 */
char *wd_kube_url_list(const char *path, const char *select, uint32_t page,
		       const char *token);

/** wd_kube_url_watch() - what happens after @version, for so many @seconds; to be freed */
char *wd_kube_url_watch(const char *path, const char *select, uint32_t seconds,
			const char *version);

/** wd_kube_url_initial() - what is there, an end mark, and what happens then; to be freed */
char *wd_kube_url_initial(const char *path, const char *select,
			  uint32_t seconds);

#endif /* WARDER_KUBE_URL_H */
