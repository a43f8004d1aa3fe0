/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * curl.h - libcurl, which speaks HTTP to the API server.
 *
 * Loaded when there is an API server to speak to and not before: elsewhere
 * nothing of it, and of the thirty libraries that it wants, is in the agent's
 * memory. What is declared here is of the interface of libcurl-gnutls.so.4 (the
 * flavour whose licence goes with this one's), stable since 7.85; Debian has it
 * as libcurl3-gnutls.
 */
#ifndef WARDER_KUBE_CURL_H
#define WARDER_KUBE_CURL_H

#include <stddef.h>
#include <stdint.h>

/* curl.h and multi.h */
typedef void CURL;
typedef void CURLM;
struct curl_slist;

#define CURL_ERROR_SIZE 256
#define CURL_GLOBAL_ALL 3L
#define CURLE_OK 0
#define CURL_HTTP_VERSION_2TLS 4L
#define CURL_SSLVERSION_TLSV1_2 6L
#define CURLAUTH_BASIC 1L
#define CURL_SOCKET_TIMEOUT (-1)
#define CURL_POLL_IN 1
#define CURL_POLL_OUT 2
#define CURL_POLL_REMOVE 4
#define CURL_CSELECT_IN 1
#define CURL_CSELECT_OUT 2
#define CURL_CSELECT_ERR 4
#define CURLMSG_DONE 1

enum wd_curl_opt {
	CURLOPT_WRITEDATA = 10001,
	CURLOPT_URL = 10002,
	CURLOPT_CUSTOMREQUEST = 10036,
	CURLOPT_COPYPOSTFIELDS = 10165,
	CURLOPT_PROXY = 10004,
	CURLOPT_USERPWD = 10005,
	CURLOPT_ERRORBUFFER = 10010,
	CURLOPT_WRITEFUNCTION = 20011,
	CURLOPT_USERAGENT = 10018,
	CURLOPT_HTTPHEADER = 10023,
	CURLOPT_SSLCERT = 10025,
	CURLOPT_HEADERDATA = 10029,
	CURLOPT_SSLVERSION = 32,
	CURLOPT_SSL_VERIFYPEER = 64,
	CURLOPT_CAINFO = 10065,
	CURLOPT_HEADERFUNCTION = 20079,
	CURLOPT_SSL_VERIFYHOST = 81,
	CURLOPT_HTTP_VERSION = 84,
	CURLOPT_SSLKEY = 10087,
	CURLOPT_CAPATH = 10097,
	CURLOPT_NOSIGNAL = 99,
	CURLOPT_PRIVATE = 10103,
	CURLOPT_HTTPAUTH = 107,
	CURLOPT_SOCKOPTFUNCTION = 20148,
	CURLOPT_TIMEOUT_MS = 155,
	CURLOPT_CONNECTTIMEOUT_MS = 156,
	CURLOPT_TCP_KEEPALIVE = 213,
	CURLOPT_TCP_KEEPIDLE = 214,
	CURLOPT_TCP_KEEPINTVL = 215,
	CURLOPT_PIPEWAIT = 237,
	CURLOPT_CONNECT_TO = 10243,
	CURLOPT_PROTOCOLS_STR = 10318,
};

enum wd_curl_mopt {
	CURLMOPT_SOCKETDATA = 10002,
	CURLMOPT_TIMERDATA = 10005,
	CURLMOPT_SOCKETFUNCTION = 20001,
	CURLMOPT_TIMERFUNCTION = 20004,
};

enum wd_curl_info {
	CURLINFO_PRIVATE = 0x100000 + 21,
	CURLINFO_RESPONSE_CODE = 0x200000 + 2,
};

struct wd_curl_msg {
	int msg; /* CURLMSG_* */
	CURL *easy;
	union {
		void *whatever;
		int result; /* CURLE_* */
	} data;
};

struct wd_curl {
	void *handle;
	int (*global_init)(long flags);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *easy);
	int (*easy_setopt)(CURL *easy, int opt, ...);
	int (*easy_getinfo)(CURL *easy, int info, ...);
	const char *(*easy_strerror)(int code);
	CURLM *(*multi_init)(void);
	int (*multi_cleanup)(CURLM *multi);
	int (*multi_setopt)(CURLM *multi, int opt, ...);
	int (*multi_add)(CURLM *multi, CURL *easy);
	int (*multi_remove)(CURLM *multi, CURL *easy);
	int (*multi_action)(CURLM *multi, int fd, int events, int *ret_running);
	struct wd_curl_msg *(*multi_info)(CURLM *multi, int *ret_left);
	const char *(*multi_strerror)(int code);
	struct curl_slist *(*slist_append)(struct curl_slist *list,
					   const char *text);
	void (*slist_free)(struct curl_slist *list);
};

/**
 * wd_curl_open() - load it
 * @ret_error: on failure what to do, to be freed
 * Return: 0; -ELIBACC not there; -EOPNOTSUPP another interface.
 */
int wd_curl_open(struct wd_curl *curl, char **ret_error);

/** wd_curl_close() - of one that is open, or all zero */
void wd_curl_close(struct wd_curl *curl);

#endif /* WARDER_KUBE_CURL_H */
