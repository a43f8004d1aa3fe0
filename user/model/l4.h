/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * l4.h - what rules tell apart: which kind a protocol is of, and the number
 * that stands for the port there, as programs and tables have it. Words are in
 * icmp.h.
 */
#ifndef WARDER_L4_H
#define WARDER_L4_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/abi.h>

/** wd_l4_of() - kind of a protocol that a rule names; ICMP there is that of its family */
enum wd_l4 wd_l4_of(uint8_t proto);

/** wd_l4_has_ports() - does a transport of this kind have ports, and names for them */
bool wd_l4_has_ports(enum wd_l4 l4);

/**
 * wd_l4_of_flow() - kind of a flow's packets
 * @family: 4 or 6
 * @port: destination, host byte order; ICMP: type << 8 | code
 * @ret_number: what spans have for it
 */
enum wd_l4 wd_l4_of_flow(uint8_t family, uint8_t proto, uint16_t port,
			 uint32_t *ret_number);

#endif /* WARDER_L4_H */
