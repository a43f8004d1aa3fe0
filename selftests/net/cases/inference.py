# SPDX-License-Identifier: GPL-2.0-only
"""policyTypes and their inference; empty, null and absent in every spelling."""
from .dsl import (ANY, case, frm, pods, policy, port, sel, spaces, to)

A = sel(pod='a')
DENIED_IN = 'deny * -> x/a'
DENIED_OUT = 'deny x/a -> *'


def spelled(name, *table, **fields):
    pod = fields.pop('pod', A)
    return case(name, [policy('x', pod, **fields)], *table)


def in_rule(**fields):
    return [fields]


CASES = [
    # ---- policyTypes ----
    spelled('types_absent_nothing_else', DENIED_IN),
    spelled('types_null_nothing_else', DENIED_IN, types=None),
    spelled('types_empty_nothing_else', DENIED_IN, types=[]),
    spelled('types_absent_with_ingress', 'allow x/b -> x/a', DENIED_IN,
            ingress=[frm(pods(pod='b'))]),
    spelled('types_absent_with_egress_isolates_both', 'allow x/a -> x/b',
            DENIED_OUT, DENIED_IN, egress=[to(pods(pod='b'))]),
    spelled('types_absent_with_both', 'allow x/a -> x/b', 'allow x/b -> x/a',
            DENIED_OUT, DENIED_IN, ingress=[frm(pods(pod='b'))],
            egress=[to(pods(pod='b'))]),
    spelled('types_empty_with_egress_isolates_both', 'allow x/a -> x/b',
            DENIED_OUT, DENIED_IN, egress=[to(pods(pod='b'))], types=[]),
    spelled('types_absent_with_empty_egress_is_ingress_only', DENIED_IN,
            egress=[]),
    spelled('types_absent_with_null_egress_is_ingress_only', DENIED_IN,
            egress=None),
    spelled('types_ingress_ignores_egress_rules', DENIED_IN,
            egress=[to(pods(pod='b'))], types=['Ingress']),
    spelled('types_egress_ignores_ingress_rules', DENIED_OUT,
            ingress=[frm(pods(pod='b'))], types=['Egress']),
    spelled('types_egress_only_leaves_ingress_open', 'allow x/a -> x/b',
            DENIED_OUT, egress=[to(pods(pod='b'))], types=['Egress']),
    spelled('types_in_other_order', DENIED_OUT, DENIED_IN,
            types=['Egress', 'Ingress']),
    spelled('types_absent_allow_all_egress_denies_ingress', DENIED_IN,
            egress=[to()]),
    # ---- rules: absent, null, empty ----
    spelled('ingress_absent', DENIED_IN, types=['Ingress']),
    spelled('ingress_null', DENIED_IN, ingress=None, types=['Ingress']),
    spelled('ingress_empty_list', DENIED_IN, ingress=[], types=['Ingress']),
    spelled('ingress_one_empty_rule', ingress=[{}], types=['Ingress']),
    spelled('egress_absent', DENIED_OUT, types=['Egress']),
    spelled('egress_null', DENIED_OUT, egress=None, types=['Egress']),
    spelled('egress_empty_list', DENIED_OUT, egress=[], types=['Egress']),
    spelled('egress_one_empty_rule', egress=[{}], types=['Egress']),
    # ---- peers: absent, null, empty ----
    spelled('from_empty_list_is_anybody', ingress=in_rule(**{'from': []}),
            types=['Ingress']),
    spelled('from_null_is_anybody', ingress=in_rule(**{'from': None}),
            types=['Ingress']),
    spelled('from_empty_with_port', 'allow * -> x/a tcp/80/*', DENIED_IN,
            ingress=in_rule(**{'from': [], 'ports': [port(80, 'TCP')]}),
            types=['Ingress']),
    spelled('to_empty_list_is_anybody', egress=in_rule(to=[]),
            types=['Egress']),
    spelled('to_null_is_anybody', egress=in_rule(to=None), types=['Egress']),
    spelled('to_null_with_port', 'allow x/a -> * udp/80/*', DENIED_OUT,
            egress=in_rule(to=None, ports=[port(80, 'UDP')]),
            types=['Egress']),
    spelled('from_and_ports_empty', ingress=in_rule(**{'from': [],
                                                       'ports': []}),
            types=['Ingress']),
    spelled('ports_empty_list_is_any', 'allow x/b -> x/a', DENIED_IN,
            ingress=in_rule(**{'from': [pods(pod='b')], 'ports': []}),
            types=['Ingress']),
    spelled('ports_null_is_any', 'allow x/b -> x/a', DENIED_IN,
            ingress=in_rule(**{'from': [pods(pod='b')], 'ports': None}),
            types=['Ingress']),
    # ---- selectors: absent, null, empty ----
    spelled('peer_pod_selector_empty_is_own_namespace', 'allow x/* -> x/a',
            DENIED_IN, ingress=[frm({'podSelector': {}})], types=['Ingress']),
    spelled('peer_namespace_selector_empty_is_all_pods',
            'deny host:*|ext* -> x/a',
            ingress=[frm({'namespaceSelector': {}})], types=['Ingress']),
    spelled('peer_both_selectors_empty_is_all_pods', 'deny host:*|ext* -> x/a',
            ingress=[frm({'namespaceSelector': {}, 'podSelector': {}})],
            types=['Ingress']),
    spelled('peer_pod_selector_null_beside_namespace', 'allow y/* -> x/a',
            DENIED_IN, ingress=[frm({'podSelector': None,
                                     **spaces(ns='y')})], types=['Ingress']),
    spelled('peer_namespace_selector_null_beside_pod', 'allow x/b -> x/a',
            DENIED_IN, ingress=[frm({'namespaceSelector': None,
                                     **pods(pod='b')})], types=['Ingress']),
    spelled('peer_match_labels_empty_map', 'allow x/* -> x/a', DENIED_IN,
            ingress=[frm({'podSelector': {'matchLabels': {}}})],
            types=['Ingress']),
    spelled('peer_match_labels_null', 'allow x/* -> x/a', DENIED_IN,
            ingress=[frm({'podSelector': {'matchLabels': None,
                                          'matchExpressions': None}})],
            types=['Ingress']),
    spelled('peer_match_expressions_empty_list', 'allow x/* -> x/a',
            DENIED_IN,
            ingress=[frm({'podSelector': {'matchExpressions': []}})],
            types=['Ingress']),
    spelled('subject_match_labels_empty_map', 'deny * -> x/*',
            pod={'matchLabels': {}, 'matchExpressions': []},
            types=['Ingress']),
    spelled('subject_match_labels_null', 'deny * -> x/*',
            pod={'matchLabels': None}, types=['Ingress']),
    spelled('subject_empty_selector', 'deny * -> x/*', pod=ANY,
            types=['Ingress']),
    # ---- together with a policy that denies ----
    case('empty_rule_of_one_policy_opens_what_another_denies',
         [policy('x', A, types=['Ingress'], name='deny'),
          policy('x', A, ingress=[{}], types=['Ingress'], name='open')]),
    case('empty_list_of_one_policy_opens_nothing',
         [policy('x', A, ingress=[], types=['Ingress'], name='deny'),
          policy('x', A, ingress=[frm(pods(pod='b'))], types=['Ingress'],
                 name='open')],
         'allow x/b -> x/a', DENIED_IN),
]

