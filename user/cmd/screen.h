/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * screen.h - a terminal that is borrowed whole and given back as it was, on
 * every way out that a program can see.
 */
#ifndef WARDER_CMD_SCREEN_H
#define WARDER_CMD_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** wd_screen_open() - take standard input and output. Return: 0, -ENOTTY, -errno */
int wd_screen_open(void);

/** wd_screen_close() - give it back; may be called twice, or without an open */
void wd_screen_close(void);

/** wd_screen_size() - columns and rows as they are now; 80 and 24 where nobody says */
void wd_screen_size(uint32_t *ret_cols, uint32_t *ret_rows);

/**
 * wd_screen_paint() - show @text, line by line over what was there
 * In one write, and nothing is cleared before it is overwritten: no flicker.
 * What is too long or too many is cut.
 * Return: 0 or -errno.
 */
int wd_screen_paint(const char *text);

/**
 * wd_screen_wait() - for a key, for @ms at most
 * Return: the key; 0 none; -ECANCELED a signal asked to end; -EINTR the size is
 *	   another; -EIO the terminal is gone.
 */
int wd_screen_wait(int ms);

#endif /* WARDER_CMD_SCREEN_H */
