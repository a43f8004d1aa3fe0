/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tunnel.c - one port of those that flows are to, now and then another.
 */
#include "tunnel.h"

#include "base/byteorder.h"
#include "gen.h"
#include "gen_object.h"
#include "model/model.h"
#include "oracle.h"

static struct wd_encap encap_of(const struct wd_oracle *oracle)
{
	struct wd_encap encap = { 0 };

	if (oracle->tunnel)
		encap.own[oracle->tunnel % WD_TUNNEL_PORTS] =
			(struct wd_tunnel_port){
				.port = wd_be16(oracle->tunnel),
				.kind = WD_TUNNEL_VXLAN,
			};
	return encap;
}

struct wd_encap wd_tunnel_move(struct wd_gen *gen, struct wd_oracle *oracle,
			       struct wd_model *model)
{
	struct wd_encap encap;

	oracle->tunnel = wd_gen_one_in(gen, 2) ? wd_gen_port(gen) : 0;
	encap = encap_of(oracle);
	wd_model_encap(model, &encap);
	wd_model_republish(model);
	return encap;
}

void wd_tunnel_tell(const struct wd_oracle *oracle, struct wd_model *model)
{
	struct wd_encap encap = encap_of(oracle);

	wd_model_encap(model, &encap);
}
