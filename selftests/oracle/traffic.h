/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * traffic.h - of what kind the traffic of a flow is.
 */
#ifndef WARDER_SELFTESTS_TRAFFIC_H
#define WARDER_SELFTESTS_TRAFFIC_H

#include <stdbool.h>

#include "model/model.h"

bool wd_traffic_has_ports(const struct wd_flow *flow);
bool wd_traffic_is_icmp(const struct wd_flow *flow); /* of its own family */
bool wd_traffic_is_echo(const struct wd_flow *flow);

#endif /* WARDER_SELFTESTS_TRAFFIC_H */
