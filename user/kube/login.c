/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * login.c - reads a kubeconfig, or what a pod of the cluster finds in its files.
 *
 * What cannot be done is refused, never left out: a login that is another than
 * the file says could be one to another cluster. Programs that a kubeconfig
 * names (exec, auth-provider) are not run: the agent is root and starts none.
 */
#include "login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/log.h"
#include "../model/xalloc.h"
#include "../source/tree.h"

#define FILE_MAX (1U << 20)

enum memory { MEMORY_CA, MEMORY_CERT, MEMORY_KEY };

/* A kubeconfig while it is read. */
struct reader {
	const char *path;
	struct wd_kube_login *login;
	char *error; /* the first one */
	bool seen; /* a document */
};

/* ---- telling ---- */

__attribute__((format(printf, 4, 5))) static int
fail(struct reader *r, uint32_t line, const char *field, const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!r->error)
		r->error = wd_xprintf("%s:%u: %s%s%s", r->path, line, field,
				      *field ? ": " : "", text);
	return -EINVAL;
}

/* ---- files ---- */

/* A whole small file; *ret_text ends with a NUL and has room for it. */
static int read_file(const char *path, char **ret_text, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text;
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return errno ? -errno : -EIO;
	text = wd_xcalloc(1, FILE_MAX + 1);
	while (len < FILE_MAX &&
	       (n = read(fd, text + len, FILE_MAX - len)) != 0) {
		if (n < 0) {
			n = errno ? -errno : -EIO;
			(void)close(fd);
			free(text);
			return (int)n;
		}
		len += (size_t)n;
	}
	(void)close(fd);
	if (len == FILE_MAX) {
		free(text);
		return -EFBIG;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* RFC 4648, 4; white space between is passed over. Return: bytes, or -EBADMSG. */
static ssize_t base64_decode(const char *text, uint8_t *out)
{
	uint32_t bits = 0;
	uint32_t cnt = 0;
	ssize_t len = 0;

	for (; *text && *text != '='; text++) {
		int value;

		if (strchr(" \t\r\n", *text))
			continue;
		value = base64_value(*text);
		if (value < 0)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)value;
		cnt += 6;
		if (cnt >= 8) {
			cnt -= 8;
			out[len++] = (uint8_t)(bits >> cnt);
		}
	}
	for (; *text; text++) {
		if (!strchr("= \t\r\n", *text))
			return -EBADMSG;
	}
	return len;
}

/* Bytes as a file that only this process has. */
static int to_memory(struct wd_kube_login *login, enum memory which,
		     const uint8_t *bytes, size_t len, char **ret_path)
{
	int fd = memfd_create("warder-kube", MFD_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, bytes, len);
	if (n != (ssize_t)len) {
		n = n < 0 ? -errno : -EIO;
		(void)close(fd);
		return (int)n;
	}
	if (login->fd[which] >= 0)
		(void)close(login->fd[which]);
	login->fd[which] = fd;
	free(*ret_path);
	*ret_path = wd_xprintf("/proc/self/fd/%d", fd);
	return 0;
}

/* ---- fields ---- */

static int check_known(struct reader *r, const struct wd_tree *map,
		       const char *where, const char *const *known)
{
	for (const struct wd_tree *e = map->child; e; e = e->next) {
		size_t i = 0;

		while (known[i] && strcmp(known[i], e->key) != 0)
			i++;
		if (!known[i])
			return fail(
				r, e->line, where,
				"field '%.80s' is not one that warder reads; "
				"remove it if it may go",
				e->key);
	}
	return 0;
}

static int get_text(struct reader *r, const struct wd_tree *map,
		    const char *where, const char *key, const char **ret)
{
	const struct wd_tree *node = wd_tree_get(map, key);

	*ret = NULL;
	if (!node)
		return 0;
	/* A number is a text here, too: a password may look like one. */
	if (node->type != WD_TREE_SCALAR)
		return fail(r, node->line, where, "%s must be text", key);
	if (*node->text)
		*ret = node->text;
	return 0;
}

static int get_bool(struct reader *r, const struct wd_tree *map,
		    const char *where, const char *key, bool *ret)
{
	const char *text;
	int err = get_text(r, map, where, key, &text);

	*ret = false;
	if (err || !text)
		return err;
	*ret = strcmp(text, "true") == 0;
	if (*ret || strcmp(text, "false") == 0)
		return 0;
	return fail(r, wd_tree_get(map, key)->line, where,
		    "%s must be true or false", key);
}

/* A path; one that is relative is so to the kubeconfig. */
static char *path_of(const struct reader *r, const char *path)
{
	const char *slash = strrchr(r->path, '/');

	if (*path == '/' || !slash)
		return wd_xstrdup(path);
	return wd_xprintf("%.*s/%s", (int)(slash - r->path), r->path, path);
}

/* Field @key is a path, and with "-data" behind it the content itself, which counts. */
static int get_file(struct reader *r, const struct wd_tree *map,
		    const char *where, const char *key, enum memory which,
		    char **ret_path)
{
	char data_key[64];
	const char *path;
	const char *data;
	uint8_t *bytes;
	ssize_t len;
	int err;

	(void)snprintf(data_key, sizeof(data_key), "%s-data", key);
	err = get_text(r, map, where, key, &path);
	if (!err)
		err = get_text(r, map, where, data_key, &data);
	if (err)
		return err;
	if (!data) {
		*ret_path = path ? path_of(r, path) : NULL;
		return 0;
	}
	bytes = wd_xcalloc(1, strlen(data) + 1);
	len = base64_decode(data, bytes);
	if (len <= 0)
		err = fail(r, wd_tree_get(map, data_key)->line, where,
			   "%s is not base64", data_key);
	else
		err = to_memory(r->login, which, bytes, (size_t)len, ret_path);
	if (err && !r->error)
		(void)fail(r, map->line, where, "%s: %s", data_key,
			   wd_errno(err));
	explicit_bzero(bytes, strlen(data) + 1);
	free(bytes);
	return err;
}

/* Entry of list @list (clusters, contexts, users) named @name: its field @key, or NULL and told. */
static const struct wd_tree *get_named(struct reader *r,
				       const struct wd_tree *root,
				       const char *list, const char *key,
				       const char *name)
{
	const struct wd_tree *node = wd_tree_get(root, list);
	const struct wd_tree *e =
		node && node->type == WD_TREE_LIST ? node->child : NULL;

	for (; e; e = e->next) {
		const struct wd_tree *its = wd_tree_get(e, "name");
		const struct wd_tree *found = wd_tree_get(e, key);

		if (!its || its->type != WD_TREE_SCALAR ||
		    strcmp(its->text, name) != 0)
			continue;
		if (found && found->type == WD_TREE_MAP)
			return found;
		(void)fail(r, e->line, list, "'%.80s' has no %s", name, key);
		return NULL;
	}
	(void)fail(r, node ? node->line : root->line, list,
		   "there is none with the name '%.80s'", name);
	return NULL;
}

/* ---- parts ---- */

static int read_server(struct reader *r, const struct wd_tree *map,
		       const char *where)
{
	const char *server;
	size_t len;
	int err = get_text(r, map, where, "server", &server);

	if (err)
		return err;
	if (!server || (strncmp(server, "https://", 8) != 0 &&
			strncmp(server, "http://", 7) != 0))
		return fail(r, map->line, where,
			    "server must be an address such as "
			    "https://10.0.0.1:6443");
	len = strlen(server);
	while (len && server[len - 1] == '/')
		len--;
	r->login->server = wd_xprintf("%.*s", (int)len, server);
	return 0;
}

static int read_cluster(struct reader *r, const struct wd_tree *map,
			const char *where)
{
	static const char *const known[] = {
		"server",
		"certificate-authority",
		"certificate-authority-data",
		"insecure-skip-tls-verify",
		"tls-server-name",
		"proxy-url",
		"disable-compression",
		"extensions",
		NULL,
	};
	struct wd_kube_login *login = r->login;
	const char *name;
	const char *proxy;
	int err = check_known(r, map, where, known);

	if (!err)
		err = read_server(r, map, where);
	if (!err)
		err = get_file(r, map, where, "certificate-authority",
			       MEMORY_CA, &login->ca);
	if (!err)
		err = get_bool(r, map, where, "insecure-skip-tls-verify",
			       &login->insecure);
	if (!err)
		err = get_text(r, map, where, "tls-server-name", &name);
	if (!err)
		err = get_text(r, map, where, "proxy-url", &proxy);
	if (err)
		return err;
	if (login->insecure && login->ca)
		return fail(r, map->line, where,
			    "insecure-skip-tls-verify and a certificate "
			    "authority exclude each other");
	login->tls_name = wd_xstrdup(name);
	login->proxy = wd_xstrdup(proxy);
	return 0;
}

/* What would have the agent run a program, or be somebody else. */
static int refuse_programs(struct reader *r, const struct wd_tree *map,
			   const char *where)
{
	const struct wd_tree *node = wd_tree_get(map, "exec");

	if (!node)
		node = wd_tree_get(map, "auth-provider");
	if (node)
		return fail(r, node->line, where,
			    "%s would have the agent run a program, which it "
			    "does not; use tokenFile or a client certificate",
			    node->key);
	return 0;
}

static int read_basic(struct reader *r, const struct wd_tree *map,
		      const char *where)
{
	const char *name;
	const char *password;
	int err = get_text(r, map, where, "username", &name);

	if (!err)
		err = get_text(r, map, where, "password", &password);
	if (err || (!name && !password))
		return err;
	if (!name || !password || strchr(name, ':'))
		return fail(r, map->line, where,
			    "username (without a colon) and password go "
			    "together");
	r->login->user = wd_xprintf("%s:%s", name, password);
	return 0;
}

static int read_user(struct reader *r, const struct wd_tree *map,
		     const char *where)
{
	static const char *const known[] = {
		"client-certificate",
		"client-certificate-data",
		"client-key",
		"client-key-data",
		"token",
		"tokenFile",
		"username",
		"password",
		"extensions",
		NULL,
	};
	struct wd_kube_login *login = r->login;
	const char *token;
	const char *file;
	int err = refuse_programs(r, map, where);

	if (!err)
		err = check_known(r, map, where, known);
	if (!err)
		err = get_file(r, map, where, "client-certificate", MEMORY_CERT,
			       &login->cert);
	if (!err)
		err = get_file(r, map, where, "client-key", MEMORY_KEY,
			       &login->key);
	if (!err && !login->cert != !login->key)
		err = fail(r, map->line, where,
			   "client-certificate and client-key go together");
	if (!err)
		err = get_text(r, map, where, "token", &token);
	if (!err)
		err = get_text(r, map, where, "tokenFile", &file);
	if (err)
		return err;
	/* as in client-go: the file counts, for it can be renewed */
	if (file)
		login->token_file = path_of(r, file);
	else
		login->token = wd_xstrdup(token);
	return read_basic(r, map, where);
}

/* ---- the file ---- */

static int read_config(struct reader *r, const struct wd_tree *root)
{
	const struct wd_tree *map;
	const char *context;
	const char *cluster;
	const char *user = NULL;
	char where[200];
	int err;

	if (root->type != WD_TREE_MAP)
		return fail(r, root->line, "", "is no kubeconfig (no mapping)");
	err = get_text(r, root, "", "current-context", &context);
	if (err)
		return err;
	if (!context)
		return fail(r, root->line, "current-context",
			    "is missing: which cluster is meant?");
	map = get_named(r, root, "contexts", "context", context);
	if (!map || get_text(r, map, "contexts", "cluster", &cluster) ||
	    get_text(r, map, "contexts", "user", &user))
		return -EINVAL;
	if (!cluster)
		return fail(r, map->line, "contexts", "'%.80s' has no cluster",
			    context);
	map = get_named(r, root, "clusters", "cluster", cluster);
	(void)snprintf(where, sizeof(where), "cluster '%.80s'", cluster);
	err = map ? read_cluster(r, map, where) : -EINVAL;
	if (err || !user)
		return err;
	map = get_named(r, root, "users", "user", user);
	(void)snprintf(where, sizeof(where), "user '%.80s'", user);
	return map ? read_user(r, map, where) : -EINVAL;
}

static void on_document(void *ctx, const struct wd_tree *root)
{
	struct reader *r = ctx;

	if (r->seen) {
		(void)fail(r, root->line, "", "a second document");
		return;
	}
	r->seen = true;
	(void)read_config(r, root);
}

void wd_kube_login_init(struct wd_kube_login *login)
{
	*login = (struct wd_kube_login){ .fd = { -1, -1, -1 } };
}

int wd_kube_login_file(const char *path, struct wd_kube_login *ret_login,
		       char **ret_error)
{
	struct reader r = { .path = path, .login = ret_login };
	struct wd_tree_error error = { 0 };
	char *text = NULL;
	size_t len = 0;
	int err;

	wd_kube_login_init(ret_login);
	err = read_file(path, &text, &len);
	if (err) {
		*ret_error = wd_xprintf("%s: %s", path, wd_errno(err));
		return -EINVAL;
	}
	if (wd_yaml_read(text, len, on_document, &r, &error))
		(void)fail(&r, error.line, "", "%s", error.text);
	explicit_bzero(text, len);
	free(text);
	if (!r.seen)
		(void)fail(&r, 1, "", "is empty");
	if (!r.error)
		return 0;
	*ret_error = r.error;
	return -EINVAL;
}

int wd_kube_login_pod(const char *dir, struct wd_kube_login *ret_login,
		      char **ret_error)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = host && strchr(host, ':');
	char *token = NULL;
	int err;

	wd_kube_login_init(ret_login);
	if (!host || !*host || !port || !*port) {
		*ret_error = wd_xprintf(
			"not in a pod of a cluster: KUBERNETES_SERVICE_HOST and "
			"_PORT are not set; use --kubeconfig");
		return -EINVAL;
	}
	ret_login->server = wd_xprintf("https://%s%s%s:%s", v6 ? "[" : "", host,
				       v6 ? "]" : "", port);
	ret_login->ca = wd_xprintf("%s/ca.crt", dir);
	ret_login->token_file = wd_xprintf("%s/token", dir);
	err = wd_kube_login_token(ret_login, &token);
	if (!err && access(ret_login->ca, R_OK))
		err = -errno;
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
	if (!err)
		return 0;
	*ret_error = wd_xprintf("%s: token and ca.crt: %s", dir, wd_errno(err));
	return -EINVAL;
}

static void forget(char **secret)
{
	if (*secret)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

void wd_kube_login_fini(struct wd_kube_login *login)
{
	for (int i = 0; i < 3; i++) {
		if (login->fd[i] >= 0)
			(void)close(login->fd[i]);
	}
	free(login->server);
	free(login->ca);
	free(login->cert);
	free(login->key);
	free(login->token_file);
	free(login->tls_name);
	free(login->proxy);
	forget(&login->token);
	forget(&login->user);
	wd_kube_login_init(login);
}

int wd_kube_login_token(const struct wd_kube_login *login, char **ret_token)
{
	char *text = NULL;
	size_t len = 0;
	int err;

	*ret_token = NULL;
	if (!login->token_file) {
		*ret_token = wd_xstrdup(login->token);
		return 0;
	}
	err = read_file(login->token_file, &text, &len);
	if (err)
		return err;
	while (len && strchr(" \t\r\n", text[len - 1]))
		text[--len] = '\0';
	/* One line of visible characters, or it would be more than one header. */
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			err = -EBADMSG;
	}
	if (!len)
		err = -EBADMSG;
	if (err) {
		explicit_bzero(text, len);
		free(text);
		return err;
	}
	*ret_token = text;
	return 0;
}

void wd_kube_login_warn(const struct wd_kube_login *login)
{
	if (strncmp(login->server, "http://", 7) == 0)
		wd_warn("kube: %s is asked in clear: anyone on the way can change "
			"policy%s; use https",
			login->server,
			login->token || login->token_file || login->user ?
				", and read what the agent logs in with" :
				"");
	if (login->insecure)
		wd_warn("kube: the certificate of %s is not verified, as the "
			"kubeconfig says: whoever is in between can open this "
			"node",
			login->server);
}
