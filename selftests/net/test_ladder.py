#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Each way in which a kernel can refuse, and the rung that the node ends on.

    test_ladder.py [TEXT [SEED]]

The agent is the one that is shipped; `refuse` stands between it and the kernel.
Before each case nothing is in force. Within a second of the first refusal the
node must be safe: the agent says it is ready, nothing denied arrives any more,
and what is permitted does. TEXT: run the cases whose name contains it, all of them.
Else some, chosen by SEED, unless WD_LONG=1.
"""
import itertools
import json
import os
import random
import resource
import sys
import tempfile

from wdnet.rungs import MAPS, OBJECTS, SAFE_S, WIRE_MAPS, Rungs
from wdnet.solo import note
from wdnet.tap import Fail, Workers, expect

LONG = os.environ.get('WD_LONG') == '1'
WORKERS = 1 if LONG else 2  # alone where times are to be told
SLOW = 4  # times what it should be: a machine with other work
TRIES = 3
NO_NFT = 'socket:NETFILTER errno=EPROTONOSUPPORT'
BIG_LOG = 'log="BPF program is too large. Processed 1000001 insn\\n' \
    'processed 1000001 insns (limit 1000000) max_states_per_insn 30\\n"'
# What a load fails with: (in words, errno and log, cause).
LOADS = (
    ('E2BIG', 'errno=E2BIG ' + BIG_LOG, 'complexity'),
    ('E2BIG and 3 MB of log', 'errno=E2BIG pad=3000000 ' + BIG_LOG,
     'complexity'),
    ('EACCES', 'errno=EACCES log="R2 invalid mem access \'inv\'\\n'
     'processed 9 insns\\n"', 'verifier'),
    ('EINVAL after 6780 instructions',
     'errno=EINVAL log="processed 6780 insns\\n"', 'verifier'),
    ('EINVAL after 5 instructions',
     'errno=EINVAL log="processed 5 insns (limit 1000000)\\n"', 'verifier'),
    ('EINVAL without a word', 'errno=EINVAL', 'attach-type'),
    ('EINVAL for a helper', 'errno=EINVAL log="invalid func unknown#160\\n'
     'processed 7 insns\\n"', 'helper'),
    ('EFAULT', 'errno=EFAULT log="REG INVARIANTS VIOLATION (false_reg1)\\n"',
     'complexity'),
    ('ESRCH', 'errno=ESRCH', 'btf'),
    ('EPERM', 'errno=EPERM', 'permission'),
    ('524', 'errno=524', 'jit'),
    ('EOPNOTSUPP', 'errno=EOPNOTSUPP', 'jit'),
    ('EIO', 'errno=EIO', 'unknown'),
    ('ENOSPC', 'errno=ENOSPC', 'transient'),
    ('ENOMEM', 'errno=ENOMEM', 'transient'),
    ('EAGAIN', 'errno=EAGAIN', 'transient'),
    ('EBUSY', 'errno=EBUSY', 'transient'),
)
# Where locked memory is limited that is the likely cause.
NOT_PERMITTED = 'permission' if resource.getrlimit(
    resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY else 'memlock'
WIRE_PROGS = ('wd_wire', 'wd_tun', 'wd_wiremin', 'wd_tunmin')
WIRE_MAPS_OF_ONE = ('wd_proof',)  # wd_wiremin is without
MAP_ERRORS = (('ENOMEM', 'transient'), ('EPERM', NOT_PERMITTED),
              ('EINVAL', 'map'), ('E2BIG', 'map'), ('ENOSPC', 'map'),
              ('524', 'map'))


class Case:
    """@causes: of the attempts that are told of, by object, in order.
    @wires: the object that judges what is no pod's, '' for none."""

    def __init__(self, name, rules, rung, causes=(), object_=None,
                 wires=None):
        self.name, self.rules, self.rung = name, rules, rung
        self.causes, self.object = tuple(causes), object_
        self.wires = wires
        self.args = ('--encryption', 'none' if wires is None else 'required')


def below(count):
    """The rung that is left when the first objects are refused."""
    return [*OBJECTS.values(), 'nft'][count]


def a_refused_program_costs_its_rung_and_no_more():
    for count, way, (words, how, cause) in itertools.product(
            (1, 2, 3), ('in', 'out'), LOADS):
        objects = list(OBJECTS)[:count]
        yield Case(f'{objects[-1]}_{way} fails with {words}',
                   [f'bpf:PROG_LOAD name={o}_{way} {how}' for o in objects],
                   below(count), [(o, cause) for o in objects])


def a_map_that_cannot_be_made_costs_the_programs_and_no_verdict():
    for name, (error, cause) in itertools.product(MAPS, MAP_ERRORS):
        rule = f'bpf:MAP_CREATE name={name} errno={error}'
        if name == 'wd_events':
            yield Case(f'{name} fails with {error}', [rule], 'full',
                       [('wd_events', cause)])
        else:
            yield Case(f'{name} fails with {error}', [rule], 'nft',
                       [(o, cause) for o in OBJECTS])


def programs_that_run_wrongly_are_never_attached():
    for count, how in itertools.product(
            (1, 2, 3), ('retval=4294967295', 'retval=2', 'retval=0',
                        'errno=EINVAL', 'errno=524')):
        objects = list(OBJECTS)[:count]
        yield Case(f'{objects[-1]} runs with {how}',
                   [f'bpf:PROG_TEST_RUN name={o}_* {how}' for o in objects],
                   below(count), [(o, 'golden') for o in objects])
    # One wrong verdict of many is as bad.
    for after in (0, 3, 17):
        yield Case(f'wd_pod runs wrongly once, after {after} packets',
                   [f'bpf:PROG_TEST_RUN name=wd_pod_* after={after} times=1 '
                    'retval=1'], 'compat', [('wd_pod', 'golden')])


def attaching_falls_back_to_filters_and_then_to_nft():
    for error in ('EPERM', 'EINVAL', 'EOPNOTSUPP', 'ENOMEM', 'EBUSY'):
        yield Case(f'no tcx link: {error}',
                   [f'bpf:LINK_CREATE errno={error}'], 'compat',
                   object_='wd_pod')
        yield Case(f'no tcx link: {error}, no filter',
                   [f'bpf:LINK_CREATE errno={error}',
                    'netlink:ROUTE type=NEWTFILTER errno=EOPNOTSUPP'], 'nft')
        yield Case(f'no tcx link: {error}, no qdisc',
                   [f'bpf:LINK_CREATE errno={error}',
                    'netlink:ROUTE type=NEWQDISC errno=EINVAL'], 'nft')


def what_cannot_be_pinned_costs_no_verdict():
    for error in ('EPERM', 'ENOSPC', 'ENOMEM'):
        for name in ('wd_flow*', 'wd_state*', 'wd_pod_in*'):
            yield Case(f'{name[:-1]} cannot be pinned: {error}',
                       [f'bpf:OBJ_PIN name={name} errno={error}'], 'nft')
        yield Case(f'no link can be pinned: {error}',
                   [f'bpf:OBJ_PIN name=*-in* errno={error}',
                    f'bpf:OBJ_PIN name=*-out* errno={error}'], 'compat',
                   object_='wd_pod')


def without_bpf_the_ruleset_enforces():
    for error in ('EPERM', 'EINVAL', 'ENOMEM', '524'):
        # Locks in maps need it: no kernel with bpf(2) is without.
        yield Case(f'no BTF can be loaded: {error}',
                   [f'bpf:BTF_LOAD probes errno={error}'], 'nft')
        yield Case(f'the BTF of the object fails: {error}',
                   [f'bpf:BTF_LOAD errno={error}'], 'nft')
    # libbpf goes by its first try for as long as the process lives.
    for error in ('EPERM', 'ENOMEM'):
        yield Case(f"libbpf's own try of BTF fails once: {error}",
                   [f'bpf:BTF_LOAD probes errno={error} times=1'], 'nft',
                   [(o, 'transient') for o in OBJECTS])
    for error in ('EPERM', 'ENOSYS', 'EACCES'):
        yield Case(f'no bpf(2): {error}', [f'bpf:* errno={error}'], 'nft')
        yield Case(f'no bpf(2): {error}, no nf_tables',
                   [f'bpf:* errno={error}', NO_NFT], 'hold')
        yield Case(f'no bpf(2): {error}, the ruleset is refused',
                   [f'bpf:* errno={error}',
                    'netlink:NETFILTER type=NEWTABLE errno=EPERM'], 'hold')
    yield Case('one program of each object and nf_tables',
               [f'bpf:PROG_LOAD name={o}_out errno=EACCES' for o in OBJECTS]
               + [NO_NFT], 'hold')


def what_is_only_tried_before_may_fail():
    """What libbpf and the agent try before may fail, and nothing follows."""
    for error in ('EPERM', 'EINVAL'):
        yield Case(f"libbpf's own tries of programs fail: {error}",
                   [f'bpf:PROG_LOAD name=libbpf_* probes errno={error}',
                    f'bpf:PROG_LOAD name=det_* probes errno={error}'], 'full')
    yield Case('no program can be asked for', ['bpf:PROG_QUERY errno=EPERM'],
               None)
    yield Case('no object can be described',
               ['bpf:OBJ_GET_INFO_BY_FD errno=EPERM'], None)
    yield Case('no map can be frozen', ['bpf:MAP_FREEZE errno=EPERM'], None)
    yield Case('no map can be bound', ['bpf:PROG_BIND_MAP errno=EPERM'],
               'full')


def wires_have_a_ladder_of_their_own():
    """Where no program is left, or one runs wrongly, the wires are closed to
    what must be encrypted, and pods go on as they were."""
    for name in ('wire_in', 'wire_out', 'tun_in', 'tun_out'):
        yield Case(f'{name} fails to load',
                   [f'bpf:PROG_LOAD name=wd_{name} errno=E2BIG'], 'full',
                   wires='wd_wiremin')
    # as many as there are golden packets for each
    for kind, after in [*(('wire', n) for n in range(8)),
                        *(('tun', n) for n in range(4))]:
        yield Case(f'the program wd_{kind} runs wrongly after {after} packets',
                   [f'bpf:PROG_TEST_RUN name=wd_{kind}_* after={after} '
                    'times=1 retval=1'], 'full', wires='wd_wiremin')
    for how in ('errno=EINVAL', 'retval=4294967295', 'retval=2'):
        yield Case(f'all programs of wires run with {how}',
                   [f'bpf:PROG_TEST_RUN name={p}_* {how}'
                    for p in WIRE_PROGS], 'full', wires='')
    yield Case('no program of wires loads',
               [f'bpf:PROG_LOAD name={p}_* errno=EACCES' for p in WIRE_PROGS],
               'full', wires='')
    for name, (error, _) in itertools.product(WIRE_MAPS, MAP_ERRORS):
        yield Case(f'{name} of wires fails with {error}',
                   [f'bpf:MAP_CREATE name={name} errno={error}'], 'full',
                   wires='wd_wiremin' if name in WIRE_MAPS_OF_ONE else '')


GROUPS = (
    a_refused_program_costs_its_rung_and_no_more,
    a_map_that_cannot_be_made_costs_the_programs_and_no_verdict,
    programs_that_run_wrongly_are_never_attached,
    attaching_falls_back_to_filters_and_then_to_nft,
    what_cannot_be_pinned_costs_no_verdict,
    without_bpf_the_ruleset_enforces,
    what_is_only_tried_before_may_fail,
    wires_have_a_ladder_of_their_own,
)


def check_causes(case, ladder):
    """The first attempt at each object has the cause it should have."""
    found = {}
    for a in ladder['attempts']:
        found.setdefault(a['object'], a['cause'])
    for object_, cause in case.causes:
        if found.get(object_) != cause:
            raise Fail(f'{object_}: expected cause {cause}, got '
                       f'{found.get(object_)}', *ladder['attempts'])


def check_wires(case, wires):
    expect((case.wires, not case.wires),
           (wires['object'] or '', wires['open']), 'wires judged by, open')


def reach_rung(b, case):
    """From nothing in force to a safe node. Gives how long that took."""
    b.detach()
    b.forget()
    since, safe = b.start(*case.rules, args=case.args)
    ladder = b.ladder()
    if case.rung:
        expect(case.rung, ladder['rung'], 'rung')
    if case.object:
        expect(case.object, ladder['object'], 'object')
    check_causes(case, ladder)
    if case.wires is not None:
        check_wires(case, ladder['wires'])
    b.check_traffic(ladder['rung'] != 'hold')
    return safe - since


def usual_start(b):
    """How long a start takes without refusals, as busy as the machine is."""
    b.detach()
    since, safe = b.start()
    return safe - since


def check_case(b, case):
    """A machine with other work may be late: once in time is enough."""
    took = reach_rung(b, case)
    for _ in range(TRIES - 1):
        if took <= max(SAFE_S, SLOW * b.usual_s):
            break
        b.usual_s = usual_start(b)
        took = min(took, reach_rung(b, case))
    b.took.append((took, case.name))
    if took > max(SAFE_S, SLOW * b.usual_s):
        raise Fail(f'safe only {took:.2f} s after the first refusal; a start '
                   f'takes {b.usual_s:.2f} s now')


def choose(seed, every):
    """Every case, or some in which each word of their names occurs: each way
    to fail, each object, map and place."""
    cases = [c for group in GROUPS for c in group()]
    if every:
        return cases
    random.Random(seed).shuffle(cases)
    words, out = set(), []
    for case in cases:
        new = set(case.name.replace(',', '').split()) - words
        if new:
            words |= new
            out.append(case)
    return out


def run_cases(tap, cases, results):
    """What it took goes to the file @results, for all workers together."""
    b = Rungs()
    b.took = []
    # Hold closes by setting links down, of which the kernel forgets IPv6's
    # addresses and routes: nothing can come after it.
    cases = sorted(cases, key=lambda case: case.rung == 'hold')
    try:
        b.usual_s = usual_start(b)
        for case in cases:
            tap.run(case.name, check_case, b, case)
        note(f'a start without refusals takes {b.usual_s:.2f} s; packets: '
             f'{b.torrent.pace()}')
    finally:
        with open(results, 'a', encoding='utf-8') as f:
            f.write(json.dumps([b.took, b.looked]) + '\n')
        b.close()


def sum_up(results, load):
    """What all cases came to. @load: of the machine before they began"""
    took, sent, arrived = [], 0, 0
    for line in results:
        more, looked = json.loads(line)
        took += more
        sent, arrived = sent + looked[0], arrived + looked[1]
    if not took:
        return
    took.sort()
    note(f'{len(took)} cases measured, load before {load:.1f}: safe after the '
         f'first refusal: median {took[len(took) // 2][0]:.2f} s, '
         f'most {took[-1][0]:.2f} s ({took[-1][1]}), over {SAFE_S:.0f} s: '
         f'{sum(t > SAFE_S for t, _ in took)}; when safe {sent} denied packets '
         f'sent, {arrived} arrived')


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else \
        random.randrange(1 << 32)
    cases = [c for c in choose(seed, LONG or bool(only)) if only in c.name]
    note(f'{len(cases)} cases, seed {seed}')
    load = os.getloadavg()[0]
    with tempfile.NamedTemporaryFile('r', encoding='utf-8') as results:
        code = Workers([
            lambda tap, n=n: run_cases(tap, cases[n::WORKERS], results.name)
            for n in range(min(WORKERS, len(cases)))]).run()
        sum_up(results, load)
    return code


if __name__ == '__main__':
    sys.exit(main())
