/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * archive.c - see archive.h.
 *
 * What goes in is listed here, one by one: commands that tell of the node and of
 * what is in force, by names of pods and policies, labels and addresses. None of
 * them prints a key, a token, the environment or a manifest, and no flow of
 * anybody is in them. A command that fails leaves its words and its exit code:
 * why it failed may be what is looked for.
 */
#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "../base/tar.h"
#include "../base/version.h"
#include "../model/xalloc.h"
#include "cmd.h"

#define FOLDER "warder-bugreport/"
#define WORDS_MAX 8

static const struct piece {
	const char *file; /* without .txt and .json */
	const char *word[3]; /* of the command */
	bool state; /* takes --state-dir */
	bool asks; /* the agent, and is of no use without an answer */
	bool text_only;
} pieces[] = {
	{ "kernel", { "bugreport" }, true, false, false },
	{ "doctor", { "doctor" }, false, false, false },
	{ "status", { "status" }, false, true, false },
	{ "events", { "status", "--events" }, false, true, false },
	{ "ladder", { "ladder", "show" }, false, true, false },
	{ "maps", { "map", "list" }, false, true, false },
	{ "endpoints", { "endpoint", "list" }, false, true, false },
	{ "identities", { "identity", "list" }, false, true, false },
	{ "policies", { "policy", "list" }, false, true, false },
	{ "services", { "service", "list" }, false, true, false },
	{ "encryption", { "encryption", "status" }, false, true, false },
	{ "wireguard", { "wireguard", "status" }, false, false, false },
	{ "slo", { "slo", "status" }, false, true, false },
	{ "cni", { "cni", "check" }, false, false, false },
	{ "metrics", { "metrics" }, false, true, true },
};

struct archive {
	const struct wd_args *args;
	const char *state_dir;
	FILE *to;
	FILE *index; /* INDEX.txt, which is the last */
	int64_t now;
	bool mute; /* an agent is there and does not answer */
	unsigned int files;
};

/* ---- what one command says ---- */

static size_t fill_words(const struct archive *archive,
			 const struct piece *piece, bool json, char **word)
{
	static char program[] = "warder", as_json[] = "--json";
	static char run_dir[] = "--run-dir", state_dir[] = "--state-dir";
	size_t cnt = 0;

	word[cnt++] = program;
	for (size_t i = 0; i < 3 && piece->word[i]; i++)
		word[cnt++] = (char *)(uintptr_t)piece->word[i];
	word[cnt++] = run_dir;
	word[cnt++] = (char *)(uintptr_t)archive->args->run_dir;
	if (json)
		word[cnt++] = as_json;
	if (piece->state) {
		word[cnt++] = state_dir;
		word[cnt++] = (char *)(uintptr_t)archive->state_dir;
	}
	return cnt;
}

/* Return: its exit code, -errno it has none. */
static int run(const struct archive *archive, const struct piece *piece,
	       bool json, const int *fd)
{
	char *word[WORDS_MAX + 3] = { NULL };
	size_t cnt = fill_words(archive, piece, json, word);
	int status = 0;
	pid_t pid;

	(void)fflush(NULL); /* what waits there would be written twice */
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		int code = 1;

		if (dup2(fd[0], STDOUT_FILENO) >= 0 &&
		    dup2(fd[1], STDERR_FILENO) >= 0)
			code = wd_cmd_main((int)cnt, word);
		(void)fflush(stdout);
		_exit(code);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

static int read_whole(int fd, char **ret_data, size_t *ret_len)
{
	struct stat st;
	char *data;

	if (fstat(fd, &st))
		return -errno;
	data = wd_xrealloc(NULL, (size_t)st.st_size + 1, 1);
	if (pread(fd, data, (size_t)st.st_size, 0) != st.st_size) {
		free(data);
		return -EIO;
	}
	*ret_data = data;
	*ret_len = (size_t)st.st_size;
	return 0;
}

/* ---- the files ---- */

static int put_file(struct archive *archive, const char *name, const void *data,
		    size_t len)
{
	char *path = wd_xprintf(FOLDER "%s", name);
	int err = wd_tar_put(archive->to, path, archive->now, data, len);

	free(path);
	archive->files++;
	return err;
}

static void note(struct archive *archive, const struct piece *piece,
		 const char *name, int code)
{
	fprintf(archive->index, "%-16s `warder", name);
	for (size_t i = 0; i < 3 && piece->word[i]; i++)
		fprintf(archive->index, " %s", piece->word[i]);
	if (code < 0)
		fprintf(archive->index, "`: could not be run: %s\n",
			wd_errno(code));
	else
		fprintf(archive->index, "`: exit code %d\n", code);
}

/* What it says and, where that is nothing, its error. */
static int put_said(struct archive *archive, const char *name, const int *fd)
{
	char *data = NULL;
	size_t len = 0;
	int err = read_whole(fd[0], &data, &len);

	if (!err && !len) {
		free(data);
		data = NULL;
		err = read_whole(fd[1], &data, &len);
	}
	if (!err)
		err = put_file(archive, name, data, len);
	free(data);
	return err;
}

/* Return: 0 also where the command failed; -errno of the archive. */
static int put_output(struct archive *archive, const struct piece *piece,
		      bool json)
{
	char *name = wd_xprintf("%s.%s", piece->file, json ? "json" : "txt");
	int fd[2] = { memfd_create("warder", MFD_CLOEXEC),
		      memfd_create("warder", MFD_CLOEXEC) };
	int err = fd[0] < 0 || fd[1] < 0 ? -EMFILE : 0;

	if (!err) {
		note(archive, piece, name, run(archive, piece, json, fd));
		err = put_said(archive, name, fd);
	}
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
	free(name);
	return err;
}

static int put_pieces(struct archive *archive)
{
	int err = 0;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces) && !err; i++) {
		const struct piece *piece = &pieces[i];

		if (archive->mute && piece->asks) {
			fprintf(archive->index,
				"%-16s left out: the agent does not answer\n",
				piece->file);
			continue;
		}
		err = put_output(archive, piece, false);
		if (!err && !piece->text_only)
			err = put_output(archive, piece, true);
	}
	return err;
}

static int put_all(struct archive *archive)
{
	char *text = NULL;
	size_t len = 0;
	int err;

	archive->index = open_memstream(&text, &len);
	if (!archive->index)
		return -ENOMEM;
	fprintf(archive->index,
		"warder %s, what its commands said at %lld seconds since the "
		"epoch\n\n",
		WARDER_VERSION, (long long)archive->now);
	err = put_pieces(archive);
	if (fclose(archive->index))
		err = err ?: -ENOMEM;
	if (!err)
		err = put_file(archive, "INDEX.txt", text, len);
	free(text);
	return err ?: wd_tar_end(archive->to);
}

/* ---- the whole ---- */

/*
 * A file of its own, which takes the place of @path in the end: what is there may
 * be another's, who holds it open. Of a device or a link nothing is replaced.
 */
static int open_private(const char *path, char **ret_temp)
{
	struct stat st;
	int fd;

	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR :
		       S_ISLNK(st.st_mode) ? -ELOOP :
					     -EEXIST;
	*ret_temp = wd_xprintf("%s.XXXXXX", path);
	fd = mkostemp(*ret_temp, O_CLOEXEC); /* mode 0600 */
	if (fd >= 0)
		return fd;
	fd = -errno;
	free(*ret_temp);
	*ret_temp = NULL;
	return fd;
}

static int put_in_place(const char *temp, const char *path, int err)
{
	if (!err && rename(temp, path))
		err = -errno;
	if (err)
		(void)unlink(temp);
	return err;
}

static bool is_mute(const struct wd_args *args)
{
	struct json_object *answer = NULL;
	int err = wd_cmd_try(args, wd_cmd_request("status"), WD_CMD_TIMEOUT_MS,
			     &answer);

	json_object_put(answer);
	return err == -ETIMEDOUT;
}

static void tell(const struct archive *archive, const char *path)
{
	struct json_object *doc;

	if (!archive->args->json) {
		printf("%s: %u files; names of pods and policies, labels and "
		       "addresses are in it, no secrets\n",
		       path, archive->files);
		return;
	}
	doc = json_object_new_object();
	wd_json_str(doc, "file", path);
	wd_json_int(doc, "files", archive->files);
	wd_cmd_json(doc);
	json_object_put(doc);
}

int wd_archive(const struct wd_args *args, const char *path,
	       const char *state_dir)
{
	struct archive archive = {
		.args = args,
		.state_dir = state_dir,
		.now = (int64_t)time(NULL),
	};
	char *temp = NULL;
	int fd = open_private(path, &temp), err = fd < 0 ? fd : 0;

	if (!err) {
		archive.to = fdopen(fd, "w");
		err = archive.to ? 0 : -errno;
	}
	if (!err) {
		archive.mute = is_mute(args);
		err = put_all(&archive);
		if (fclose(archive.to))
			err = err ?: -EIO;
	} else if (fd >= 0) {
		(void)close(fd);
	}
	if (temp)
		err = put_in_place(temp, path, err);
	free(temp);
	if (err)
		return wd_cmd_fail(args, WD_EXIT_NO, path, "%s", wd_errno(err));
	tell(&archive, path);
	return WD_EXIT_OK;
}
