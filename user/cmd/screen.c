/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * screen.c - the terminal: the alternate screen, no echo, no cursor. Signals
 * only set a flag; who waits sees it, ends, and gives the terminal back.
 */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[2J"
#define LEAVE "\033[?25h\033[?1049l"

static struct termios before;
static bool is_open;
static volatile sig_atomic_t ends, resized;

static void on_signal(int nr)
{
	if (nr == SIGWINCH)
		resized = 1;
	else
		ends = 1;
}

/* Also those of a closed terminal and of a pipe, which would end it half-way. */
static int catch_signals(void)
{
	static const int numbers[] = { SIGINT,	SIGTERM, SIGHUP,
				       SIGQUIT, SIGPIPE, SIGWINCH };
	struct sigaction act = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (sigaction(numbers[i], &act, NULL))
			return -errno;
	return 0;
}

static int put(const char *text, size_t len)
{
	while (len) {
		ssize_t cnt = write(STDOUT_FILENO, text, len);

		if (cnt < 0 && errno != EINTR)
			return -errno;
		if (cnt > 0) {
			text += cnt;
			len -= (size_t)cnt;
		}
	}
	return 0;
}

int wd_screen_open(void)
{
	struct termios raw;
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	if (tcgetattr(STDIN_FILENO, &before))
		return -errno;
	err = catch_signals();
	if (err)
		return err;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] =
		_POSIX_VDISABLE; /* stopped, it would keep the screen */
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw))
		return -errno;
	is_open = true;
	if (atexit(wd_screen_close)) {
		wd_screen_close();
		return -ENOMEM;
	}
	return put(ENTER, strlen(ENTER));
}

void wd_screen_close(void)
{
	if (!is_open)
		return;
	is_open = false;
	/* a terminal that is gone has nothing to be given back */
	(void)put(LEAVE, strlen(LEAVE));
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void wd_screen_size(uint32_t *ret_cols, uint32_t *ret_rows)
{
	struct winsize size = { 0 };
	bool known = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);

	*ret_cols = known && size.ws_col ? size.ws_col : 80;
	*ret_rows = known && size.ws_row ? size.ws_row : 24;
}

int wd_screen_paint(const char *text)
{
	char *out = NULL;
	uint32_t cols, rows;
	size_t len;
	FILE *to = open_memstream(&out, &len);
	int err;

	if (!to)
		return -ENOMEM;
	wd_screen_size(&cols, &rows);
	(void)fputs("\033[H", to);
	for (uint32_t row = 0; *text && row < rows; row++) {
		size_t all = strcspn(text, "\n");

		(void)fprintf(to, "%s%.*s\033[K", row ? "\n" : "",
			      (int)(all < cols ? all : cols), text);
		text += all + (text[all] == '\n');
	}
	(void)fputs("\033[J", to);
	err = fclose(to) ? -errno : put(out, len);
	free(out);
	return err;
}

int wd_screen_wait(int ms)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	unsigned char key;
	ssize_t cnt;
	int ready;

	if (ends)
		return -ECANCELED;
	ready = poll(&in, 1, ms);
	if (ends)
		return -ECANCELED;
	if (resized) {
		resized = 0;
		return -EINTR;
	}
	if (ready <= 0)
		return ready && errno != EINTR ? -errno : 0;
	cnt = read(STDIN_FILENO, &key, 1);
	if (cnt == 1)
		return key;
	return (in.revents & (POLLHUP | POLLERR)) ? -EIO : 0;
}
