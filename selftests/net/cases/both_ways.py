# SPDX-License-Identifier: GPL-2.0-only
"""Both directions together: a packet must pass its sender's egress and its
receiver's ingress."""
from .dsl import (ANY, both, case, frm, into, out_of, pods, policy, port, sel,
                  spaces, to)

A, B = sel(pod='a'), sel(pod='b')
IO = ['Ingress', 'Egress']
TCP80 = [port(80, 'TCP')]

CASES = [
    case('both_default_deny_all_of_one_namespace',
         [policy('x', types=IO)],
         'deny x/* -> *', 'deny * -> x/*'),
    case('both_default_deny_all_everywhere',
         [policy(n, types=IO) for n in 'xyz'],
         'deny */* -> *', 'deny * -> */*'),
    case('both_allow_all',
         [policy('x', types=IO, name='deny'),
          policy('x', ingress=[frm()], egress=[to()], types=IO)]),
    case('both_allow_all_ingress_with_denied_egress',
         [policy('x', ingress=[frm()], types=IO)],
         'deny x/* -> *'),
    case('both_in_one_policy_with_different_peers',
         [policy('x', A, ingress=[frm(pods(pod='b'))],
                 egress=[to(spaces(ns='y'))], types=IO)],
         'allow x/b -> x/a', 'deny * -> x/a', 'allow x/a -> y/*',
         'deny x/a -> *'),
    case('both_sender_allows_receiver_denies',
         [out_of('x', A, to(spaces(ns='y'))), into('y', ANY)],
         'deny x/a -> x/*|z/*|host:*|ext*', 'deny * -> y/*'),
    case('both_receiver_allows_sender_denies',
         [out_of('x', A), into('y', A, frm(spaces(ns='x')))],
         'deny x/a -> *', 'allow x/* -> y/a', 'deny * -> y/a'),
    case('both_ends_agree',
         [out_of('x', A, to(both(spaces(ns='y'), pods(pod='b')))),
          into('y', B, frm(both(spaces(ns='x'), pods(pod='a'))))],
         'allow x/a -> y/b', 'deny x/a -> *', 'deny * -> y/b'),
    case('both_ends_agree_on_one_port_only',
         [out_of('x', A, to(spaces(ns='y'), ports=[port(80, 'TCP'),
                                                   port(81, 'TCP')])),
          into('y', B, frm(spaces(ns='x'), ports=[port(81, 'TCP'),
                                                  port(80, 'UDP')]))],
         'allow x/a -> y/b tcp/81/*', 'allow x/a -> y/a|y/c tcp/*',
         'deny x/a -> *',
         'allow x/* -> y/b tcp/81/*', 'allow x/* -> y/b udp/80/*',
         'deny * -> y/b'),
    case('both_peers_with_ports_in_and_out',
         [policy('x', ANY, ingress=[frm(pods(), ports=TCP80)],
                 egress=[to(pods(), ports=TCP80)], types=IO)],
         'allow x/* -> x/* tcp/80/*', 'deny x/* -> *', 'deny * -> x/*'),
    case('both_pod_talks_to_itself_under_default_deny',
         [policy(n, types=IO) for n in 'xyz'] +
         [into('x', A, frm(pods(pod='b')), name='more')],
         'deny */* -> *', 'deny * -> */*'),
    case('both_one_way_street',
         [into('x', ANY, frm(spaces(ns='y'))), into('y', ANY)],
         'allow y/* -> x/*', 'deny * -> x/*', 'deny * -> y/*'),
    case('both_chain_of_three',
         [into('x', B, frm(pods(pod='a'))), into('x', sel(pod='c'),
                                                 frm(pods(pod='b')),
                                                 name='last')],
         'allow x/a -> x/b', 'allow x/b -> x/c', 'deny * -> x/b|x/c'),
]
