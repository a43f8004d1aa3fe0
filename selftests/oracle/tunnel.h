/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tunnel.h - the port at which the node of a random cluster takes tunnels.
 */
#ifndef WARDER_SELFTESTS_TUNNEL_H
#define WARDER_SELFTESTS_TUNNEL_H

#include "model/encap.h"

struct wd_gen;
struct wd_model;
struct wd_oracle;

/**
 * wd_tunnel_move() - to another port, or to none; the model is to be committed
 * Return: what programs are to be told.
 */
struct wd_encap wd_tunnel_move(struct wd_gen *gen, struct wd_oracle *oracle,
			       struct wd_model *model);

/** wd_tunnel_tell() - have another model know what @oracle does */
void wd_tunnel_tell(const struct wd_oracle *oracle, struct wd_model *model);

#endif /* WARDER_SELFTESTS_TUNNEL_H */
