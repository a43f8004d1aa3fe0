#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder why --as-of-manifests` says of the demo's manifests what the table
beside them says, which was worked out by hand, and what `make demo` measures
with packets. Needs no root and no agent.

    test_asof.py BUILD
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SHOP = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'tools', 'demo',
                    'shop')
ASKED = {'W': ':http', 'A': ':api', 'D': ':5432', 'S': ':8125/udp',
         'M': ':metrics', 'P': ''}
# Who is no pod, by family.
OUTSIDE = {'office': ('192.0.2.10', '2001:db8:2::10'),
           'banned': ('192.0.2.66', '2001:db8:2::66'),
           'host-1': ('192.168.50.1', 'fd00:50::1')}
NAMESPACES = {'prom': 'monitoring', 'guest': 'lab'}


def table():
    """The letters of each column, and for each sender those that reach it."""
    with open(os.path.join(SHOP, 'expected.txt'), encoding='utf-8') as f:
        rows = [line.split() for line in f if line.strip() and
                not line.startswith('#')]
    names, letters = rows[0][1:], rows[1][1:]
    return dict(zip(names, letters)), {row[0]: dict(zip(names, row[1:]))
                                       for row in rows[2:]}


def pod(name):
    return f'{NAMESPACES.get(name, "shop")}/{name}'


class Asker:
    def __init__(self, warder, *manifests):
        self.warder, self.manifests = warder, manifests

    def run(self, *words):
        """Exit code, standard output and error."""
        dirs = [w for d in self.manifests for w in ('--as-of-manifests', d)]
        done = subprocess.run([self.warder, 'why', *words, *dirs],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def reaches(self, src, dst, letter, family):
        who = OUTSIDE[src][family == 6] if src in OUTSIDE else pod(src)
        code, out, err = self.run(who, pod(dst) + ASKED[letter], f'-{family}',
                                  '--json')
        if code not in (0, 1) or err:
            return f'exit code {code}: {err}'
        doc = json.loads(out)
        if (doc['verdict'] != 'drop') != (code == 0):
            return f'{doc["verdict"]}, and exit code {code}'
        return code == 0


def every_cell_is_what_the_table_says(ask):
    letters, rows = table()
    cells = [(src, dst, letter, family, letter in got)
             for src, row in rows.items() for dst, got in row.items()
             if got != '.' for letter in letters[dst] for family in (4, 6)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        said = pool.map(lambda c: ask.reaches(*c[:4]), cells)
        for cell, got in zip(cells, said):
            if got is not cell[4]:
                yield f'{cell[:4]}: {got}, not {cell[4]}'
    print(f'# {len(cells)} cells')


def it_names_the_rule_and_where_it_stands(ask):
    _, out, _ = ask.run('shop/api-1', 'shop/db:5432', '--json')
    doc = json.loads(out)
    rule = doc['rule'] or {}
    if (rule.get('name'), rule.get('index'), doc['reason']) != \
            ('database', 0, 'POLICY_ALLOW'):
        yield str(doc)
    if not rule.get('file', '').endswith('50-database.yaml'):
        yield str(rule)
    if (doc['rung'], doc['generation']) != (None, None) or \
            'demo/shop' not in doc['as_of']:
        yield 'speaks of a kernel'


def the_sockets_of_a_node_are_those_of_the_pods_node(ask):
    for pod_name, want in (('shop/web-1:http', 'HOST'),
                           ('shop/db:5432', 'HOST')):
        code, out, err = ask.run('host', pod_name, '--json')
        if code or json.loads(out)['reason'] != want:
            yield f'{pod_name}: {code} {out}{err}'
    code, _, err = ask.run('host', 'shop/db:5432', '--node', 'node-1')
    if code != 1 or 'give an address' not in err:
        yield f'{code} {err}'


def the_agents_configuration_gives_the_defaults(ask):
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as f:
        f.write('mode: audit\nhost-ingress: policy\n')
        f.flush()
        _, out, _ = ask.run('shop/web-1', 'shop/db:5432', '--json', '--config',
                            f.name)
        if json.loads(out)['verdict'] != 'audit':
            yield out
        _, out, _ = ask.run('host', 'shop/db:5432', '--json', '--config',
                            f.name)
        if json.loads(out)['reason'] == 'HOST':
            yield out
        f.write('nonsense: 1\n')
        f.flush()
        code, _, err = ask.run('shop/web-1', 'shop/db:5432', '--config',
                               f.name)
        if code != 2 or 'nonsense' not in err:
            yield f'{code} {err}'


BEHIND = """
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: s, labels: {app: a}}
spec: {nodeName: n}
status: {podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: s, labels: {app: b}}
spec: {nodeName: m}
status: {podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: s}
spec: {clusterIP: 10.96.0.1, selector: {app: b}, ports: [{port: 80, targetPort: 81}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: b, namespace: s}
spec:
  podSelector: {matchLabels: {app: b}}
  ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/32}}], ports: [{port: %d}]}]
"""


def who_answers_for_a_service_has_the_last_word(ask):
    for port, want in ((81, 'allow'), (80, 'drop')):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'all.yaml'), 'w',
                      encoding='utf-8') as f:
                f.write(BEHIND % port)
            code, out, err = Asker(ask.warder, folder).run(
                's/a', '10.96.0.1:80', '--json')
            if code not in (0, 1) or json.loads(out)['verdict'] != want:
                yield f'{port}: {code} {out}{err}'


POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {0}, namespace: s, labels: {{app: {0}, of: b}}}}
spec: {{nodeName: m}}
status: {{podIPs: [{{ip: 10.0.0.{1}}}]}}
---
"""
DIFFERENT = """
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: s}
spec: {nodeName: n}
status: {podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: s}
spec: {clusterIP: 10.96.0.1, selector: {of: b}, ports: [{port: 80, targetPort: 81}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: in, namespace: s}
spec: {podSelector: {matchExpressions: [{key: app, operator: In, values: %s}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: s}
spec:
  podSelector: {matchExpressions: [{key: of, operator: DoesNotExist}]}
  policyTypes: [Egress]
  egress: [{to: [{podSelector: {matchExpressions: [{key: app, operator: In, values: %s}]}}]}]
"""
ALL = '[b2, b3, b4]'


def each_backend_of_a_service_is_asked(ask):
    """Whom `in` isolates, whom `out` lets a send to, and what is said then:
    verdict, where, of which backend, how many allowed at a, denied at their own."""
    pods = ''.join(POD.format(f'b{i}', i) for i in (2, 3, 4))
    for isolated, sent, want in (
            ('[nobody]', ALL, ('allow', 'egress', 2, 3, 0)),
            ('[b2]', ALL, ('drop', 'ingress', 2, 3, 1)),
            ('[b4]', ALL, ('drop', 'ingress', 4, 3, 1)),
            ('[b3, b4]', ALL, ('drop', 'ingress', 3, 3, 2)),
            ('[b4]', '[b3, b4]', ('drop', 'ingress', 4, 2, 1)),
            ('[b2]', '[b3, b4]', ('allow', 'egress', 3, 2, 0)),
            ('[b4]', '[nobody]', ('drop', 'egress', 2, 0, 0))):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'all.yaml'), 'w',
                      encoding='utf-8') as f:
                f.write(pods + DIFFERENT % (isolated, sent))
            asker = Asker(ask.warder, folder)
            _, out, err = asker.run('s/a', '10.96.0.1:80', '--json')
            _, text, _ = asker.run('s/a', '10.96.0.1:80')
        doc = json.loads(out or '{}')
        to = doc.get('service') or {'address': '.0'}
        got = (doc.get('verdict'), doc.get('direction'),
               int(to['address'].split('.')[-1]), to.get('allowed'),
               to.get('denied'))
        if got != want or doc['drift']:
            yield f'{isolated} {sent}: {got}, not {want} {err}'
        if (f'{want[4]} of them denied' in text) != bool(want[4]):
            yield text


def each_backend_is_asked_of_the_host_too(ask):
    pods = ''.join(POD.format(f'b{i}', i) for i in (2, 3, 4))
    for isolated, want in (('[nobody]', ('allow', '10.0.0.2', 0)),
                           ('[b3, b4]', ('drop', '10.0.0.3', 2))):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'all.yaml'), 'w',
                      encoding='utf-8') as f:
                f.write(pods + DIFFERENT % (isolated, ALL))
            with open(os.path.join(folder, 'agent'), 'w',
                      encoding='utf-8') as f:
                f.write('host-ingress: policy\n')
            _, out, err = Asker(ask.warder, folder).run(
                'host', '10.96.0.1:80', '--json', '--node', 'n', '--config',
                os.path.join(folder, 'agent'))
        doc = json.loads(out or '{"service": {}}')
        got = (doc.get('verdict'), doc['service'].get('address'),
               doc['service'].get('denied'))
        if got != want:
            yield f'{isolated}: {got}, not {want} {err}'


STAGES = ['source', 'conntrack', 'identity', 'row', 'mode', 'class', 'rules',
          'tier', 'encryption', 'mesh', 'rung', 'verdict']


def stages_of(out):
    """By direction, each stage's outcome."""
    return {h['direction']: {s['stage']: s['outcome'] for s in h['stages']}
            for h in json.loads(out)['hooks'] if h.get('stages')}


def stages_of_a_service_are_those_of_its_backend(ask):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'all.yaml'), 'w',
                  encoding='utf-8') as f:
            f.write(BEHIND % 80)
        asker = Asker(ask.warder, folder)
        words = ('s/a', '10.96.0.1:80')
        _, out, _ = asker.run(*words, '--json')
        stages = stages_of(out)
        if list(stages['ingress']) != STAGES or \
                list(stages['egress']) != [*STAGES[:2], 'service',
                                           *STAGES[2:]]:
            yield out
        doc = json.loads(out)
        if [(p['namespace'], p['name']) for p in doc['isolated_by']] != \
                [('s', 'b')]:
            yield f'isolated by {doc["isolated_by"]}'
        if not any('add tcp port 81' in fix['text'] for fix in doc['fixes']):
            yield f'no fix of the backend: {doc["fixes"]}'


def stages_of_the_node_say_that_no_rule_is_asked(ask):
    _, out, _ = ask.run('host', 'shop/db:5432', '--json')
    stages = stages_of(out)['ingress']
    if list(stages) != STAGES or (stages['rules'], stages['tier']) != \
            ('not asked', 'none'):
        yield out


def source_is_told_by_the_node_of_the_sender(ask):
    """api-1 is on node-1, api-2 and db are on node-2."""
    for sender, says in (('shop/api-1', 'from outside this node'),
                         ('shop/api-2', 'the device of that pod')):
        _, out, _ = ask.run(sender, 'shop/db:5432', '--json')
        hook = [h for h in json.loads(out)['hooks']
                if h['direction'] == 'ingress'][0]
        if hook['node'] != 'node-2' or says not in hook['stages'][0]['text']:
            yield f'{sender}: {hook["node"]}, {hook["stages"][0]}'


def suggested_policies_do_what_they_are_for(ask):
    """Applied, what was dropped passes, and what passed unjudged is dropped."""
    letters, rows = table()
    asked = 0
    for src, row in rows.items():
        for dst, got in row.items():
            for letter in letters[dst] if got != '.' else '':
                if letter in 'SP' or src == 'banned':
                    continue  # one protocol and one address are enough
                question = (OUTSIDE[src][0] if src in OUTSIDE else pod(src),
                            pod(dst) + ASKED[letter])
                asked += 1
                yield from check_suggestion(ask, question)
    print(f'# {asked} suggestions')


def check_suggestion(ask, question):
    before, out, _ = ask.run(*question, '--json')
    fixes = [f for f in json.loads(out)['fixes'] if f['manifest']]
    code, out, err = ask.run(*question, '--suggest')
    if (code == 0) != bool(fixes):
        yield f'{question}: exit code {code}, of {fixes}: {err}'
    if not fixes:
        return
    with tempfile.TemporaryDirectory() as extra:
        with open(os.path.join(extra, 'new.yaml'), 'w', encoding='utf-8') as f:
            f.write(out)
        after, said, _ = Asker(ask.warder, SHOP, extra).run(*question,
                                                            '--json')
        doc = json.loads(said)
        if after == before or doc['warnings'] or before == 1 and \
                doc['reason'] != 'POLICY_ALLOW':
            yield f'{question}: {before} then {after}: {said}\n{out}'


def advice_names_the_rule_that_comes_nearest(ask):
    for words, code, lines in (
            (('shop/web-1', 'shop/db:5432'), 1,
             ('50-database.yaml:10', 'app=backend', 'app=frontend')),
            (('shop/api-1', 'shop/web-1:http'), 1, ('to allow', '--suggest')),
            (('shop/api-1', 'shop/db:5432'), 0,
             ('to deny', 'NetworkPolicy/shop/database ingress[0]')),
            (('host', 'shop/db:5432'), 0, ('to deny', 'host-ingress'))):
        got, out, err = ask.run(*words)
        missing = [line for line in lines if line not in out]
        if got != code or missing:
            yield f'{words}: {got}, without {missing}: {out}{err}'
    code, out, err = ask.run('host', 'shop/db:5432', '--suggest')
    if code != 1 or out or 'host-ingress' not in err:
        yield f'{code} {out}{err}'


LEFT_OUT = BEHIND % 82 + """---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: aside, namespace: s}
spec:
  podSelector: {matchLabels: {app: b}}
  policyTypes: [Egress]
  egress: [{}]
  ingress: [{from: [{podSelector: {matchLabels: {app: a}}}], ports: [{port: 81}]}]
"""


def rules_that_policy_types_leave_out_are_not_near(ask):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'all.yaml'), 'w',
                  encoding='utf-8') as f:
            f.write(LEFT_OUT)
        code, out, err = Asker(ask.warder, folder).run('s/a', 's/b:80',
                                                       '--json')
    text = json.loads(out)['fixes'][0]['text']
    if code != 1 or 'NetworkPolicy/s/b ingress[0]' not in text:
        yield f'{code} {text}{err}'


def what_is_wrong_is_said(ask):
    for words, code, text in (
            (('shop/nobody', 'shop/db:1'), 1, 'no source has told'),
            (('shop/web-1', 'shop/db:nonsense'), 1, "name 'nonsense'"),
            (('shop/web-1', 'a b'), 2, 'TO')):
        got, _, err = ask.run(*words)
        if got != code or text not in err:
            yield f'{words}: {got} {err}'
    got, _, err = Asker(ask.warder, '/nowhere').run('a/b', 'c/d:1')
    if got != 1 or '/nowhere' not in err:
        yield f'{got} {err}'
    with tempfile.TemporaryDirectory() as extra:
        with open(os.path.join(extra, 'bad.yaml'), 'w',
                  encoding='ascii') as f:
            f.write('apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n'
                    'metadata: {name: n, namespace: shop}\n'
                    'spec: {podSelector: {}, ingress: [{prots: []}]}\n')
        _, out, _ = Asker(ask.warder, SHOP, extra).run(
            'shop/api-1', 'shop/db:5432', '--json')
        if not any('1 problem' in w for w in json.loads(out)['warnings']):
            yield out


def main():
    ask = Asker(os.path.join(sys.argv[1], 'warder'), SHOP)
    tests = (every_cell_is_what_the_table_says,
             it_names_the_rule_and_where_it_stands,
             the_sockets_of_a_node_are_those_of_the_pods_node,
             the_agents_configuration_gives_the_defaults,
             who_answers_for_a_service_has_the_last_word,
             each_backend_of_a_service_is_asked,
             each_backend_is_asked_of_the_host_too,
             stages_of_a_service_are_those_of_its_backend,
             stages_of_the_node_say_that_no_rule_is_asked,
             source_is_told_by_the_node_of_the_sender,
             suggested_policies_do_what_they_are_for,
             advice_names_the_rule_that_comes_nearest,
             rules_that_policy_types_leave_out_are_not_near,
             what_is_wrong_is_said)
    failed = 0
    print(f'TAP version 13\n1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        bad = list(test(ask))
        for line in bad[:20]:
            print('# ' + line.replace('\n', '\n# '))
        failed += bool(bad)
        print(f'{"not ok" if bad else "ok"} {number} - {test.__name__}',
              flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
