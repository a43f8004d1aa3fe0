# SPDX-License-Identifier: GPL-2.0-only
# Thin on purpose: what is built stands in the Kbuild lists, how in tools/build.
include tools/build/main.mk
