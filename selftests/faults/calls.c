/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calls.c - libc's functions that ask the kernel: each fails when it is struck.
 */
#undef _FORTIFY_SOURCE /* its inline functions have these names */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "strike.h"

#define BEHIND __builtin_return_address(0)

/* CALL(what returns, its name, kind, failure, parameters, arguments) */
#define CALL(type, name, what, failed, params, args) \
	type name params \
	{ \
		static type(*next) params; \
\
		if (!next) \
			*(void **)&next = wd_strike_next(#name); \
		if (wd_struck(WD_STRIKE_##what, BEHIND)) \
			return failed; \
		return next args; \
	}

/* What fortified programs call instead. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
ssize_t __read_chk(int fd, void *buf, size_t len, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t len, off_t at, size_t room);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t room, int flags,
		       __SOCKADDR_ARG addr, socklen_t *bytes);
ssize_t __readlink_chk(const char *path, char *buf, size_t len, size_t room);
ssize_t __readlinkat_chk(int dir, const char *path, char *buf, size_t len,
			 size_t room);
int __poll_chk(struct pollfd *fds, nfds_t cnt, int ms, size_t room);

/* ---- memory and the rest of the kernel ---- */

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (wd_struck(WD_STRIKE_MAP, BEHIND))
		return MAP_FAILED;
	return (void *)wd_strike_raw()(SYS_mmap, at, len, prot, flags, fd,
				       offset);
}

void *mmap64(void *at, size_t len, int prot, int flags, int fd, off64_t offset)
{
	if (wd_struck(WD_STRIKE_MAP, BEHIND))
		return MAP_FAILED;
	return (void *)wd_strike_raw()(SYS_mmap, at, len, prot, flags, fd,
				       offset);
}

long syscall(long number, ...)
{
	static long (*next)(long number, ...);
	long arg[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (!next)
		*(void **)&next = wd_strike_next("syscall");
	if (wd_struck(number == SYS_bpf ? WD_STRIKE_BPF : WD_STRIKE_SYSCALL,
		      BEHIND))
		return -1;
	return next(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* ---- files ---- */

/* A file's mode stands there only where one is made. */
#define OPEN(name, params, args, last) \
	int name params \
	{ \
		static int(*next) params; \
		mode_t mode; \
		va_list more; \
\
		va_start(more, last); \
		mode = (last & (O_CREAT | __O_TMPFILE)) ? \
			       va_arg(more, mode_t) : \
			       0; \
		va_end(more); \
		if (!next) \
			*(void **)&next = wd_strike_next(#name); \
		if (wd_struck(WD_STRIKE_OPEN, BEHIND)) \
			return -1; \
		return next args; \
	}

OPEN(open, (const char *path, int flags, ...), (path, flags, mode), flags)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), flags)
OPEN(openat, (int dir, const char *path, int flags, ...),
     (dir, path, flags, mode), flags)
OPEN(openat64, (int dir, const char *path, int flags, ...),
     (dir, path, flags, mode), flags)
CALL(int, __open_2, OPEN, -1, (const char *path, int flags), (path, flags))
CALL(int, __open64_2, OPEN, -1, (const char *path, int flags), (path, flags))
CALL(int, __openat_2, OPEN, -1, (int dir, const char *path, int flags),
     (dir, path, flags))
CALL(int, __openat64_2, OPEN, -1, (int dir, const char *path, int flags),
     (dir, path, flags))
CALL(FILE *, fopen, OPEN, NULL, (const char *path, const char *mode),
     (path, mode))
CALL(FILE *, fopen64, OPEN, NULL, (const char *path, const char *mode),
     (path, mode))
CALL(FILE *, fdopen, OPEN, NULL, (int fd, const char *mode), (fd, mode))
CALL(DIR *, opendir, OPEN, NULL, (const char *path), (path))
CALL(DIR *, fdopendir, OPEN, NULL, (int fd), (fd))
CALL(ssize_t, read, READ, -1, (int fd, void *buf, size_t len), (fd, buf, len))
CALL(ssize_t, __read_chk, READ, -1,
     (int fd, void *buf, size_t len, size_t room), (fd, buf, len, room))
CALL(ssize_t, pread, READ, -1, (int fd, void *buf, size_t len, off_t at),
     (fd, buf, len, at))
CALL(ssize_t, __pread_chk, READ, -1,
     (int fd, void *buf, size_t len, off_t at, size_t room),
     (fd, buf, len, at, room))

ssize_t write(int fd, const void *buf, size_t len)
{
	if (wd_half_struck(BEHIND)) {
		(void)wd_strike_raw()(SYS_write, fd, buf, len / 2);
		wd_strike_kill();
	}
	if (wd_struck(WD_STRIKE_WRITE, BEHIND))
		return -1;
	return wd_strike_raw()(SYS_write, fd, buf, len);
}

CALL(ssize_t, pwrite, WRITE, -1,
     (int fd, const void *buf, size_t len, off_t at), (fd, buf, len, at))
CALL(ssize_t, writev, WRITE, -1, (int fd, const struct iovec *part, int cnt),
     (fd, part, cnt))
CALL(int, fsync, SYNC, -1, (int fd), (fd))
CALL(int, fdatasync, SYNC, -1, (int fd), (fd))

int close(int fd)
{
	bool struck = wd_struck(WD_STRIKE_CLOSE, BEHIND);
	int err = (int)wd_strike_raw()(SYS_close, fd);

	return struck ? -1 : err;
}

CALL(int, rename, NAME_OF, -1, (const char *from, const char *to), (from, to))
CALL(int, renameat, NAME_OF, -1,
     (int dir, const char *from, int dir2, const char *to),
     (dir, from, dir2, to))
CALL(int, renameat2, NAME_OF, -1,
     (int dir, const char *from, int dir2, const char *to, unsigned int flags),
     (dir, from, dir2, to, flags))
CALL(int, unlink, NAME_OF, -1, (const char *path), (path))
CALL(int, unlinkat, NAME_OF, -1, (int dir, const char *path, int flags),
     (dir, path, flags))
CALL(int, mkdir, NAME_OF, -1, (const char *path, mode_t mode), (path, mode))
CALL(int, mkdirat, NAME_OF, -1, (int dir, const char *path, mode_t mode),
     (dir, path, mode))
CALL(int, rmdir, NAME_OF, -1, (const char *path), (path))
CALL(int, symlink, NAME_OF, -1, (const char *to, const char *path), (to, path))
CALL(int, link, NAME_OF, -1, (const char *from, const char *to), (from, to))
CALL(int, chmod, NAME_OF, -1, (const char *path, mode_t mode), (path, mode))
CALL(int, fchmod, NAME_OF, -1, (int fd, mode_t mode), (fd, mode))
CALL(int, fchown, NAME_OF, -1, (int fd, uid_t user, gid_t group),
     (fd, user, group))
CALL(int, futimens, NAME_OF, -1, (int fd, const struct timespec when[2]),
     (fd, when))
CALL(int, ftruncate, NAME_OF, -1, (int fd, off_t len), (fd, len))
CALL(int, stat, LOOK, -1, (const char *path, struct stat *st), (path, st))
CALL(int, lstat, LOOK, -1, (const char *path, struct stat *st), (path, st))
CALL(int, fstat, LOOK, -1, (int fd, struct stat *st), (fd, st))
CALL(int, fstatat, LOOK, -1,
     (int dir, const char *path, struct stat *st, int flags),
     (dir, path, st, flags))
CALL(int, access, LOOK, -1, (const char *path, int how), (path, how))
CALL(int, faccessat, LOOK, -1, (int dir, const char *path, int how, int flags),
     (dir, path, how, flags))
CALL(ssize_t, readlink, LOOK, -1, (const char *path, char *buf, size_t len),
     (path, buf, len))
CALL(ssize_t, __readlink_chk, LOOK, -1,
     (const char *path, char *buf, size_t len, size_t room),
     (path, buf, len, room))
CALL(ssize_t, readlinkat, LOOK, -1,
     (int dir, const char *path, char *buf, size_t len), (dir, path, buf, len))
CALL(ssize_t, __readlinkat_chk, LOOK, -1,
     (int dir, const char *path, char *buf, size_t len, size_t room),
     (dir, path, buf, len, room))

/* ---- sockets ---- */

CALL(int, socket, SOCKET, -1, (int family, int type, int proto),
     (family, type, proto))
CALL(int, socketpair, SOCKET, -1, (int family, int type, int proto, int fd[2]),
     (family, type, proto, fd))
CALL(int, bind, SOCKET, -1, (int fd, __CONST_SOCKADDR_ARG addr, socklen_t len),
     (fd, addr, len))
CALL(int, connect, SOCKET, -1,
     (int fd, __CONST_SOCKADDR_ARG addr, socklen_t len), (fd, addr, len))
CALL(int, listen, SOCKET, -1, (int fd, int cnt), (fd, cnt))
CALL(int, accept, SOCKET, -1, (int fd, __SOCKADDR_ARG addr, socklen_t *len),
     (fd, addr, len))
CALL(int, accept4, SOCKET, -1,
     (int fd, __SOCKADDR_ARG addr, socklen_t *len, int flags),
     (fd, addr, len, flags))
CALL(int, setsockopt, SOCKET, -1,
     (int fd, int level, int name, const void *val, socklen_t len),
     (fd, level, name, val, len))
CALL(int, getsockopt, SOCKET, -1,
     (int fd, int level, int name, void *val, socklen_t *len),
     (fd, level, name, val, len))
CALL(int, getsockname, SOCKET, -1,
     (int fd, __SOCKADDR_ARG addr, socklen_t *len), (fd, addr, len))
CALL(ssize_t, send, SEND, -1, (int fd, const void *buf, size_t len, int flags),
     (fd, buf, len, flags))
CALL(ssize_t, sendto, SEND, -1,
     (int fd, const void *buf, size_t len, int flags, __CONST_SOCKADDR_ARG addr,
      socklen_t bytes),
     (fd, buf, len, flags, addr, bytes))
CALL(ssize_t, sendmsg, SEND, -1, (int fd, const struct msghdr *msg, int flags),
     (fd, msg, flags))
CALL(ssize_t, recv, RECEIVE, -1, (int fd, void *buf, size_t len, int flags),
     (fd, buf, len, flags))
CALL(ssize_t, __recv_chk, RECEIVE, -1,
     (int fd, void *buf, size_t len, size_t room, int flags),
     (fd, buf, len, room, flags))
CALL(ssize_t, recvfrom, RECEIVE, -1,
     (int fd, void *buf, size_t len, int flags, __SOCKADDR_ARG addr,
      socklen_t *bytes),
     (fd, buf, len, flags, addr, bytes))
CALL(ssize_t, __recvfrom_chk, RECEIVE, -1,
     (int fd, void *buf, size_t len, size_t room, int flags,
      __SOCKADDR_ARG addr, socklen_t *bytes),
     (fd, buf, len, room, flags, addr, bytes))
CALL(ssize_t, recvmsg, RECEIVE, -1, (int fd, struct msghdr *msg, int flags),
     (fd, msg, flags))

/* ---- waiting ---- */

CALL(int, epoll_create1, WAIT, -1, (int flags), (flags))
CALL(int, epoll_ctl, WAIT, -1,
     (int fd, int op, int of, struct epoll_event *event), (fd, op, of, event))
CALL(int, epoll_wait, WAIT, -1,
     (int fd, struct epoll_event *event, int cnt, int ms), (fd, event, cnt, ms))
CALL(int, timerfd_create, WAIT, -1, (clockid_t id, int flags), (id, flags))
CALL(int, timerfd_settime, WAIT, -1,
     (int fd, int flags, const struct itimerspec *val, struct itimerspec *old),
     (fd, flags, val, old))
CALL(int, eventfd, WAIT, -1, (unsigned int first, int flags), (first, flags))
CALL(int, signalfd, WAIT, -1, (int fd, const sigset_t *mask, int flags),
     (fd, mask, flags))
CALL(int, inotify_init1, WAIT, -1, (int flags), (flags))
CALL(int, inotify_add_watch, WAIT, -1,
     (int fd, const char *path, uint32_t mask), (fd, path, mask))
CALL(int, poll, WAIT, -1, (struct pollfd * fds, nfds_t cnt, int ms),
     (fds, cnt, ms))
CALL(int, __poll_chk, WAIT, -1,
     (struct pollfd * fds, nfds_t cnt, int ms, size_t room),
     (fds, cnt, ms, room))
CALL(int, pipe2, WAIT, -1, (int fd[2], int flags), (fd, flags))
CALL(int, dup2, WAIT, -1, (int from, int to), (from, to))

/* ---- processes ---- */

CALL(pid_t, fork, PROCESS, -1, (void), ())
CALL(pid_t, waitpid, PROCESS, -1, (pid_t pid, int *status, int flags),
     (pid, status, flags))
CALL(int, unshare, PROCESS, -1, (int flags), (flags))
CALL(int, setns, PROCESS, -1, (int fd, int type), (fd, type))
