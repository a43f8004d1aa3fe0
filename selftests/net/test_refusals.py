#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What holds on every rung of the ladder, and on the way from one agent to the
next.

    test_refusals.py [TEXT]
"""
import json
import os
import subprocess
import sys
import time

from wdnet.node import WARDER, CniError
from wdnet.rungs import GRACE_S, OBJECTS, RUNGS, Rungs, isolated
from wdnet.solo import expect_reach, ingress_policy, note, wait_for
from wdnet.tap import Fail, Workers, expect

LONG = os.environ.get('WD_LONG') == '1'
ENFORCING = RUNGS[:-1]
NO_PROG = [f'bpf:PROG_LOAD name={o}_* errno=EACCES '
           'log="R2 invalid mem access\\nprocessed 9 insns\\n"'
           for o in OBJECTS]
NO_BPF = 'bpf:* errno=EPERM'
NO_LINKS = 'bpf:LINK_CREATE errno=EPERM'
NO_FILTERS = 'netlink:ROUTE type=NEWTFILTER errno=EINVAL'
NO_NFT = 'socket:NETFILTER errno=EPROTONOSUPPORT'
NO_GENERIC = 'socket:GENERIC errno=EACCES'
TRANSIENT = 'bpf:PROG_LOAD name=wd_pod_* errno=ENOMEM'
LOOK_S = 2  # between two looks of the agent at what is attached
FIRST_PAUSE_S = 10  # before what may pass is tried again
ADD_S = FIRST_PAUSE_S / 2  # who waited for the ladder would take longer


def pin(b, rung):
    b.node.warder('ladder', 'pin', rung)
    if rung != 'auto':
        expect(rung, b.node.status()['rung'], 'rung that was pinned')


def fresh(b, *rules):
    b.detach()
    b.forget()
    b.refused_at, _ = b.start(*rules)


def restart(b, *rules):
    """In force is what the agent before had; gives the new one's ladder."""
    b.node.stop_agent()
    b.start(*rules)
    return b.ladder()


def rungs_told(b):
    """Of the events of this agent: level, rung, the one before, cause."""
    doc = json.loads(b.node.warder('status', '--events', '--json')[1])
    told = [e for e in doc['happened'] if e['agent'] == 'rung']
    with open(b.node.log_path, encoding='utf-8') as f:
        log = f.read()
    for event in told:
        if event['text'] not in log:
            raise Fail('not in the log', event['text'])
    line = f'warder_agent_events_total{{kind="rung"}} {len(told)}\n'
    if line not in b.node.warder('metrics')[1]:
        raise Fail('no such metric', line)
    return [tuple(e[key] for key in ('level', 'rung', 'rung_before',
                                     'rung_cause')) for e in told]


def denied_stays(b, function, *args):
    """Nothing denied arrives while it runs."""
    before = b.denied()
    out = function(b, *args)
    got = b.denied() - before
    if got:
        raise Fail(f'{got} denied packets arrived', *b.arrived_by_kind())
    return out


def nothing_of(b, pod, when):
    """What it sends arrives no more."""
    time.sleep(GRACE_S)
    before = b.arrived(pod)
    b.send_rounds()
    if b.arrived(pod) != before:
        raise Fail(f'{b.arrived(pod) - before} packets of {pod.name} arrived '
                   + when, *b.arrived_by_kind())


# ---- on every rung ----

def add_and_delete(b, rung, index):
    pod = b.c.make_pod(f'new-{rung}', index, {'app': 'ok'})
    b.c.pods.append(pod)
    b.c.apply()
    b.c.start(pod)
    begun = time.monotonic()
    pod.node.cni_add(pod)
    took = time.monotonic() - begun
    b.c.listen(pod)
    expect_reach(True, pod, b.srv, f'new pod on {rung}')
    expect_reach(True, pod, b.srv, f'new pod on {rung}', family=6)
    expect_reach(False, b.bad, b.srv, f'on {rung}')
    b.c.delete(pod)
    note(f'{rung}: CNI ADD took {took * 1000:.0f} ms, plugins included')
    if took > ADD_S:
        raise Fail(f'on {rung} ADD took {took:.2f} s')


def pods_are_added_on_every_rung(b):
    for number, rung in enumerate(ENFORCING):
        denied_stays(b, pin, rung)
        denied_stays(b, add_and_delete, rung, 30 + number)


def policies_change_on_every_rung(b):
    allowed = list(b.c.policies)
    for rung in ENFORCING:
        pin(b, rung)
        b.check_traffic()
        b.c.apply([ingress_policy('srv', 'srv', 'shy'),
                   isolated('shy', 'shy')])
        nothing_of(b, b.ok, f'on {rung}, after the change')
        b.c.apply(allowed)
        b.check_traffic()


def status_names_the_rung_and_why(b):
    fresh(b, *NO_PROG[:2])
    ladder = b.ladder()
    expect('minimal', ladder['rung'], 'rung')
    expect([('warning', 'minimal', None, 'verifier')], rungs_told(b), 'told')
    first = ladder['attempts'][0]
    for key, want in (('rung', 'full'), ('object', 'wd_pod'),
                      ('step', 'load'), ('cause', 'verifier')):
        expect(want, first[key], key)
    for prog in b.node.status()['programs']:
        if not 1000 < prog['verified_insns'] < 1000000:
            raise Fail(f'instructions that this kernel counted: {prog}')
    text = b.node.warder('status')[1]
    for word in ('minimal', 'verifier', 'wd_pod', 'fragments',
                 'instructions verified'):
        if word not in text:
            raise Fail(f'status does not say {word!r}:', text)
    shown = b.node.warder('ladder', 'show')[1]
    for word in ('wd_pod', 'wd_compat', 'EACCES', 'verifier'):
        if word not in shown:
            raise Fail(f'ladder show does not say {word!r}:', shown)


def a_device_that_nothing_can_be_attached_to_is_told_of(b):
    """The agent runs, and a pod comes."""
    fresh(b, NO_LINKS)
    before = rungs_told(b)
    b.refuse.set(NO_LINKS, NO_FILTERS)
    denied_stays(b, add_and_delete, 'nft', 40)
    wait_for('it is told', lambda: len(rungs_told(b)) > len(before))
    expect([('warning', 'nft', 'compat')],
           [t[:3] for t in rungs_told(b)[len(before):]], 'what is told')
    b.check_traffic()


# ---- what is loaded beside the programs of pods ----

def host_policy():
    """Nobody in the network may open to the node."""
    return {'apiVersion': 'cilium.io/v2',
            'kind': 'CiliumClusterwideNetworkPolicy',
            'metadata': {'name': 'node-shut'},
            'spec': {'nodeSelector': {'matchLabels': {
                'kubernetes.io/hostname': 'node-a'}}, 'ingress': []}}


def never_tried(b):
    """An agent that ends within a try would take it back."""
    b.detach()
    path = os.path.join(b.node.dir, 'state', 'host-policy.json')
    if os.path.exists(path):
        os.unlink(path)


def host_of(b):
    return b.node.status()['host']


def host_pins(b):
    path = f'/proc/{b.node.host.pid}/root{b.node.bpffs}/host'
    return os.listdir(path) if os.path.isdir(path) else []


def part_events(b):
    doc = json.loads(b.node.warder('status', '--events', '--json')[1])
    return [(e['object'], e['cause']) for e in doc['happened']
            if e['agent'] == 'part']


def parts_told(b):
    """What cannot be had beside the programs of pods: events and status."""
    told = [(p['object'], p['cause']) for p in b.ladder()['parts']]
    wait_for('it is told', lambda: part_events(b) == told)
    shown = b.node.warder('ladder', 'show')[1]
    for object_, cause in told:
        if f', {object_}: ' not in shown or f'cause {cause}' not in shown:
            raise Fail(f'ladder show does not say {object_}, {cause}:', shown)
    return told


def what_judges_the_host_is_not_used_where_it_runs_wrongly(b):
    """One wrong verdict of the golden packets, or a program that is refused:
    it is told, nothing of it stays, a ruleset judges instead, and pods are
    judged as they were."""
    allowed = list(b.c.policies)
    for rule, word, cause in (
            ('PROG_TEST_RUN name=wd_host* after=3 times=1 retval=7',
             'golden packet', 'golden'),
            ('PROG_TEST_RUN name=wd_host* errno=EINVAL', 'cannot be tried',
             'golden'),
            ('PROG_LOAD name=wd_host* errno=EACCES '
             'log="R1 invalid mem access\\nprocessed 9 insns\\n"', 'verifier',
             'verifier')):
        never_tried(b)
        fresh(b, 'bpf:' + rule)
        b.c.apply([*allowed, host_policy()])
        host = host_of(b)
        expect((True, True), (host['enforced'], 'nftables' in host['why']),
               f'by the ruleset under {rule}: {host["why"]}')
        if word not in host['why']:
            raise Fail(f'status does not say {word!r}:', host['why'])
        expect('full', b.node.status()['rung'], 'rung of pods')
        expect([], host_pins(b), 'pins')
        expect([('wd_host', cause)], parts_told(b), 'what is told')
        b.check_traffic()
    logs = json.loads(b.node.warder(
        'bugreport', '--json', '--state-dir',
        os.path.join(b.node.dir, 'state'))[1])['logs']
    if 'invalid mem access' not in logs['load-wd_host.log']:
        raise Fail('the report has not the log:', logs)
    since = time.monotonic()
    never_tried(b)
    b.start('bpf:' + rule)
    part = b.ladder()['parts'][0]
    expect(('wd_host', True), (part['object'], part['skipped']), 'known')
    expect([], loads_of(b, since, 'wd_host'), 'loads by the next agent')
    b.refuse.set()
    b.node.warder('ladder', 'climb')
    expect((True, ''), (host_of(b)['enforced'], host_of(b)['why']),
           'enforced after climb')
    expect(4, len(host_pins(b)), 'pins')
    path = os.path.join(b.node.dir, 'state.json')
    b.node.warder('state', 'export', path)
    with open(path, encoding='utf-8') as f:
        state = json.load(f)
    expect((True, True), (state['host_enforced'], state['host_slot'] > 0),
           'what preflight is told')
    got = subprocess.run([WARDER, 'preflight', '--kernel', '/nowhere/vmlinuz',
                          '--state', path], check=False, capture_output=True,
                         text=True)
    expect(4, got.returncode, f'no kernel, but a state: {got.stderr}')
    b.c.apply(allowed)
    b.check_traffic()


def wires_that_are_refused_are_not_tried_all_the_time(b):
    """The verifier's time is the agent's, which answers nobody meanwhile."""
    programs = ('wd_wire', 'wd_tun', 'wd_wiremin', 'wd_tunmin')
    b.detach()
    b.forget()
    b.start(*(f'bpf:PROG_LOAD name={p}_* errno=E2BIG' for p in programs),
            args=('--encryption', 'required'))
    expect([('wd_wire', 'complexity'), ('wd_wiremin', 'complexity')],
           parts_told(b), 'what is told')
    since = time.monotonic()
    time.sleep(3 * LOOK_S)
    expect([], [e for p in programs for e in loads_of(b, since, p)],
           'loads by themselves')
    b.refuse.set()
    b.node.warder('ladder', 'climb')
    wait_for('wires are judged',
             lambda: b.node.status()['wires']['object'] == 'wd_wire')
    expect([], b.ladder()['parts'], 'parts that cannot be had')
    b.check_traffic()


def encryption_says_what_the_kernel_does_not_let_it_have(b):
    """Without nftables a new device is not kept closed; which ports FOU and
    L2TP have is asked by generic netlink."""
    b.detach()
    b.forget()
    b.start(NO_NFT, NO_GENERIC, args=('--encryption', 'required'))
    wires = b.node.status()['wires']
    expect((True, True), (wires['new_devices_open'], 'nftables' in str(
        wires['new_devices_error'])), f'new devices: {wires}')
    expect(True, 'a new device is not closed' in b.node.warder('status')[1],
           'status says so')
    expect(1, len(unknown_ports(b)), 'problems with ports of FOU and L2TP')
    b.check_traffic()
    b.refuse.set()
    wait_for('new devices are closed, and ports known', lambda: not (
        b.node.status()['wires']['new_devices_open'] or unknown_ports(b)),
        10 * LOOK_S)
    b.check_traffic()


def unknown_ports(b):
    doc = json.loads(b.node.warder('encryption', 'status', '--json',
                                   ok=None)[1])
    return [p for p in doc['problems'] if 'FOU and L2TP' in p
            and 'EACCES' in p]


# ---- from one agent to the next ----

def what_is_in_force_outlives_the_refusal_of_what_is_new(b):
    fresh(b)
    ladder = denied_stays(b, restart, *NO_PROG)
    expect(('full', True), (ladder['rung'], ladder['kept']), 'rung, kept')
    b.check_traffic()
    # Its maps go on being written.
    b.c.apply([ingress_policy('srv', 'srv', 'shy'), isolated('shy', 'shy')])
    nothing_of(b, b.ok, 'after the change')
    b.c.apply([ingress_policy('srv', 'srv', 'ok', 'shy'),
               isolated('shy', 'shy')])
    b.check_traffic()


def a_ruleset_follows_programs_where_bpf_is_gone_and_the_other_way(b):
    fresh(b)
    ladder = denied_stays(b, restart, NO_BPF)
    expect('nft', ladder['rung'], 'rung')
    b.check_traffic()
    b.forget()
    ladder = denied_stays(b, restart)
    expect('full', ladder['rung'], 'rung')
    b.check_traffic()
    no_ruleset(b)
    # Nothing of before judges any more.
    allowed = list(b.c.policies)
    b.c.apply([ingress_policy('srv', 'srv', 'bad')])
    nothing_of(b, b.ok, 'after the change')
    before = b.arrived(b.bad)
    b.send_rounds()
    wait_for('what is permitted now arrives',
             lambda: b.arrived(b.bad) > before)
    b.c.apply(allowed)
    b.check_traffic()


def no_ruleset(b):
    wait_for('the ruleset is gone', lambda: not b.node.ns.run(
        ['nft', 'list', 'tables'])[1].strip())


def a_ruleset_stays_until_all_is_guarded_where_nothing_can_be_attached(b):
    """Programs load, but hang nowhere; each transaction takes its time."""
    rules = (NO_LINKS, NO_FILTERS,
             'netlink:NETFILTER type=NEWRULE sleep=200')
    fresh(b, *rules)
    expect('nft', b.node.status()['rung'], 'rung')
    expect([('warning', 'nft', None)], [t[:3] for t in rungs_told(b)], 'told')
    b.check_traffic()
    ladder = denied_stays(b, restart, *rules)
    expect('nft', ladder['rung'], 'rung of the next agent')
    b.check_traffic()
    b.forget()
    expect('full', denied_stays(b, restart)['rung'], 'rung where it can')
    b.check_traffic()
    no_ruleset(b)


def programs_in_force_stay_where_all_is_gone(b):
    """Rung hold: what is pinned goes on with its generation, new pods wait."""
    fresh(b)
    ladder = denied_stays(b, restart, NO_BPF, NO_NFT)
    expect('hold', ladder['rung'], 'rung')
    b.check_traffic()
    denied_stays(b, add_is_closed)
    b.forget()
    ladder = denied_stays(b, restart)
    expect('full', ladder['rung'], 'rung')
    b.check_traffic()


def add_is_closed(b):
    """A new pod neither sends nor gets anything, whatever ADD says."""
    pod = b.c.make_pod('closed', 50, {'app': 'ok'})
    b.c.pods.append(pod)
    b.c.write_objects()
    b.c.start(pod)
    try:
        pod.node.cni_add(pod)
    except CniError as e:
        note(f'hold: ADD says {e.doc.get("msg")}')
    b.c.listen(pod)
    expect_reach(False, pod, b.srv, 'new pod in hold')
    expect_reach(False, b.srv, pod, 'new pod in hold')
    b.c.delete(pod, sync=False)
    b.c.write_objects()


def an_agent_that_may_not_see_the_interfaces_holds_what_is_in_force(b):
    """Neither filters nor a ruleset can be had then, and libnftables would end
    the process: it is told, and tried again by itself."""
    fresh(b)
    ladder = denied_stays(b, restart, 'netlink:ROUTE errno=EPERM')
    expect('hold', ladder['rung'], 'rung')
    expect(['permission'], sorted({a['cause'] for a in ladder['attempts']}),
           'causes')
    b.check_traffic()
    b.refuse.set()
    if LONG:
        wait_for('it tries again', lambda: b.node.status()['rung'] == 'full',
                 2 * FIRST_PAUSE_S)
    else:
        b.node.warder('ladder', 'climb')
    expect('full', b.node.status()['rung'], 'rung when it may again')
    b.node.warder('status', '--wait')
    b.check_traffic()


def an_agent_that_sees_an_interface_late_does_not_take_it_for_gone(b):
    """Each number of refused messages is another place of the start at which
    it may see again: one of them is where it looks for the pod itself."""
    fresh(b, NO_LINKS)
    for times in (7, 8, 9):
        denied_stays(b, restart, f'netlink:ROUTE errno=EPERM times={times}',
                     NO_LINKS)
        with open(b.node.log_path, encoding='utf-8') as f:
            expect([], [line for line in f if 'is gone' in line],
                   f'interfaces taken for gone after {times} refusals')
        expect('', closed_by_hold(b), f'closed beside filters, {times}')
        denied_stays(b, restart, NO_LINKS)
        # closed by hold, filters and all: who guards it next opens it
        b.node.warder('status', '--wait')
        expect('', closed_by_hold(b), f'closed, {times} refusals ago')
    before = b.arrived(b.ok)
    wait_for('what is permitted arrives', lambda: b.arrived(b.ok) > before)


def a_trial_that_was_not_permitted_once_is_made_again(b):
    """Only WD_LONG: after a pause, as on rung hold."""
    fresh(b)
    denied_stays(b, restart, 'netlink:ROUTE errno=EPERM times=1')
    expect('compat', b.node.status()['rung'], 'rung')
    wait_for('it tries again', lambda: b.node.status()['rung'] == 'full',
             2 * FIRST_PAUSE_S)
    b.check_traffic()


def closed_by_hold(b):
    return ' '.join(line for line in b.node.ns.run(
        ['ip', '-o', 'link'])[1].splitlines() if 'rung hold' in line)


def without_bpf_and_nft_pods_are_closed_and_the_node_is_not(b):
    fresh(b, NO_BPF, NO_NFT)
    expect('hold', b.node.status()['rung'], 'rung')
    b.check_traffic(False)
    got = b.node.host.ask('probe', timeout=3.0, targets=[
        ['tcp', None, '127.0.0.1', 22022]])
    expect(['node-a'], [(got['answers'][0] or '').removeprefix('host:')],
           "the node's own socket")
    # Of a link that was down the kernel has forgotten IPv6's addresses and
    # routes: those pods have to be made anew to have it again.
    expect('full', denied_stays(b, restart)['rung'], 'rung')
    before = b.arrived(b.ok)
    wait_for('what is permitted arrives after hold',
             lambda: b.arrived(b.ok) > before)


# ---- trying again ----

def loads_of(b, since, name):
    return [e for e in b.refuse.loads(since) if e['name'].startswith(name)]


def a_permanent_refusal_is_not_tried_again_in_this_boot(b):
    fresh(b, *NO_PROG[:1])
    expect('compat', b.node.status()['rung'], 'rung')
    since = time.monotonic()
    ladder = restart(b, *NO_PROG[:1])
    expect('compat', ladder['rung'], 'rung of the next agent')
    expect([], loads_of(b, since, 'wd_pod_'), 'loads by the next agent')
    expect(True, ladder['attempts'][0]['skipped'], 'skipped')
    since = time.monotonic()
    expect('compat', restart(b)['rung'], 'rung where it would load')
    expect([], loads_of(b, since, 'wd_pod_'), 'loads where it would load')


def climb_tries_it_and_nothing_else_does(b):
    fresh(b, *NO_PROG[:1])
    since = b.refuse.set()
    time.sleep(2.5)
    expect([], loads_of(b, since, 'wd_'), 'loads by themselves')
    denied_stays(b, lambda b: b.node.warder('ladder', 'climb'))
    expect('full', b.node.status()['rung'], 'rung after climb')
    b.check_traffic()
    expect('full', denied_stays(b, restart)['rung'], 'rung after a restart')
    expect([], rungs_told(b), 'told of a start on the best rung')


def another_binary_tries_what_this_one_was_refused(b):
    """Known is the object by its content, not by its name."""
    fresh(b, *NO_PROG[:1])
    path = os.path.join(b.node.dir, 'state', 'ladder.json')
    with open(path, encoding='utf-8') as f:
        text = f.read()
    with open(path, 'w', encoding='utf-8') as f:
        f.write('{"of": "nobody"')
    expect('full', restart(b)['rung'], 'rung with a file that is broken')
    note(f'ladder.json: {len(text)} bytes')


def what_may_pass_is_tried_again_with_growing_pauses(b):
    fresh(b, TRANSIENT)
    expect('compat', b.node.status()['rung'], 'rung')
    begun = b.refused_at
    quick = loads_of(b, begun, 'wd_pod_')
    if not 1 <= len(quick) <= 3:  # fewer on a slow machine
        raise Fail(f'{len(quick)} quick tries')
    b.refuse.set()
    denied = b.denied()
    wait_for('rung full', lambda: b.node.status()['rung'] == 'full',
             2 * FIRST_PAUSE_S)
    took = time.monotonic() - begun
    note(f'rung full again after {took:.1f} s')
    if took < FIRST_PAUSE_S - 2:
        raise Fail(f'it was tried again after {took:.1f} s')
    expect(denied, b.denied(), 'denied packets that arrived')
    b.check_traffic()


def a_fall_of_the_moment_is_tried_again(b):
    """No start and no climb is what brings it down, but a pod that nothing can
    be attached to. The pause is waited for with WD_LONG."""
    fresh(b)
    since = os.path.getsize(b.node.log_path)
    b.refuse.set(*(rule.split(' errno')[0] + ' errno=ENOMEM'
                   for rule in (NO_LINKS, NO_FILTERS)))
    add_and_delete(b, 'fall', 31)
    b.refuse.set()
    expect('nft', b.node.status()['rung'], 'rung')

    def said():
        with open(b.node.log_path, encoding='utf-8') as f:
            f.seek(since)
            return f'trying again in {FIRST_PAUSE_S} s' in f.read()

    wait_for('what is done about it', said, 5)
    if LONG:
        wait_for('rung full', lambda: b.node.status()['rung'] == 'full',
                 2 * FIRST_PAUSE_S)
    b.check_traffic()


def pauses_grow_and_end(b):
    """Only WD_LONG: 10, 20, 40, 80, 160 s and no more."""
    fresh(b, TRANSIENT)
    begun = b.refused_at
    time.sleep(10 + 20 + 40 + 80 + 160 + 15)
    times = [e['t'] - begun for e in loads_of(b, begun, 'wd_pod_')]
    starts = [t for i, t in enumerate(times)
              if i == 0 or t - times[i - 1] > 2]
    note('tried at ' + ', '.join(f'{t:.0f} s' for t in starts))
    expect(6, len(starts), 'tries')
    for i, want in enumerate((0, 10, 30, 70, 150, 310)):
        if abs(starts[i] - want) > 4:
            raise Fail(f'try {i} came after {starts[i]:.0f} s, not {want}')


def an_agent_that_is_refused_for_a_moment_loses_nothing(b):
    fresh(b, TRANSIENT + ' times=2')  # one try: libbpf asks each twice
    # At once; on a slow machine after the first pause.
    wait_for('rung full', lambda: b.node.status()['rung'] == 'full',
             2 * FIRST_PAUSE_S)
    b.check_traffic()


def climbing_under_refusal_leaves_what_is_in_force(b):
    fresh(b)
    b.refuse.set(*NO_PROG)
    denied_stays(b, lambda b: b.node.warder('ladder', 'climb', ok=None))
    ladder = b.ladder()
    expect('full', ladder['rung'], 'rung')
    b.check_traffic()


GROUPS = (
    (pods_are_added_on_every_rung,
     policies_change_on_every_rung,
     what_is_in_force_outlives_the_refusal_of_what_is_new,
     a_ruleset_follows_programs_where_bpf_is_gone_and_the_other_way,
     a_ruleset_stays_until_all_is_guarded_where_nothing_can_be_attached,
     programs_in_force_stay_where_all_is_gone,
     an_agent_that_may_not_see_the_interfaces_holds_what_is_in_force,
     an_agent_that_sees_an_interface_late_does_not_take_it_for_gone,
     without_bpf_and_nft_pods_are_closed_and_the_node_is_not),
    (status_names_the_rung_and_why,
     a_device_that_nothing_can_be_attached_to_is_told_of,
     what_judges_the_host_is_not_used_where_it_runs_wrongly,
     wires_that_are_refused_are_not_tried_all_the_time,
     encryption_says_what_the_kernel_does_not_let_it_have,
     a_permanent_refusal_is_not_tried_again_in_this_boot,
     climb_tries_it_and_nothing_else_does,
     another_binary_tries_what_this_one_was_refused,
     what_may_pass_is_tried_again_with_growing_pauses,
     an_agent_that_is_refused_for_a_moment_loses_nothing,
     a_fall_of_the_moment_is_tried_again,
     climbing_under_refusal_leaves_what_is_in_force)
    + (pauses_grow_and_end,
       a_trial_that_was_not_permitted_once_is_made_again) * LONG,
)


def run_group(tap, tests, only):
    b = Rungs()
    try:
        b.node.host.ask('listen', socks=[['tcp', '127.0.0.1', 22022]],
                        addrs=[])
        for test in tests:
            if only in test.__name__:
                failed = tap.failed
                tap.run(test.__name__, test, b)
                if tap.failed > failed:
                    tap.say(b.last_words(6))
    finally:
        b.close()


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    return Workers([lambda tap, t=tests: run_group(tap, t, only)
                    for tests in GROUPS
                    if any(only in t.__name__ for t in tests)]).run()


if __name__ == '__main__':
    sys.exit(main())
