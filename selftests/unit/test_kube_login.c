/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_kube_login.c - kubeconfigs, and what a pod has instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kube/login.h"
#include "model/xalloc.h"
#include "tap.h"

static char dir[] = "/tmp/wd-login-XXXXXX";

static char *write_file(const char *name, const char *text)
{
	char *path = wd_xprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "we");

	if (wd_expect(file)) {
		(void)fputs(text, file);
		(void)fclose(file);
	}
	return path;
}

static void forget_file(char *path)
{
	(void)unlink(path);
	free(path);
}

/* With @cluster and @user as the fields of these; a text to be freed. */
static char *config_of(const char *cluster, const char *user)
{
	return wd_xprintf("apiVersion: v1\n"
			  "kind: Config\n"
			  "preferences: {}\n"
			  "current-context: here\n"
			  "contexts:\n"
			  "- {name: other, context: {cluster: no, user: no}}\n"
			  "- name: here\n"
			  "  context: {cluster: c, user: u, namespace: x}\n"
			  "clusters:\n"
			  "- name: c\n"
			  "  cluster: {%s}\n"
			  "users:\n"
			  "- name: u\n"
			  "  user: {%s}\n",
			  cluster, user);
}

static int read_config(const char *cluster, const char *user,
		       struct wd_kube_login *login, char **ret_error)
{
	char *text = config_of(cluster, user);
	char *path = write_file("config", text);
	int err = wd_kube_login_file(path, login, ret_error);

	forget_file(path);
	free(text);
	return err;
}

static void a_kubeconfig_says_server_and_credentials(void)
{
	struct wd_kube_login login;
	char *error = NULL;
	char *token = NULL;

	wd_expect_int(0, read_config("server: 'https://[fd00::1]:6443/', "
				     "certificate-authority: ca.crt, "
				     "tls-server-name: kubernetes",
				     "client-certificate: /etc/c.pem, "
				     "client-key: key.pem, token: abc",
				     &login, &error));
	wd_expect_str("https://[fd00::1]:6443", login.server);
	wd_expect(strncmp(login.ca, dir, strlen(dir)) == 0);
	wd_expect_str("/ca.crt", login.ca + strlen(dir));
	wd_expect_str("/etc/c.pem", login.cert);
	wd_expect_str("kubernetes", login.tls_name);
	wd_expect_int(0, login.insecure);
	wd_expect_int(0, wd_kube_login_token(&login, &token));
	wd_expect_str("abc", token);
	free(token);
	free(error);
	wd_kube_login_fini(&login);
}

static void content_in_the_file_is_a_file_of_its_own(void)
{
	struct wd_kube_login login;
	char *error = NULL;
	char text[16] = "";
	int fd;

	wd_expect_int(0, read_config("server: https://x, "
				     "certificate-authority: /no, "
				     "certificate-authority-data: aGVs bG8h",
				     "", &login, &error));
	fd = open(login.ca ? login.ca : "", O_RDONLY | O_CLOEXEC);
	if (wd_expect(fd >= 0)) {
		wd_expect_int(6, read(fd, text, sizeof(text) - 1));
		wd_expect_str("hello!", text);
		(void)close(fd);
	}
	free(error);
	wd_kube_login_fini(&login);
}

static void a_token_file_is_read_each_time(void)
{
	struct wd_kube_login login;
	char *path = write_file("token", "one\n");
	char *error = NULL;
	char *token = NULL;

	wd_expect_int(0, read_config("server: https://x",
				     "tokenFile: token, token: old", &login,
				     &error));
	wd_expect_int(0, wd_kube_login_token(&login, &token));
	wd_expect_str("one", token);
	free(token);
	free(write_file("token", "two"));
	wd_expect_int(0, wd_kube_login_token(&login, &token));
	wd_expect_str("two", token);
	free(token);
	free(write_file("token", "a\r\nX-Header: b"));
	wd_expect_int(-EBADMSG, wd_kube_login_token(&login, &token));
	forget_file(path);
	wd_expect_int(-ENOENT, wd_kube_login_token(&login, &token));
	free(error);
	wd_kube_login_fini(&login);
}

static const struct {
	const char *name;
	const char *cluster, *user;
	const char *told; /* after the file's name */
} refused[] = {
	{ "exec", "server: https://x", "exec: {command: aws}",
	  ":14: user 'u': exec would have the agent run a program" },
	{ "auth-provider", "server: https://x", "auth-provider: {name: gcp}",
	  ":14: user 'u': auth-provider would have the agent run a program" },
	{ "unknown field of a user", "server: https://x", "as: root",
	  ":14: user 'u': field 'as' is not one" },
	{ "unknown field of a cluster", "server: https://x, ca: y", "",
	  ":11: cluster 'c': field 'ca' is not one" },
	{ "no server", "tls-server-name: x", "",
	  ":11: cluster 'c': server must be" },
	{ "another protocol", "server: 'file:///etc'", "",
	  ":11: cluster 'c': server must be" },
	{ "bad base64", "server: https://x, certificate-authority-data: 'a*b'",
	  "", ":11: cluster 'c': certificate-authority-data is not base64" },
	{ "a certificate without its key", "server: https://x",
	  "client-certificate: c", ":14: user 'u': client-certificate and" },
	{ "verified and not",
	  "server: https://x, certificate-authority: c, "
	  "insecure-skip-tls-verify: true",
	  "", ":11: cluster 'c': insecure-skip-tls-verify and" },
	{ "neither true nor false",
	  "server: https://x, insecure-skip-tls-verify: maybe", "",
	  ":11: cluster 'c': insecure-skip-tls-verify must be" },
	{ "half a password", "server: https://x", "username: u",
	  ":14: user 'u': username" },
	{ "not YAML", "server: [", "", ":" },
};

static void what_cannot_be_done_is_refused_with_file_line_and_field(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct wd_kube_login login;
		char *error = NULL;
		char *want = wd_xprintf("%s/config%s", dir, refused[i].told);

		wd_test_row(refused[i].name);
		wd_expect_int(-EINVAL,
			      read_config(refused[i].cluster, refused[i].user,
					  &login, &error));
		if (wd_expect(error) && strncmp(error, want, strlen(want)) != 0)
			wd_expect_str(want, error);
		free(want);
		free(error);
		wd_kube_login_fini(&login);
	}
	wd_test_row(NULL);
}

static void a_context_that_is_not_there_is_told(void)
{
	char *path = write_file("config", "current-context: x\n");
	struct wd_kube_login login;
	char *error = NULL;

	wd_expect_int(-EINVAL, wd_kube_login_file(path, &login, &error));
	wd_expect(error && strstr(error, "contexts: there is none"));
	free(error);
	wd_kube_login_fini(&login);
	error = NULL;
	free(write_file("config", "clusters: []\n"));
	wd_expect_int(-EINVAL, wd_kube_login_file(path, &login, &error));
	wd_expect(error && strstr(error, "current-context: is missing"));
	free(error);
	wd_kube_login_fini(&login);
	forget_file(path);
}

static void a_pod_finds_its_server_by_environment_and_files(void)
{
	char *token = write_file("token", "t\n");
	char *ca = write_file("ca.crt", "-");
	struct wd_kube_login login;
	char *error = NULL;

	wd_expect_int(0, unsetenv("KUBERNETES_SERVICE_HOST"));
	wd_expect_int(-EINVAL, wd_kube_login_pod(dir, &login, &error));
	wd_expect(error && strstr(error, "KUBERNETES_SERVICE_HOST"));
	free(error);
	wd_kube_login_fini(&login);
	wd_expect_int(0, setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1));
	wd_expect_int(0, setenv("KUBERNETES_SERVICE_PORT", "443", 1));
	error = NULL;
	wd_expect_int(0, wd_kube_login_pod(dir, &login, &error));
	wd_expect_str("https://[fd00::1]:443", login.server);
	wd_expect_str(ca, login.ca);
	wd_expect_str(token, login.token_file);
	wd_kube_login_fini(&login);
	forget_file(token);
	wd_expect_int(-EINVAL, wd_kube_login_pod(dir, &login, &error));
	wd_expect(error && strstr(error, "-ENOENT"));
	free(error);
	wd_kube_login_fini(&login);
	forget_file(ca);
}

int main(void)
{
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	WD_TEST(a_kubeconfig_says_server_and_credentials);
	WD_TEST(content_in_the_file_is_a_file_of_its_own);
	WD_TEST(a_token_file_is_read_each_time);
	WD_TEST(what_cannot_be_done_is_refused_with_file_line_and_field);
	WD_TEST(a_context_that_is_not_there_is_told);
	WD_TEST(a_pod_finds_its_server_by_environment_and_files);
	(void)rmdir(dir);
	return wd_tests_end();
}
