/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_netns.c - a path that a runtime told leads to its namespace also where
 * /var/run is no link, as in a container.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/netns.h"

#include "../tap.h"

/* Empty folders instead of /var and /run. Return: could that be done? */
static bool hide(void)
{
	return !unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNS :
				    CLONE_NEWNS) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", "/var", "tmpfs", 0, NULL) &&
	       !mount("none", "/run", "tmpfs", 0, NULL);
}

static void plant(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	wd_expect(fd >= 0);
	(void)close(fd);
}

static bool leads_to(const char *path, const char *file)
{
	struct stat got, want;
	int fd = wd_netns_open(path);
	bool is = fd >= 0 && !fstat(fd, &got) && !stat(file, &want) &&
		  got.st_ino == want.st_ino;

	if (fd >= 0)
		(void)close(fd);
	return is;
}

static void a_path_below_var_run_is_one_below_run(void)
{
	if (!hide()) {
		wd_test_skip("mounts of its own");
		return;
	}
	plant("/run/a");
	wd_expect(leads_to("/var/run/a", "/run/a"));
	wd_expect(leads_to("/run/a", "/run/a"));
	wd_expect_int(-ENOENT, wd_netns_open("/var/run/b"));
	wd_expect_int(-ENOENT, wd_netns_open("/var/lib/run/a"));

	wd_expect_int(0, mkdir("/var/run", 0700));
	plant("/var/run/a");
	wd_expect(leads_to("/var/run/a", "/var/run/a"));
}

int main(void)
{
	WD_TEST(a_path_below_var_run_is_one_below_run);
	return wd_tests_end();
}
