/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trim.h - memory that is not needed any more goes back to the node.
 */
#ifndef WARDER_TRIM_H
#define WARDER_TRIM_H

/**
 * wd_trim() - give back what was freed, and what of this binary and of libraries was only read once
 *
 * The programs inside the binary, some 2 MB, are read when they are loaded, and
 * much of its code, and of the libraries of TLS, runs when it starts; they stay
 * resident for no use. These are
 * clean pages of the file: the kernel brings them back when they are wanted
 * again. Never fails; costs a walk of the heap.
 */
void wd_trim(void);

/** wd_trim_code() - of these only what was read of files: half a millisecond, and what is in use comes back */
void wd_trim_code(void);

#endif /* WARDER_TRIM_H */
