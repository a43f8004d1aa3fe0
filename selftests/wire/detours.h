/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * detours.h - situations: what leads around WireGuard shows nothing.
 *
 * Each is a test of wire_guest.c, with pods that talk all the while. Those without
 * a row are its halves, for a flood: take the way, and leave it again.
 */
#ifndef WARDER_SELFTESTS_WIRE_DETOURS_H
#define WARDER_SELFTESTS_WIRE_DETOURS_H

void go_by_route(void);
void no_route(void);
void go_by_rule(void);
void no_rule(void);
void go_by_default(void);
void route_back(void);

void row_119_nothing_shows_in_other_tunnels(void);
void row_129_marks_open_no_way(void);
void row_136_nothing_shows_by_a_longer_route(void);
void row_136_nothing_shows_by_a_rule_in_front(void);
void row_136_nothing_shows_by_another_routing_domain(void);
void row_136_nothing_shows_by_the_default_route(void);
void row_136_nothing_shows_of_a_tunnel_without_its_rule(void);
void row_136_nothing_shows_of_rewritten_destinations(void);

#endif /* WARDER_SELFTESTS_WIRE_DETOURS_H */
