#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Alerts and dashboard of tools/packaging/monitoring: promtool takes them, each
alert fires on what it is about and on nothing else, and they ask for no series
that the agent does not have. Needs no root and no agent.

    test_alerts.py
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
WHERE = os.path.join(TOP, 'tools/packaging/monitoring')
ALERTS = os.path.join(WHERE, 'alerts.yml')
CASES = os.path.join(TOP, 'selftests/doc/alerts.test.yml')
# Where tools/setup puts what it unpacks.
TOOLS = [os.path.join(os.environ.get('WD_DEPS', ''), 'bin'),
         '/var/cache/warder/toolchain/bin',
         os.path.expanduser('~/.cache/warder/toolchain/bin')]

# Families that no panel shows, and why.
NOT_SHOWN = {
    'warder_agent_start_duration_seconds': 'of one moment; `status` has it',
    'warder_cluster_pods': 'no more than how large the other cluster is',
    'warder_encryption_packets_total': 'the same in bytes is shown',
    'warder_encryption_required': 'what was set, and moves with it alone',
    'warder_generation': 'begins anew on each node: not to be compared',
    'warder_new_devices_dropped_total': 'a part of PLAINTEXT_OUT, shown by '
                                        'reason',
    'warder_rung_frozen': 'rung hold, which is shown as that',
    'warder_rung_start_time_seconds': 'a change of rung is shown itself',
    'warder_wireguard_devices': 'no-device is among the findings',
}


def read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def promtool(*args):
    for path in [shutil.which('promtool'),
                 *(os.path.join(d, 'promtool') for d in TOOLS)]:
        if path and os.access(path, os.X_OK):
            done = subprocess.run([path, *args], text=True, timeout=120,
                                  capture_output=True, check=False)
            return done.returncode, done.stdout + done.stderr
    return 1, 'no promtool; run `tools/setup test`'


def named(text):
    """Families; of a histogram without what its series have behind the name."""
    return {re.sub(r'_(bucket|sum|count)$', '', name)
            for name in re.findall(r'\bwarder_[a-z0-9_]+', text)}


def exported():
    """Families of the agent. net/test_metrics.py holds them to a live one."""
    return named(' '.join(re.findall(r'"(warder_[a-z0-9_]+)"',
                                     read('user/metrics/families.c'))))


def alerts():
    return re.findall(r'alert: (\w+)', read(ALERTS))


def panels_of():
    return json.loads(read(os.path.join(WHERE, 'dashboard.json')))['panels']


def queries():
    return [t['expr'] for panel in panels_of() for t in panel['targets']]


# ---- the tests: each yields what is wrong ----

def promtool_takes_the_alerts():
    code, text = promtool('check', 'rules', ALERTS)
    if code:
        yield text


def each_alert_fires_on_what_it_is_about_and_on_nothing_else():
    code, text = promtool('test', 'rules', CASES)
    if code:
        yield text


def every_alert_has_a_case():
    cases = re.findall(r'  - name: (\w+)', read(CASES))
    if alerts() != cases:
        yield f'alerts {alerts()}, cases {cases}'


def no_series_is_asked_for_that_is_not_there():
    text = read(ALERTS) + ' '.join(queries())
    for name in sorted(named(text) - exported()):
        yield f'{name}: no such family'
    if len(named(text)) < 15:
        yield f'only {len(named(text))} families are looked at'


def every_family_is_shown_or_it_is_said_why_not():
    shown = named(' '.join(queries()))
    for name in sorted(exported() - shown - set(NOT_SHOWN)):
        yield f'{name}: on no panel'
    for name in sorted(set(NOT_SHOWN) & shown):
        yield f'{name}: is shown'
    for name in sorted(set(NOT_SHOWN) - exported()):
        yield f'{name}: no such family'


def the_readme_names_every_alert():
    text = read('README')
    for name in alerts():
        if name not in text:
            yield f'{name}: not in the README'


def promtool_takes_the_queries_of_the_dashboard():
    rules = ['groups:', '- name: dashboard', '  rules:']
    for number, expr in enumerate(queries()):
        expr = expr.replace('$__rate_interval', '5m').replace('$node', '.*')
        rules += [f'  - record: q{number}', f'    expr: {json.dumps(expr)}']
    with tempfile.NamedTemporaryFile('w', suffix='.yml') as f:
        f.write('\n'.join(rules) + '\n')
        f.flush()
        code, text = promtool('check', 'rules', f.name)
    if code:
        yield text


def panels_have_numbers_and_places_of_their_own():
    panels = panels_of()
    taken = {}
    for panel in panels:
        at = panel['gridPos']
        if at['x'] + at['w'] > 24:
            yield f'{panel["title"]}: wider than the page'
        for x in range(at['x'], at['x'] + at['w']):
            for y in range(at['y'], at['y'] + at['h']):
                other = taken.setdefault((x, y), panel['title'])
                if other != panel['title']:
                    yield f'{panel["title"]} lies on {other}'
    numbers = {p['id'] for p in panels}
    if len(numbers) != len(panels) or len(panels) < 10:
        yield f'{len(panels)} panels, {len(numbers)} numbers'


TESTS = (
    promtool_takes_the_alerts,
    each_alert_fires_on_what_it_is_about_and_on_nothing_else,
    every_alert_has_a_case,
    no_series_is_asked_for_that_is_not_there,
    every_family_is_shown_or_it_is_said_why_not,
    the_readme_names_every_alert,
    promtool_takes_the_queries_of_the_dashboard,
    panels_have_numbers_and_places_of_their_own,
)


def main():
    failed = 0
    print(f'TAP version 13\n1..{len(TESTS)}')
    for number, test in enumerate(TESTS, 1):
        wrong = list(test())
        failed += bool(wrong)
        for text in wrong:
            for line in text.strip().split('\n'):
                print('# ' + line)
        print(f'{"not ok" if wrong else "ok"} {number} - {test.__name__}',
              flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
