/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.h - validate manifests without an agent.
 */
#ifndef WARDER_CMD_CHECK_H
#define WARDER_CMD_CHECK_H

struct wd_args;
struct wd_config;

/**
 * wd_check_files() - read each positional argument, a file or directory, and
 * print every problem, and what all of them take of their namespaces' quotas
 * @config: whose quotas
 * Return: WD_EXIT_NO if any of them keeps an object from being enforced as written.
 */
int wd_check_files(const struct wd_args *args, const struct wd_config *config);

#endif /* WARDER_CMD_CHECK_H */
