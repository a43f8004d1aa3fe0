# SPDX-License-Identifier: GPL-2.0-only
"""Selectors with every operator, on subjects, pods and namespaces."""
from .dsl import (both, case, exists, exists_not, frm, into, is_in, not_in,
                  out_of, pods, sel, spaces, to)

A = sel(pod='a')

# Labels that differ from the usual: x/b and y/b have tier=web, x/c tier=db,
# y/c tier empty, z/* none. Namespace y has team=red, z team=blue, x none.
LABELS = {
    'x/b': {'pod': 'b', 'tier': 'web'}, 'y/b': {'pod': 'b', 'tier': 'web'},
    'x/c': {'pod': 'c', 'tier': 'db'}, 'y/c': {'pod': 'c', 'tier': ''},
}
NS = {'y': {'ns': 'y', 'team': 'red'}, 'z': {'ns': 'z', 'team': 'blue'}}


def peers(name, peer, allowed):
    """Ingress to x/a from @peer is for @allowed only, and the same outward."""
    into_a = case('select_' + name + '_in', [into('x', A, frm(peer))],
                  f'allow {allowed} -> x/a', 'deny * -> x/a',
                  labels=LABELS, ns=NS)
    out_of_a = case('select_' + name + '_out', [out_of('x', A, to(peer))],
                    f'allow x/a -> {allowed}', 'deny x/a -> *',
                    labels=LABELS, ns=NS)
    return [into_a, out_of_a]


def subjects(name, selector, denied):
    return [case('subject_' + name, [into('x', selector)],
                 f'deny * -> {denied}', labels=LABELS, ns=NS)]


def in_all(*exprs, **labels):
    return both(spaces(), pods(*exprs, **labels))


CASES = [
    # ---- pods ----
    *peers('pod_in_one_value', in_all(is_in('tier', 'web')), 'x/b|y/b'),
    *peers('pod_in_two_values', in_all(is_in('tier', 'web', 'db')),
           'x/b|y/b|x/c'),
    *peers('pod_in_empty_string', in_all(is_in('tier', '')), 'y/c'),
    *peers('pod_label_equals_empty_string', in_all(tier=''), 'y/c'),
    *peers('pod_in_value_nobody_has', in_all(is_in('tier', 'x', 'q')),
           'nobody'),
    *peers('pod_not_in_one_value_takes_those_without',
           in_all(not_in('tier', 'web')), 'x/a|y/a|x/c|y/c|z/*'),
    *peers('pod_not_in_two_values', in_all(not_in('tier', 'web', '')),
           'x/a|y/a|x/c|z/*'),
    *peers('pod_exists', in_all(exists('tier')), 'x/b|y/b|x/c|y/c'),
    *peers('pod_does_not_exist', in_all(exists_not('tier')), 'x/a|y/a|z/*'),
    *peers('pod_exists_and_not_in', in_all(exists('tier'),
                                           not_in('tier', 'web')),
           'x/c|y/c'),
    *peers('pod_labels_and_expressions', in_all(not_in('tier', 'db'),
                                                pod='c'),
           'y/c|z/c'),
    *peers('pod_contradiction_is_nobody', in_all(exists('tier'),
                                                 exists_not('tier')),
           'nobody'),
    *peers('pod_two_labels_of_one_pod', in_all(pod='b', tier='web'),
           'x/b|y/b'),
    *peers('pod_two_labels_never_together', in_all(pod='b', tier='db'),
           'nobody'),
    *peers('pod_key_nobody_has', in_all(exists('no.such/key')), 'nobody'),
    *peers('pod_not_in_of_key_nobody_has', in_all(not_in('no.such/key', 'v')),
           '*/*'),
    *peers('pod_of_own_namespace_not_in', pods(not_in('tier', 'web')),
           'x/a|x/c'),
    # ---- namespaces ----
    *peers('space_in', spaces(is_in('team', 'red', 'green')), 'y/*'),
    *peers('space_not_in_takes_those_without', spaces(not_in('team', 'red')),
           'x/*|z/*'),
    *peers('space_exists', spaces(exists('team')), 'y/*|z/*'),
    *peers('space_does_not_exist', spaces(exists_not('team')), 'x/*'),
    *peers('space_by_name_label',
           spaces(is_in('kubernetes.io/metadata.name', 'y', 'z')), 'y/*|z/*'),
    *peers('space_not_by_name_label',
           spaces(not_in('kubernetes.io/metadata.name', 'y')), 'x/*|z/*'),
    *peers('space_name_label_exists',
           spaces(exists('kubernetes.io/metadata.name')), '*/*'),
    *peers('space_name_label_never_absent',
           spaces(exists_not('kubernetes.io/metadata.name')), 'nobody'),
    # ---- both ----
    *peers('space_exists_and_pod_exists', both(spaces(exists('team')),
                                               pods(exists('tier'))),
           'y/b|y/c'),
    *peers('space_not_in_and_pod_not_in', both(spaces(not_in('team', 'red')),
                                               pods(not_in('tier', 'web'))),
           'x/a|x/c|z/*'),
    *peers('space_label_is_no_pod_label', in_all(team='red'), 'nobody'),
    *peers('pod_label_is_no_space_label', spaces(tier='web'), 'nobody'),
    # ---- subjects ----
    *subjects('in', sel(is_in('tier', 'web', 'db')), 'x/b|x/c'),
    *subjects('not_in_takes_those_without', sel(not_in('tier', 'web')),
              'x/a|x/c'),
    *subjects('exists', sel(exists('tier')), 'x/b|x/c'),
    *subjects('does_not_exist', sel(exists_not('tier')), 'x/a'),
    *subjects('all_of_several', sel(exists('tier'), not_in('pod', 'b')),
              'x/c'),
    *subjects('label_of_the_namespace', sel(ns='x'), 'nobody'),
    # ---- labels that look like something else ----
    case('pod_label_named_like_a_namespace_label_is_none',
         [into('x', A, frm(spaces(team='red')))],
         'deny * -> x/a',
         labels={'x/b': {'pod': 'b', 'team': 'red'},
                 'z/b': {'pod': 'b', 'team': 'red',
                         'io.cilium.k8s.namespace.labels.team': 'red'}}),
    case('pod_label_that_claims_another_namespace',
         [into('x', A, frm(spaces(**{'kubernetes.io__metadata.name': 'y'})))],
         'allow y/* -> x/a', 'deny * -> x/a',
         labels={'z/b': {'pod': 'b', 'io.kubernetes.pod.namespace': 'y',
                         'kubernetes.io/metadata.name': 'y'}}),
    case('pod_labels_that_are_reserved_words',
         [into('x', A, frm(both(spaces(), pods(exists('host')))))],
         'allow x/b|y/b -> x/a', 'deny * -> x/a',
         labels={'x/b': {'pod': 'b', 'host': 'world', 'ingress': 'init'},
                 'y/b': {'host': '', 'reserved.host': 'yes'},
                 'z/b': {'world': 'host', 'init': '', 'health': 'node'}}),
    case('values_that_look_like_other_types',
         [into('x', A, frm(both(spaces(), pods(v='true'))),
               frm(both(spaces(), pods(v='1.0'))),
               frm(both(spaces(), pods(v='null'))))],
         'allow x/b|y/b|z/b -> x/a', 'deny * -> x/a',
         labels={'x/b': {'v': 'true'}, 'y/b': {'v': '1.0'},
                 'z/b': {'v': 'null'}, 'z/c': {'v': '1'},
                 'y/c': {'v': 'True'}, 'x/c': {'v': ''}}),
    case('sixty_three_values',
         [into('x', A, frm(both(spaces(), pods(is_in(
             'pod', *[f'v{n}' for n in range(62)], 'b')))))],
         'allow */b -> x/a', 'deny * -> x/a'),
    case('not_in_sixty_three_values',
         [into('x', A, frm(both(spaces(), pods(not_in(
             'pod', *[f'v{n}' for n in range(62)], 'b')))))],
         'allow */a|*/c -> x/a', 'deny * -> x/a'),
]
