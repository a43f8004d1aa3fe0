/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_main.c - the plugin as a program of its own, which needs nothing of the
 * node it is copied to.
 */
#include "cni/cni.h"

int main(int argc, char **argv)
{
	return wd_cni_main(argc, argv);
}
