# SPDX-License-Identifier: GPL-2.0-only
"""A node whose agent meets a kernel that refuses: see selftests/ladder/rule.h
for the rules, journal.h for what is noted of each call."""
import json
import os
import time

from .node import BUILD
from .tap import Fail

REFUSE = os.path.join(BUILD, 'selftests', 'ladder', 'refuse')


def _command_line(pid):
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as f:
            return f.read().split(b'\0')
    except OSError:
        return []  # it ended meanwhile


class Refuse:
    """@node: its agents, from the next start on, run under rules, none at
    first. Times are those of time.monotonic()."""

    def __init__(self, node):
        self.rules_path = os.path.join(node.dir, 'refuse.rules')
        self.journal_path = os.path.join(node.dir, 'refuse.journal')
        self.read_to = 0
        self.events = []
        self.set()
        node.wrapper = [REFUSE, '--rules', self.rules_path,
                        '--journal', self.journal_path]

    def set(self, *rules):
        """In force from the agent's next call on. Gives the time."""
        temp = self.rules_path + '.new'
        with open(temp, 'w', encoding='ascii') as f:
            f.write(''.join(r + '\n' for r in rules))
        os.rename(temp, self.rules_path)
        return time.monotonic()

    def read(self):
        """All events so far."""
        if not os.path.exists(self.journal_path):
            return self.events
        with open(self.journal_path, encoding='utf-8') as f:
            f.seek(self.read_to)
            text = f.read()
        end = text.rfind('\n') + 1
        self.read_to += len(text[:end].encode())
        for line in text[:end].splitlines():
            event = json.loads(line)
            if 'error' in event:
                raise Fail(f'rules: {event["error"]}')
            self.events.append(event)
        return self.events

    def calls(self, what=None, name=None, since=0.0):
        return [e for e in self.read() if 'what' in e and e['t'] >= since
                and what in (None, e['what']) and name in (None, e['name'])]

    def loads(self, since=0.0):
        """Programs that were to be loaded, libbpf's own tries left out; each
        once, though libbpf asks again for a log."""
        out = []
        for e in self.calls('PROG_LOAD', since=since):
            if not e['probe'] and (not out or out[-1]['name'] != e['name']
                                   or not e['log_level']):
                out.append(e)
        return out

    def close(self, seconds=10.0):
        """Waits for the helper, which outlives the last agent a little."""
        end = time.monotonic() + seconds
        while self._helpers():
            if time.monotonic() > end:
                raise Fail(f'{REFUSE} outlives its agents: '
                           f'{self._helpers()}')
            time.sleep(0.02)

    def _helpers(self):
        path = self.rules_path.encode()
        return [pid for pid in os.listdir('/proc') if pid.isdigit()
                and path in _command_line(pid)]

    def refused(self, since=0.0):
        return [e for e in self.calls(since=since) if 'errno' in e]
