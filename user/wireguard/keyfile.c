/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keyfile.c - keeps this node's private key. It is told to nobody, printed
 * nowhere, and each buffer that held it is wiped.
 */
#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../model/xalloc.h"

#define TEXT_BYTES (WD_WGKEY_STRLEN + 1) /* with a line feed, and NUL */

/* Is it a file that nobody else can have read or written? */
static int check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_uid != geteuid() || st.st_mode & (S_IRWXG | S_IRWXO))
		return -EACCES;
	return 0;
}

static int read_text(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, text + len, size - len);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			break;
		len += got > 0 ? (size_t)got : 0;
	}
	if (len == size)
		return -EINVAL; /* longer than a key */
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return 0;
}

int wd_wg_keyfile_read(const char *path, struct wd_wgkey *ret_secret)
{
	char text[TEXT_BYTES + 1];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = check_file(fd);
	if (!err)
		err = read_text(fd, text, sizeof(text));
	if (!err)
		err = wd_wgkey_parse(text, ret_secret);
	explicit_bzero(text, sizeof(text));
	(void)close(fd);
	return err;
}

static int write_text(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t put = write(fd, text, len);

		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0) {
			text += put;
			len -= (size_t)put;
		}
	}
	return fsync(fd) ? -errno : 0;
}

/* So that the name lasts, too. */
static int sync_folder(const char *path)
{
	char *copy = wd_xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) ? -errno : 0;

	if (fd >= 0)
		(void)close(fd);
	free(copy);
	return err;
}

static int write_new(const char *path, const struct wd_wgkey *secret)
{
	char text[TEXT_BYTES];
	char *part = wd_xprintf("%s.%d", path, (int)getpid());
	int fd, err;

	(void)unlink(part); /* of a process that had our number */
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  S_IRUSR | S_IWUSR);
	if (fd < 0) {
		err = -errno;
		free(part);
		return err;
	}
	(void)wd_wgkey_str(secret, text);
	text[WD_WGKEY_STRLEN - 1] = '\n';
	err = write_text(fd, text, WD_WGKEY_STRLEN);
	explicit_bzero(text, sizeof(text));
	(void)close(fd);
	/* Unlike rename() it does not replace what is there. */
	if (!err && link(part, path))
		err = -errno;
	(void)unlink(part);
	free(part);
	return err ? err : sync_folder(path);
}

int wd_wg_keyfile_make(const char *path, struct wd_wgkey *ret_secret)
{
	struct wd_wgkey secret;
	int err = 0;

	if (getrandom(&secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		err = -EIO;
	/* What makes 32 bytes a key of Curve25519: RFC 7748, section 5. */
	secret.byte[0] &= 248;
	secret.byte[31] = (secret.byte[31] & 127) | 64;
	if (!err)
		err = write_new(path, &secret);
	if (!err)
		*ret_secret = secret;
	wd_wgkey_wipe(&secret);
	return err;
}
