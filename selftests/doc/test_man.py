#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds the man pages and the README to what `warder help` says, and every
command to the contract of options, exit codes and JSON. Needs no root and no
agent.

    test_man.py BUILD

In a man page a command is a section `.SS "warder OBJECT VERB ARGS"`; summary,
text and options of the help must stand there word for word.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
COMMON = ('json', 'run-dir', 'help')
# What other tools rely on; more commands are welcome.
CONTRACT = ('agent', 'status', 'sync', 'stop', 'endpoint list',
            'endpoint get', 'identity list', 'identity get', 'service list',
            'service get', 'policy list',
            'policy get', 'policy unused', 'policy check', 'policy diff', 'policy confirm',
            'why', 'monitor', 'map list',
            'flow list', 'ladder show', 'ladder climb', 'ladder pin',
            'metrics', 'bugreport', 'doctor', 'completion', 'cni install',
            'cni check', 'cni uninstall', 'encryption status', 'encryption report')
CONTRACT_OPTIONS = {
    'agent': 'config node manifests state-dir run-dir bpffs max-rung '
             'host-ingress host-open host-confirm cni-conf metrics check',
    'status': 'wait events alive', 'sync': 'timeout', 'stop': 'detach',
    'monitor': 'agent drops pod reason verdict namespace identity port '
               'policy count aggregate output pcap', 'encryption report': 'since html',
    'policy unused': 'since',
    'policy diff': 'delete since', 'policy confirm': 'again'}
# Words that make each command ask the agent.
ASKING = ('status', 'status --alive', 'sync', 'endpoint list', 'endpoint get a/b',
          'identity list', 'identity get 256', 'service list',
          'service get a/b', 'policy list',
          'policy get a/b', 'policy unused', 'policy diff --delete a/b', 'policy confirm',
          'why a/b c/d:80', 'monitor', 'metrics', 'map list',
          'flow list a/b', 'ladder show', 'ladder climb',
          'ladder pin minimal', 'encryption status',
          'encryption report --since 1h')
# Words that are wrong in themselves, without an agent.
WRONG = ('', 'nope', 'endpoint', 'endpoint nope', 'endpoint get',
         'endpoint list more', 'status --nope', 'status --wait=soon',
         'sync --timeout', 'sync --timeout 0', 'stop', 'why a/b',
         'why a/b c/d:0', 'why -4 -6 a/b c/d', 'monitor --reason NOPE',
         'monitor --port 0', 'monitor --verdict no', 'monitor --pod a',
         'monitor --namespace=', 'monitor --identity nobody',
         'monitor --policy a', 'monitor --count 0', 'monitor --aggregate 0',
         'monitor --aggregate soon', 'monitor --aggregate 5s --output hubble', 'monitor --output xml',
         'monitor --agent --port 80', 'completion', 'completion fish',
         'encryption', 'encryption report --since soon',
         'policy unused more', 'policy unused --since soon',
         'policy check', 'policy diff', 'policy diff --since 2h x.yaml',
         'ladder', 'ladder pin', 'help nope', 'agent --nope', 'agent more',
         'metrics more', 'monitor --agent --drops', 'agent --metrics host:1')


class Documents:
    """The program, the pages and the README, read once."""

    def __init__(self, build):
        self.warder = os.path.join(build, 'warder')
        done = self.run('help', '--json')
        self.commands = {name_of(c): c
                         for c in json.loads(done.stdout)['commands']}
        self.sections = {}
        for path in sorted(glob.glob(os.path.join(TOP, 'user/man/*.8'))):
            self.read_page(path)
        with open(os.path.join(TOP, 'README'), encoding='utf-8') as f:
            self.readme = f.read()

    def run(self, *words, env=None):
        return subprocess.run(
            [self.warder, *words], stdout=subprocess.PIPE, timeout=60,
            stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, **(env or {})})

    def read_page(self, path):
        with open(path, encoding='utf-8') as f:
            text = f.read()
        for part in re.split(r'^\.SS ', text, flags=re.M)[1:]:
            head, body = part.split('\n', 1)
            body = re.split(r'^\.SH ', body, flags=re.M)[0]
            if not body.startswith('See\n'):  # only points elsewhere
                self.sections.setdefault(plain(head), []).append(body)


def name_of(command):
    return ' '.join(filter(None, (command['object'], command['verb'])))


def plain(roff):
    """Text of a piece of a man page, in one line."""
    roff = re.sub(r'^\.(TP|PP|EX|EE|br)\b.*$', '', roff, flags=re.M)
    roff = re.sub(r'^\.[A-Z]+ ', '', roff, flags=re.M)
    roff = re.sub(r'\\f[BIRP]', '', roff)
    for escape, text in ((r'\-', '-'), (r'\(aq', "'"), (r'\&', ''),
                         (r'\e', '\\'), ('"', '')):
        roff = roff.replace(escape, text)
    return ' '.join(roff.split())


def words(text):
    """Text of the help in one line, as plain() gives it."""
    return ' '.join(re.sub('[`"]', '', text).split())


def title_of(command):
    return words('warder ' + ' '.join(filter(
        None, (name_of(command), command['args']))))


def option_title(option):
    text = '--' + option['name']
    if option['key']:
        text = f'-{option["key"]}, {text}'
    if option['arg']:
        text += f'[={option["arg"]}]' if option['arg_optional'] else \
            ' ' + option['arg']
    return text


def own_options(command):
    """Those that are to stand in its own section."""
    if command['object'] == 'agent':
        return command['options']
    return [o for o in command['options'] if o['name'] not in COMMON]


# ---- the tests: each yields what is wrong ----

def help_has_every_command_of_the_contract(docs):
    for name in CONTRACT:
        if name not in docs.commands:
            yield f'no command `{name}`'
            continue
        have = {o['name'] for o in docs.commands[name]['options']}
        for option in [*CONTRACT_OPTIONS.get(name, '').split(), 'json']:
            if option not in have:
                yield f'{name}: no option --{option}'


def help_as_text_and_as_json_are_the_same(docs):
    overview = docs.run('help').stdout
    for name, command in docs.commands.items():
        text = docs.run('help', *name.split()).stdout
        flat = words(text)
        for piece in (command['summary'], command['text'] or ''):
            if words(piece) not in flat:
                yield f'{name}: {piece!r} is not in its help'
        for option in command['options']:
            if option_title(option) not in flat or \
                    words(option['help']) not in flat:
                yield f'{name}: --{option["name"]} is not in its help'
        if command['summary'] not in overview:
            yield f'{name}: not in the overview'
        for line in text.split('\n'):
            if len(line) > 79:
                yield f'{name}: wider than 79 columns: {line}'


def every_command_has_one_section_in_the_man_pages(docs):
    known = {title_of(c) for c in docs.commands.values()}
    for title in sorted(known | set(docs.sections)):
        cnt = len(docs.sections.get(title, ()))
        if cnt != 1 or title not in known:
            yield f'{title}: {cnt} sections, in the help: {title in known}'


def man_body(docs, command):
    return plain(''.join(docs.sections.get(title_of(command), ())))


def man_pages_say_what_help_says(docs):
    for name, command in docs.commands.items():
        body = man_body(docs, command)
        summary = words(command['summary'])
        if summary[0].upper() + summary[1:] not in body:
            yield f'{name}: its summary is not in the man page'
        for piece in (command['text'] or '').split('\n'):
            if words(piece) not in body:
                yield f'{name}: not in the man page: {piece.strip()!r}'
        for option in own_options(command):
            want = option_title(option) + ' ' + words(option['help'])
            if body.count(want) != 1:
                yield f'{name}: {body.count(want)} times in the man page: ' \
                    f'{want!r}'


def man_pages_know_no_option_that_help_does_not(docs):
    for name, command in docs.commands.items():
        known = {o['name'] for c in docs.commands.values()
                 for o in c['options']}
        text = words(command['text'] or '') + ''.join(
            words(o['help']) for o in command['options'])
        for option in re.findall(r'--([a-z][a-z0-9-]*)',
                                 man_body(docs, command)):
            own = {o['name'] for o in command['options']}
            if option not in own and (option not in known
                                      or f'--{option}' not in text):
                yield f'{name}: the man page has --{option}, help has not'


def readme_lists_every_command(docs):
    listed = {}
    part = docs.readme.split('\n## Commands\n')[-1].split('\n## ')[0]
    for line in part.split('\n'):
        row = re.match(r'\| `(warder .*?)` \| (.*?) \|$', line)
        if row:
            listed[row[1].replace('\\|', '|')] = row[2]
    known = {title_of(c): words(c['summary'])
             for c in docs.commands.values()}
    for title, summary in known.items():
        if listed.get(title) != summary:
            yield f'{title}: README says {listed.get(title)!r}, help ' \
                  f'{summary!r}'
    for title in listed:
        if title not in known:
            yield f'{title}: in the README, but no such command'


def readme_has_output_of_every_command(docs):
    for name in docs.commands:
        if name not in ('help',) and \
                not re.search(r'^ +\$ warder ' + name, docs.readme, re.M):
            yield f'{name}: no output of it'


def manual_names_only_reasons_that_exist(docs):
    text = docs.commands['monitor']['text']
    reasons = set(re.findall(r'^\s+([A-Z0-9_]+):', text, re.M))
    if len(reasons) < 20:
        yield f'only {len(reasons)} reasons in the help'
    for word in re.findall(r'\(([A-Z]+_[A-Z_]+)\)', docs.readme):
        if word not in reasons:
            yield f'README: {word} is no reason'


def the_manual_lists_every_reason_in_the_words_of_the_help(docs):
    with open(os.path.join(TOP, 'user/man/warder.8'), encoding='utf-8') as f:
        part = f.read().split('\n.SH REASONS\n')[-1].split('\n.SH ')[0]
    listed = {n: plain(t) for n, t in re.findall(
        r'^\.TP\n\.B ([A-Z0-9_]+)\n((?:(?!\.TP).*\n?)+)', part, re.M)}
    known = dict(re.findall(r'^\s+([A-Z0-9_]+):\s+(.*)$',
                            docs.commands['monitor']['text'], re.M))
    for name in sorted(known | listed):
        if listed.get(name) != known.get(name):
            yield f'{name}: warder.8 says {listed.get(name)!r}, the help ' \
                  f'{known.get(name)!r}'


def read_error(text):
    """The JSON object of an error; a reason why it is none."""
    try:
        doc = json.loads(text)
    except ValueError:
        return None, f'stderr is not JSON: {text[:200]!r}'
    for key, kind in (('code', int), ('error', str), ('where', str)):
        if not isinstance(doc.get(key), kind):
            return None, f'no {key} in {text[:200]!r}'
    return doc, None


def usage_errors_exit_with_2(docs):
    for line in WRONG:
        for more in ((), ('--json',)):
            done = docs.run(*line.split(), *more)
            if done.returncode != 2:
                yield f'warder {line}: exit code {done.returncode}'
            if not line:
                break
            if more:
                doc, why = read_error(done.stderr)
                if why or doc['code'] != 2:
                    yield f'warder {line} --json: {why or doc}'
            elif not done.stderr.startswith('warder: ') or done.stdout:
                yield f'warder {line}: {done.stderr!r} {done.stdout!r}'


def without_an_agent_commands_exit_with_3(docs):
    with tempfile.TemporaryDirectory(prefix='wd-man-') as run_dir:
        for line in ASKING:
            for more, env in (((f'--run-dir={run_dir}',), {}),
                              (('--json',), {'WARDER_RUN_DIR': run_dir})):
                done = docs.run(*line.split(), *more, env=env)
                if done.returncode != 3 or done.stdout:
                    yield f'warder {line}: exit code {done.returncode}'
                if '--json' in more:
                    doc, why = read_error(done.stderr)
                    if why or doc['code'] != 3 or doc['where'] != run_dir:
                        yield f'warder {line} --json: {why or doc}'


def commands_without_an_agent_exit_with_0_or_1(docs):
    with tempfile.TemporaryDirectory(prefix='wd-man-') as folder:
        good, bad = (os.path.join(folder, n) for n in ('a.yaml', 'b.yaml'))
        policy = 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n' \
            'metadata: {name: p, namespace: n}\nspec: {podSelector: {}%s}\n'
        for path, more in ((good, ''), (bad, ', ingres: []')):
            with open(path, 'w', encoding='utf-8') as f:
                f.write(policy % more)
        for want, line in ((0, f'policy check {good}'),
                           (1, f'policy check {bad}'),
                           (1, f'policy check {good} {bad}'),
                           (1, f'policy check {folder}/none.yaml'),
                           (1, f'doctor --run-dir {folder}'),
                           (0, 'version'), (0, 'help'), (0, 'help why'),
                           (1, f'agent --check --manifests {folder}')):
            plain_run = docs.run(*line.split())
            done = docs.run(*line.split(), '--json')
            for code in (plain_run.returncode, done.returncode):
                if code != want:
                    yield f'warder {line}: exit code {code}, not {want}'
            try:
                json.loads(done.stdout)
            except ValueError:
                yield f'warder {line} --json: {done.stdout[:200]!r}'
        out = docs.run('policy', 'check', bad).stdout
        if f'{bad}:4: spec.ingres: ' not in out:
            yield f'file, line and field are not named: {out!r}'


TESTS = (
    help_has_every_command_of_the_contract,
    help_as_text_and_as_json_are_the_same,
    every_command_has_one_section_in_the_man_pages,
    man_pages_say_what_help_says,
    man_pages_know_no_option_that_help_does_not,
    readme_lists_every_command,
    readme_has_output_of_every_command,
    manual_names_only_reasons_that_exist,
    the_manual_lists_every_reason_in_the_words_of_the_help,
    usage_errors_exit_with_2,
    without_an_agent_commands_exit_with_3,
    commands_without_an_agent_exit_with_0_or_1,
)


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: test_man.py BUILD')
    docs = Documents(sys.argv[1])
    failed = 0
    print(f'TAP version 13\n1..{len(TESTS)}')
    for number, test in enumerate(TESTS, 1):
        wrong = list(test(docs))
        failed += bool(wrong)
        for line in wrong:
            print('# ' + line.replace('\n', ' '))
        print(f'{"not ok" if wrong else "ok"} {number} - {test.__name__}',
              flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
