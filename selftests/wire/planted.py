# SPDX-License-Identifier: GPL-2.0-only
"""What every run of the sniffer begins with: leaks that it must report.

Put on the uplink of each node before an agent guards it, and on the underlay
by a stranger. A run in which one is not found, by each witness that can, does
not count.
"""
import time

from lab import BY_HEADERS, BY_MARKER, BY_SCAN, SETTLE_S, outside, plants
from wdnet.cluster import POD_ADDR
from wdnet.tap import Fail, expect

STRANGER = '02:00:00:00:03:01'


def places(lab):
    """(namespace, device, source MAC, destination MAC)"""
    a, b = lab.nodes
    return [(a.ns, 'eth0', a.mac, b.mac), (b.ns, 'eth0', b.mac, a.mac),
            (lab.space, 'wild0', STRANGER, b.mac)]


def find_all(lab, pods, words, want):
    """Plant one of each at each place; @want(plant): who must find it."""
    for space, device, *macs in places(lab):
        lab.sniffer.take()
        sent = lab.plant(space, device, macs, [n.ips for n in lab.nodes], pods,
                         'tag=' + lab.tag, *words)
        time.sleep(SETTLE_S)
        got = lab.sniffer.take()['plants']
        expect(len(plants()), sent, 'planted')
        wrong = [f'{p.name}: expected {want(p)}, got {got.get(str(p.number), 0)}'
                 for p in plants() if got.get(str(p.number), 0) != want(p)]
        if wrong:
            raise Fail(f'planted by {device}:', *wrong)


def the_sniffer_finds_each_planted_frame_by_its_addresses(lab):
    pods = [{f: POD_ADDR[f] % (n, 10) for f in lab.families} for n in (1, 2)]
    find_all(lab, pods, (),
             lambda p: 0 if p.payload_only else BY_HEADERS | BY_SCAN)


def the_sniffer_finds_each_planted_frame_by_its_payload(lab):
    pods = [{f: outside(f, n) for f in lab.families} for n in (0, 1)]
    find_all(lab, pods, ('marker=' + lab.secret,), lambda p: BY_MARKER)


def the_sniffer_counts_planted_frames_exactly(lab):
    lab.sniffer.take('armed')
    counts = lab.count()
    for name, count in counts.items():
        expect(1 if name == 'port3' else 0, count['leaks'],
               f'leaks at {name}')


TESTS = [(f.__name__, f) for f in (
    the_sniffer_finds_each_planted_frame_by_its_addresses,
    the_sniffer_finds_each_planted_frame_by_its_payload,
    the_sniffer_counts_planted_frames_exactly)]
