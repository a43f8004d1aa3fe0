/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * login.h - which API server to speak to, and as whom.
 *
 * From a kubeconfig (the subset that needs no foreign program) or from what
 * the cluster puts into a pod. Certificates and keys end up as paths: what the
 * file holds itself lies in memory files of this process.
 */
#ifndef WARDER_KUBE_LOGIN_H
#define WARDER_KUBE_LOGIN_H

#include <stdbool.h>
#include <stddef.h>

/* where the kubelet puts a pod's credentials */
#define WD_KUBE_POD_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

struct wd_kube_login {
	char *server; /* "https://10.0.0.1:6443", no slash at the end */
	char *ca; /* path; NULL: the system's own */
	char *cert; /* path of the client's certificate, or NULL */
	char *key; /* path; with cert */
	char *token; /* or NULL */
	char *token_file; /* read again for each request; or NULL */
	char *user; /* "NAME:PASSWORD", or NULL */
	char *tls_name; /* whose certificate is expected; NULL: the server's */
	char *proxy; /* or NULL: none, whatever the environment says */
	bool insecure; /* the file says: do not verify the server */
	int fd[3]; /* memory files behind paths, -1 none */
};

/**
 * wd_kube_login_file() - read a kubeconfig
 * @ret_login: to be released by wd_kube_login_fini(), also on failure
 * @ret_error: where and what, to be freed
 * Return: 0, or -EINVAL with *ret_error.
 */
int wd_kube_login_file(const char *path, struct wd_kube_login *ret_login,
		       char **ret_error);

/**
 * wd_kube_login_pod() - what a pod of the cluster has
 * @dir: WD_KUBE_POD_DIR, or where a test has the like
 * Host and port are KUBERNETES_SERVICE_HOST and _PORT of the environment.
 * Return: as wd_kube_login_file().
 */
int wd_kube_login_pod(const char *dir, struct wd_kube_login *ret_login,
		      char **ret_error);

/** wd_kube_login_init() - none yet: may be released */
void wd_kube_login_init(struct wd_kube_login *login);
void wd_kube_login_fini(struct wd_kube_login *login);

/** wd_kube_login_warn() - log what is dangerous in it: in clear, not verified */
void wd_kube_login_warn(const struct wd_kube_login *login);

/**
 * wd_kube_login_token() - the token to send now
 * @ret_token: to be freed; NULL: none is used
 * Return: 0; -errno of reading its file; -EBADMSG it holds no token.
 */
int wd_kube_login_token(const struct wd_kube_login *login, char **ret_token);

#endif /* WARDER_KUBE_LOGIN_H */
