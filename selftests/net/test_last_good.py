#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What stays when something goes wrong or away: wrong manifests, files that
vanish, agents that end or start late, pods that were there before.
"""
import json
import os
import random
import signal
import sys

from cases.dsl import (ANY, block, frm, into, out_of, pods, policy, port, sel,
                       spaces, to)
from wdnet import yamlout
from wdnet.ask import Flow, allowed, denied, until
from wdnet.cluster import Pod, e2e
from wdnet.matrix import Matrix
from wdnet.solo import note
from wdnet.suite import LONG, main
from wdnet.tap import Fail, expect

A = sel(pod='a')
FROM_B = into('x', A, frm(pods(pod='b')))
TESTS = []
SEED = int(os.environ.get('WD_SEED') or random.randrange(1 << 32))
RANDOM = random.Random(SEED)


def test(function):
    TESTS.append(function)
    return function


def expect_from_b_only(c):
    allowed(c.pod('x/b'), c.pod('x/a'))
    denied(c.pod('x/c'), c.pod('x/a'))


def expect_matrix(c):
    matrix = Matrix(c)
    wrong = matrix.check()
    if wrong:
        raise Fail(*matrix.explain(wrong))


def problems(c, name):
    """What the first node's status says of a file."""
    return [p for p in c.nodes[0].status()['problems']
            if os.path.basename(p['file']) == name]


def expect_problem(c, name, effect, field=None):
    found = problems(c, name)
    if not any(p['effect'] == effect and (field is None or
                                          field in p['field'])
               for p in found):
        raise Fail(f'{name}: no problem of effect {effect} at {field} in '
                   f'{found}')


# ---- wrong manifests ----

BROKEN = {
    'torn': 'kind: NetworkPolicy\nmetadata: {name: policy, namesp',
    'tabs': 'kind: NetworkPolicy\n\tmetadata:\n',
    'not_yaml': '\x01\x02 : [ } \n',
    'key_twice': yamlout.text([FROM_B]) + 'spec: {podSelector: {}}\n',
}


def broken_text_keeps_the_version_before(c, text):
    c.write('extra.yaml', yamlout.text([FROM_B]))
    c.sync()
    expect_from_b_only(c)

    c.write('extra.yaml', text)
    c.sync()
    expect_from_b_only(c)
    expect_problem(c, 'extra.yaml', 'kept')

    c.write('extra.yaml', yamlout.text([into('x', A, frm(pods(pod='c')))]))
    c.sync()
    allowed(c.pod('x/c'), c.pod('x/a'))
    denied(c.pod('x/b'), c.pod('x/a'))
    expect([], problems(c, 'extra.yaml'), 'problems of the mended file')


def broken_subject_keeps_the_version_before(c, subject):
    c.write('extra.yaml', yamlout.text([FROM_B]))
    c.sync()
    spoilt = into('x', A, frm(pods(pod='c')))
    spoilt['spec']['podSelector'] = subject

    c.write('extra.yaml', yamlout.text([spoilt]))
    c.sync()
    expect_from_b_only(c)
    expect_problem(c, 'extra.yaml', 'kept', 'podSelector')
    expect(0, c.nodes[0].warder('policy', 'get', 'NetworkPolicy/x/policy')[0],
           'exit code of policy get')


SUBJECTS = {
    'text': 'a', 'list': [], 'unknown_operator': {'matchExpressions': [
        {'key': 'pod', 'operator': 'Like', 'values': ['a']}]},
    'unknown_field': {'matchLabel': {'pod': 'a'}},
    'in_without_values': {'matchExpressions': [{'key': 'pod',
                                                'operator': 'In'}]},
}

GOOD = frm(pods(pod='b'), ports=[port(80)])
BAD_RULES = {
    'unknown_field_of_a_rule': {'from': [pods(pod='c')], 'fron': []},
    'unknown_field_of_a_peer': {'from': [{**pods(pod='c'), 'x': 1}]},
    'unknown_field_of_a_port': {'from': [pods(pod='c')],
                                'ports': [{'port': 80, 'ports': 81}]},
    'empty_peer': {'from': [{}]},
    'peer_of_two_kinds': {'from': [{**pods(pod='c'),
                                    **block('0.0.0.0/0')}]},
    'cidr_without_length': frm(block('10.0.0.0')),
    'cidr_too_long': frm(block('10.0.0.0/33')),
    'cidr_of_text': frm(block('all')),
    'cidr_with_leading_zero': frm(block('010.0.0.0/8')),
    'cidr_of_mapped_addresses': frm(block('::ffff:10.0.0.0/104')),
    'except_outside': frm(block('10.0.0.0/8', '192.168.0.0/16')),
    'except_of_text': frm(block('0.0.0.0/0', 'none')),
    'cidr_missing': {'from': [{'ipBlock': {'except': ['10.0.0.0/8']}}]},
    'port_zero': frm(pods(pod='c'), ports=[port(0)]),
    'port_too_high': frm(pods(pod='c'), ports=[port(65536)]),
    'port_negative': frm(pods(pod='c'), ports=[port(-1)]),
    'end_port_below_port': frm(pods(pod='c'), ports=[port(81, 'TCP', 80)]),
    'end_port_without_port': frm(pods(pod='c'), ports=[port(end=80)]),
    'end_port_with_name': frm(pods(pod='c'),
                              ports=[port('serve-80-tcp', 'TCP', 81)]),
    'protocol_unknown': frm(pods(pod='c'), ports=[port(80, 'TCPP')]),
    'protocol_in_small_letters': frm(pods(pod='c'), ports=[port(80, 'tcp')]),
    'peers_of_text': {'from': 'all'},
    'ports_of_text': {'from': [pods(pod='c')], 'ports': 'http'},
    'operator_unknown': frm({'podSelector': {'matchExpressions': [
        {'key': 'pod', 'operator': 'NotLike', 'values': ['x']}]}}),
    'exists_with_values': frm({'podSelector': {'matchExpressions': [
        {'key': 'pod', 'operator': 'Exists', 'values': ['c']}]}}),
    'not_in_without_values': frm({'podSelector': {'matchExpressions': [
        {'key': 'pod', 'operator': 'NotIn', 'values': []}]}}),
    'rule_of_text': 'all',
    'egress_words_in_ingress': {'to': [pods(pod='c')]},
}


def bad_rule_allows_nothing_and_isolates(c, bad):
    """The good rule beside it still holds."""
    c.write('extra.yaml', yamlout.text([into('x', A, bad, GOOD)]))
    c.sync()
    allowed(c.pod('x/b'), c.pod('x/a'))
    denied(c.pod('x/b'), c.pod('x/a'), 'tcp', 81)
    denied(c.pod('x/c'), c.pod('x/a'))
    allowed(c.pod('x/c'), c.pod('x/b'))
    expect_problem(c, 'extra.yaml', 'isolated', 'spec.ingress')


@test
def scenario_17_unknown_field_of_the_spec_isolates(c):
    spoilt = into('x', A, frm(pods(pod='c')))
    spoilt['spec']['ingres'] = []
    c.write('extra.yaml', yamlout.text([spoilt]))
    c.sync()
    denied(c.pod('x/c'), c.pod('x/a'))
    allowed(c.pod('x/c'), c.pod('x/b'))
    expect_problem(c, 'extra.yaml', 'isolated')


@test
def scenario_16_empty_spec_keeps_the_version_before(c):
    c.write('extra.yaml', yamlout.text([FROM_B]))
    c.sync()
    spoilt = into('x', A)
    spoilt['spec'] = {}
    c.write('extra.yaml', yamlout.text([spoilt]))
    c.sync()
    expect_from_b_only(c)
    expect_problem(c, 'extra.yaml', 'kept')


@test
def good_documents_beside_a_bad_one_of_the_same_file_hold(c):
    bad = into('x', sel(pod='b'), {'from': [{}]}, name='bad')
    c.write('extra.yaml', yamlout.text([FROM_B, bad,
                                        into('y', ANY, name='good')]))
    c.sync()
    allowed(c.pod('x/b'), c.pod('x/a'))
    denied(c.pod('x/a'), c.pod('x/b'))
    denied(c.pod('x/a'), c.pod('y/a'))
    allowed(c.pod('x/a'), c.pod('z/a'))


@test
def check_names_line_and_field_of_each_error(c):
    path = os.path.join(c.dir, 'bad.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(yamlout.text([into('x', A, frm(block('10.0.0.0/33')))]))
    code, out, err = c.nodes[0].warder('policy', 'check', path, ok=None)
    expect(1, code, 'exit code')
    for word in ('bad.yaml:', 'spec.ingress[0].from[0].ipBlock.cidr'):
        if word not in out + err:
            raise Fail(f'no {word} in', out + err)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(yamlout.text([FROM_B]))
    c.nodes[0].warder('policy', 'check', path)


@test
def kinds_it_does_not_know_are_listed_and_harmless(c):
    c.write('extra.yaml', yamlout.text([
        {'apiVersion': 'apps/v1', 'kind': 'Deployment',
         'metadata': {'name': 'd', 'namespace': 'x'}, 'spec': {}}, FROM_B]))
    c.sync()
    expect_from_b_only(c)
    expect({'apps/v1 Deployment': 1}, c.nodes[0].status()['unknown_kinds'],
           'kinds that status counts')


# ---- files ----

@test
def a_file_that_goes_away_takes_its_objects_with_it(c):
    c.write('extra-1.yaml', yamlout.text([FROM_B]))
    c.write('extra-2.yaml', yamlout.text([into('y', ANY)]))
    c.sync()
    expect_from_b_only(c)
    denied(c.pod('x/a'), c.pod('y/a'))

    c.write('extra-1.yaml', None)
    c.sync()
    allowed(c.pod('x/c'), c.pod('x/a'))
    denied(c.pod('x/a'), c.pod('y/a'))


@test
def an_object_that_moves_to_another_file_stays(c):
    c.write('extra-1.yaml', yamlout.text([FROM_B]))
    c.sync()
    c.write('extra-2.json', yamlout.text([FROM_B], 'json'))
    c.sync()
    expect_from_b_only(c)
    c.write('extra-1.yaml', None)
    c.sync()
    expect_from_b_only(c)


@test
def changes_are_followed_without_sync(c):
    c.write('extra.yaml', yamlout.text([FROM_B]))
    matrix = Matrix(c)
    cell = next(x for x in matrix.cells if x[0].key == 'x/c' and
                x[1].key == 'x/a' and x[2] == 'tcp')
    until(set(), lambda: matrix.probe([cell], 0.5), 'denied by inotify')
    c.write('extra.yaml', None)
    until({cell}, lambda: matrix.probe([cell], 0.5), 'allowed by inotify')


@test
def sighup_reads_the_sources_again(c):
    c.write('extra.yaml', yamlout.text([FROM_B]))
    for node in c.nodes:
        node.agent.send_signal(signal.SIGHUP)
    until(1, lambda: min(n.status()['objects']['NetworkPolicy']
                         for n in c.nodes), 'policies read')
    expect_from_b_only(c)


# ---- the agent ends and starts ----

def restart(c, sig, between=lambda: None):
    for node in c.nodes:
        node.stop_agent(sig)
    between()
    for node in c.nodes:
        node.start_agent()


@test
def enforcement_goes_on_without_an_agent(c):
    c.apply([FROM_B, policy('y', types=['Ingress', 'Egress']),
             out_of('z', A, to(spaces(ns='x'), ports=[port(80)]))])
    for node in c.nodes:
        expect(0, node.stop_agent(), 'exit code after SIGTERM')
    expect_matrix(c)
    for node in c.nodes:
        code, _, _ = node.warder('status', ok=None)
        expect(3, code, 'exit code of status without an agent')
        node.start_agent()
    expect_matrix(c)


@test
def a_change_made_while_no_agent_runs_holds_from_its_start(c):
    c.apply([FROM_B])
    c.policies = [into('x', A, frm(pods(pod='c')))]
    restart(c, signal.SIGKILL, c.write_objects)
    allowed(c.pod('x/c'), c.pod('x/a'))
    denied(c.pod('x/b'), c.pod('x/a'))


@test
def a_file_broken_while_no_agent_runs_keeps_what_it_said(c):
    c.write('extra.yaml', yamlout.text([FROM_B]))
    c.sync()
    restart(c, signal.SIGKILL,
            lambda: c.write('extra.yaml', BROKEN['torn']))
    expect_from_b_only(c)
    expect_problem(c, 'extra.yaml', 'kept')
    restart(c, signal.SIGTERM)
    expect_from_b_only(c)


def copy_of(node, name):
    """The copy that an agent keeps of a manifest."""
    folder = os.path.join(node.dir, 'state', 'kept')
    for entry in os.listdir(folder):
        path = os.path.join(folder, entry)
        with open(path, encoding='utf-8') as f:
            if f.read().split('\n')[1].endswith('/' + name):
                return path
    raise Fail(f'no copy of {name}')


LOST = "extra.yaml' cannot be used, and the copy of what it said before is " \
    'damaged'


def damage(path):
    with open(path, encoding='utf-8') as f:
        text = f.read()
    if text.count('pod: a') != 1:
        raise Fail('another text than this test means', text)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text.replace('pod: a', 'pod: d'))


@test
def a_broken_file_whose_copy_is_damaged_is_waited_for(c):
    """Nobody knows what it said: what was in force stays, and it is told."""
    c.write('extra.yaml', yamlout.text([FROM_B]))
    c.sync()
    node = c.pod('x/a').node
    node.stop_agent()
    damage(copy_of(node, 'extra.yaml'))
    c.write('extra.yaml', BROKEN['torn'])
    node.start_agent(wait=False)
    until(True, lambda: LOST in node.warder('status', ok=None)[2],
          'it is told')
    expect_from_b_only(c)
    c.write('extra.yaml', yamlout.text([FROM_B]))
    node.wait_ready()
    expect(1, len(node.status()['unread_state']), 'files told')
    expect_from_b_only(c)


@test
def a_file_cut_off_while_no_agent_runs_keeps_what_it_said(c):
    c.write('extra.yaml', yamlout.text([FROM_B]))
    c.sync()
    restart(c, signal.SIGKILL, lambda: c.write('extra.yaml', ''))
    expect_from_b_only(c)


@test
def sources_that_cannot_be_read_at_start_keep_the_last_good_state(c):
    c.apply([FROM_B])
    away = c.manifests + '.away'
    restart(c, signal.SIGKILL, lambda: os.rename(c.manifests, away))
    try:
        expect_matrix(c)
    finally:
        os.rename(away, c.manifests)
    c.apply([into('x', A, frm(pods(pod='c')))])
    expect_matrix(c)


@test
def one_agent_gone_is_nothing_to_the_other(c):
    c.apply([policy(n, types=['Ingress']) for n in 'xyz'])
    c.nodes[0].stop_agent(signal.SIGKILL)
    c.apply([into('x', sel(pod='b'), frm(pods(pod='a')))])
    allowed(c.pod('x/a'), c.pod('x/b'))  # on the node that has its agent
    denied(c.pod('y/a'), c.pod('x/b'))
    denied(c.pod('x/b'), c.pod('x/a'))  # what was in force there stays
    c.nodes[0].start_agent()
    expect_matrix(c)


@test
def identities_keep_their_numbers_over_restarts(c):
    def numbers():
        doc = json.loads(c.nodes[0].warder('identity', 'list', '--json')[1])
        rows = doc.get('identities', doc) if isinstance(doc, dict) else doc
        return {json.dumps(r['labels'], sort_keys=True) + str(
            r.get('namespace')): r.get('id', r.get('identity')) for r in rows}
    c.apply([FROM_B])
    before = numbers()
    if len(before) < 9:
        raise Fail(f'too few identities: {before}')
    for sig in (signal.SIGKILL, signal.SIGTERM):
        restart(c, sig)
        expect(before, numbers(), 'identities')


@test
def stop_detach_ends_enforcement_of_one_node_and_leaves_nothing(c):
    c.apply([policy(n, types=['Ingress']) for n in 'xyz'])
    node = c.nodes[0]
    node.warder('stop', '--detach')
    until(True, lambda: node.agent.poll() is not None, 'the agent ends')
    node.agent = None
    allowed(c.pod('x/b'), c.pod('x/a'))
    denied(c.pod('x/a'), c.pod('x/b'))
    code, _, _ = node.ns.run(['test', '-e', node.bpffs], check_rc=False)
    expect(1, code, 'exit code of looking for pins')
    _, out, _ = node.ns.run(['nft', 'list', 'ruleset'])
    expect('', out.strip(), 'what is left in nftables')
    node.start_agent()  # finds its pods again
    denied(c.pod('x/b'), c.pod('x/a'))
    expect_matrix(c)


# ---- pods that were there before ----

def bare_pod(c, key, node, index, labels):
    """A pod with a network by the primary plugin alone."""
    ns, name = key.split('/')
    pod = Pod(ns, name, node, index, c.families, labels)
    c.start(pod)
    pod.result = node.cni('ADD', node.plugin, pod)
    c.listen(pod)
    pod.phase, pod.known_ips = 'Running', dict(pod.ips)
    c.pods.append(pod)
    return pod


@test
def pods_from_before_are_found_and_their_connections_not_cut(c):
    node = c.nodes[0]
    node.stop_agent()
    srv = bare_pod(c, 'x/old', node, 60, {'pod': 'old'})
    cli = bare_pod(c, 'x/older', node, 61, {'pod': 'older'})
    far = c.pod('y/a')
    kept = [Flow(cli, srv, f) for f in c.families] + \
        [Flow(srv, far, f) for f in c.families]
    gone = [Flow(far, srv, f) for f in c.families]
    c.policies = [policy('x', sel(pod='old'), types=['Ingress', 'Egress'],
                         ingress=[frm(pods(pod='older'))],
                         egress=[to(spaces(ns='y'))])]
    c.write_objects()
    node.start_agent()

    for flow in kept:
        flow.client_speaks(True)
    for flow in kept:
        flow.server_speaks(True)
    for flow in gone:
        flow.client_speaks(False)
    allowed(cli, srv)
    denied(far, srv)
    expect_matrix(c)


@test
def pods_from_before_are_found_by_a_running_agent(c):
    node = c.nodes[1]
    c.apply([into('x', sel(pod='old'), frm(pods(pod='b')))])
    srv = bare_pod(c, 'x/old', node, 62, {'pod': 'old'})
    flow = Flow(c.pod('x/b'), srv, c.families[0])
    c.apply()
    denied(c.pod('y/a'), srv)
    allowed(c.pod('x/b'), srv)
    flow.server_speaks(True)
    flow.client_speaks(True)


FEW = 5  # of a table, unless WD_LONG=1: the readers' own tests have them all


def named(prefix, function, table):
    """A row each; with no case asked for, some of them, at random."""
    rows = [(f'{prefix}_{name}', function, value)
            for name, value in table.items()]
    if LONG or len(sys.argv) > 1 or len(rows) <= FEW:
        return rows
    return sorted(RANDOM.sample(rows, FEW), key=rows.index)


if __name__ == '__main__':
    note(f'seed {SEED} chooses among bad rules; WD_SEED= repeats')
    sys.exit(main(e2e, [
        *named('broken_file_keeps_the_version_before',
               broken_text_keeps_the_version_before, BROKEN),
        *named('broken_subject_keeps_the_version_before',
               broken_subject_keeps_the_version_before, SUBJECTS),
        *named('bad_rule_isolates', bad_rule_allows_nothing_and_isolates,
               BAD_RULES),
        *TESTS], sys.argv))
