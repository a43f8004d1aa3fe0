#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What of a Kubernetes API server its watchers see, and what goes wrong there.

Lists with pages, watches with bookmarks, the answers of each error as a real
server (1.36) was seen to give them. Commands come as JSON lines on stdin, each
answered by one on stdout:

    {"op": "put", "object": {...}}      {"op": "del", "object": {...}}
    {"op": "puts", "objects": [...]}    many at once
    {"op": "fault", "path": P, "on": "list"|"watch"|"write", "do": NAME,
     "count": N}
    {"op": "cut"}                       end all watches without a last chunk
    {"op": "compact", "path": P}        versions until now are too old
    {"op": "kinds", "absent": [P...]}   collections that are not there
    {"op": "watchlist", "on": B}        does it stream lists, as since 1.34
    {"op": "leave", "path": P}          its definition is deleted: objects first
    {"op": "requests"}                  what was asked, as [path, query]
    {"op": "writes"}                    what was told: requests, and events
"""
import argparse
import base64
import bisect
import gc
import http.server
import json
import random
import re
import ssl
import sys
import threading
import time
import urllib.parse

CORE = {'Pod': 'pods', 'Namespace': 'namespaces', 'Node': 'nodes',
        'Service': 'services'}
GROUPS = {
    'networking.k8s.io/v1': {'NetworkPolicy': 'networkpolicies'},
    'discovery.k8s.io/v1': {'EndpointSlice': 'endpointslices'},
    'policy.networking.k8s.io/v1alpha2': {
        'ClusterNetworkPolicy': 'clusternetworkpolicies'},
    'policy.networking.k8s.io/v1alpha1': {
        'AdminNetworkPolicy': 'adminnetworkpolicies',
        'BaselineAdminNetworkPolicy': 'baselineadminnetworkpolicies'},
    'cilium.io/v2': {
        'CiliumNetworkPolicy': 'ciliumnetworkpolicies',
        'CiliumClusterwideNetworkPolicy': 'ciliumclusterwidenetworkpolicies',
        'CiliumCIDRGroup': 'ciliumcidrgroups', 'CiliumNode': 'ciliumnodes',
        'CiliumIdentity': 'ciliumidentities',
        'CiliumEndpoint': 'ciliumendpoints'},
    'cilium.io/v2alpha1': {'CiliumEndpointSlice': 'ciliumendpointslices'},
}
DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
CUSTOM = ('cilium.io', 'policy.networking.k8s.io')
NODE = re.compile(r'/api/v1/nodes/([^/]+)/status')
EVENTS = re.compile(r'/apis/events\.k8s\.io/v1/namespaces/([^/]+)/events'
                    r'(?:/([^/]+))?')
STRATEGIC = 'application/strategic-merge-patch+json'


class Collection:
    def __init__(self, api, kind, path):
        self.api, self.kind, self.path = api, kind, path
        self.objects = {}  # (namespace, name) -> object
        self.log = []  # (version, type, object)
        self.versions = []  # of the log
        self.texts = {}  # key -> JSON of an item of a list, once it was made
        self.oldest = 0  # a watch from before it gets 410
        self.version = 0  # of the last change
        self.absent = False
        self.leaving = False  # its definition is being deleted

    def is_custom(self):
        return self.api.split('/', 1)[0] in CUSTOM

    def text(self, key):
        if key not in self.texts:
            obj = self.objects[key]
            if not self.is_custom():  # items of native lists have no kind
                obj = {k: v for k, v in obj.items()
                       if k not in ('kind', 'apiVersion')}
            self.texts[key] = json.dumps(obj)
        return self.texts[key]

    def line(self, key):
        """It, as it is told at the head of a watch."""
        text = self.text(key)
        if not self.is_custom():
            text = f'{{"kind": "{self.kind}", "apiVersion": "{self.api}", ' + \
                text[1:]
        return f'{{"type": "ADDED", "object": {text}}}\n'

    def since(self, version):
        return self.log[bisect.bisect_right(self.versions, version):]


def collections():
    out = [Collection('v1', kind, '/api/v1/' + plural)
           for kind, plural in CORE.items()]
    for api, kinds in GROUPS.items():
        out += [Collection(api, kind, f'/apis/{api}/{plural}')
                for kind, plural in kinds.items()]
    return {c.path: c for c in out}


class State:
    """Everything; its lock is held where it is looked at or changed."""

    def __init__(self, seed, quick=False):
        self.quick = quick
        self.lock = threading.Condition()
        self.random = random.Random(seed)
        self.collections = collections()
        self.version = 1000
        self.faults = []
        self.requests = []
        self.writes = []  # {method, path, body, code}
        self.events = {}  # (namespace, name) -> object of events.k8s.io/v1
        self.cuts = 0
        self.calms = 0  # what is mute waits for one
        self.token = None
        self.watchlist = True

    def of(self, obj):
        for c in self.collections.values():
            if (c.api, c.kind) == (obj['apiVersion'], obj['kind']):
                return c
        raise KeyError(obj['kind'])

    def definition(self, path):
        """Of a custom resource that is there."""
        for c in self.collections.values():
            group, plural = c.api.split('/')[0], c.path.rpartition('/')[2]
            if c.is_custom() and not c.absent and \
                    path == f'{DEFINITIONS}/{plural}.{group}':
                meta = {'name': f'{plural}.{group}'}
                if c.leaving:
                    meta['deletionTimestamp'] = '2026-01-01T00:00:00Z'
                return {'kind': 'CustomResourceDefinition',
                        'apiVersion': 'apiextensions.k8s.io/v1',
                        'metadata': meta}
        return None

    def serve(self, path, api):
        """The same objects by another version of their API, and by no other."""
        c = self.collections.pop(path)
        c.path = f'/apis/{api}/{path.rpartition("/")[2]}'
        c.api = api
        c.texts.clear()
        for obj in [*c.objects.values(), *(entry[2] for entry in c.log)]:
            obj['apiVersion'] = api
        self.collections[c.path] = c

    def leave(self, path):
        c = self.collections[path]
        c.leaving = True
        for obj in list(c.objects.values()):
            self.change(obj, True)

    def change(self, obj, gone):
        c = self.of(obj)
        meta = obj['metadata']
        key = meta.get('namespace', ''), meta['name']
        was = c.objects.get(key)
        if gone and was is None:
            return c
        self.version += 1
        c.version = self.version
        obj = json.loads(json.dumps(was if gone else obj))
        obj['metadata'].setdefault('uid', 'uid-%s-%s' % key)
        obj['metadata']['resourceVersion'] = str(self.version)
        obj['metadata']['managedFields'] = [{'manager': 'test', 'fieldsV1': {
            'f:metadata': {'f:labels': {'.': {}}}}}]
        what = 'DELETED' if gone else 'MODIFIED' if was else 'ADDED'
        c.texts.pop(key, None)
        if gone:
            del c.objects[key]
        else:
            c.objects[key] = obj
            if self.quick:
                c.text(key)
        c.log.append((self.version, what, obj))
        c.versions.append(self.version)
        return c

    def fault(self, path, which):
        for f in self.faults:
            if f['path'] in (path, '*') and f['on'] == which:
                f['count'] -= 1
                if f['count'] <= 0:
                    self.faults.remove(f)
                return f['do']
        return None


def status(code, reason, message, **more):
    return {'kind': 'Status', 'apiVersion': 'v1', 'status': 'Failure',
            'metadata': more.pop('metadata', {}), 'message': message,
            'reason': reason, 'code': code, **more}


def selects(query, obj):
    """Pods of one node, or what has one name; no pod moves to another one."""
    field, _, value = query.get('fieldSelector', '').partition('=')
    if not field:
        return True
    if field == 'metadata.name':
        return obj['metadata']['name'] == value
    if field != 'spec.nodeName':
        raise ValueError(f'field {field}')
    return obj.get('spec', {}).get('nodeName') == value


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    state = None

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass

    # ---- answers ----

    def answer(self, code, body, kind='application/json', **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()
        self.wfile.write(body)

    def text(self, code, body, **headers):
        self.answer(code, body.encode(), 'text/plain; charset=utf-8',
                    **headers)

    def refuse(self, fault, path):
        """The answer of a fault that is one of HTTP; False: it is none."""
        if fault == '429':
            self.text(429, 'Too many requests, please try again later.\n',
                      Retry_After='1')
        elif fault == '404':
            self.text(404, '404 page not found\n')
        elif fault == '410':
            self.answer(410, status(
                410, 'Expired', 'The provided continue parameter is too old',
                metadata={'continue': 'another', 'resourceVersion': '-1'}))
        elif fault in ('403', '401'):
            self.answer(int(fault), status(
                int(fault), 'Forbidden', f'{path} is forbidden: no'))
        elif fault == '409':
            self.answer(409, status(409, 'Conflict', 'it has been modified'))
        elif fault in ('500', '503', '504'):
            self.answer(int(fault), status(int(fault), 'InternalError', 'no'))
        elif fault == 'garbage':
            self.text(200, '<html>a proxy</html>')
        elif fault == 'close':
            self.close_connection = True
        else:
            return False
        return True

    def do_GET(self):  # pylint: disable=invalid-name
        split = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(split.query))
        watch = query.get('watch') == '1'
        state = self.state
        with state.lock:
            state.requests.append([split.path, query])
            c = state.collections.get(split.path)
            definition = state.definition(split.path)
            initial = watch and 'sendInitialEvents' in query
            fault = state.fault(split.path, 'watch' if watch and not initial
                                else 'list')
            bearer = f'Bearer {state.token}'
            calms = state.calms
            wrong = state.token and \
                self.headers.get('Authorization') != bearer
        while fault == 'mute' and state.calms == calms:
            time.sleep(0.05)
        if wrong:
            self.refuse('401', split.path)
        elif self.refuse(fault, split.path):
            return
        elif definition:
            self.answer(200, definition)
        elif c is None or c.absent:
            self.refuse('404', split.path)
        elif initial:
            self.initial(c, query, fault)
        elif watch:
            self.watch(c, query, fault)
        else:
            self.list(c, query, fault)

    # ---- what is told ----

    def write(self):
        path = urllib.parse.urlsplit(self.path).path
        text = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        state = self.state
        with state.lock:
            fault = state.fault(path, 'write')
            wrong = state.token and self.headers.get('Authorization') != \
                f'Bearer {state.token}'
        fault = '401' if wrong else fault
        if fault == 'hang':
            time.sleep(30)
            self.close_connection = True
            return
        told = {'method': self.command, 'path': path, 'code': fault or 0,
                'time': time.monotonic()}
        try:
            told['body'] = json.loads(text)
            if fault in (None, 'late'):
                with state.lock:
                    told['code'], answer = take(
                        state, self.command, path, told['body'],
                        self.headers.get('Content-Type'))
        except (ValueError, KeyError, TypeError) as e:
            told['code'], answer = 400, status(400, 'BadRequest', repr(e))
        with state.lock:
            state.writes.append(told)
            state.lock.notify_all()
        if fault == 'late':  # done, and the answer is lost
            self.close_connection = True
        elif not self.refuse(fault, path):
            self.answer(told['code'], answer)

    do_POST = do_PATCH = write

    # ---- lists ----

    def list(self, c, query, fault):
        state = self.state
        limit = int(query.get('limit', 0))
        with state.lock:
            if 'continue' in query:
                token = json.loads(base64.urlsafe_b64decode(query['continue']))
            else:
                token = {'rv': state.version, 'start': ''}
            keys = sorted((k for k, o in c.objects.items()
                           if '/'.join(k) > token['start'] and
                           selects(query, o)), key='/'.join)
            more = limit and len(keys) > limit
            keys = keys[:limit] if more else keys
            items = ', '.join(c.text(k) for k in keys)
        meta = {'resourceVersion': str(token['rv'])}
        if more:
            token['start'] = '/'.join(keys[-1])
            meta['continue'] = base64.urlsafe_b64encode(
                json.dumps(token).encode()).decode()
        head = f'"apiVersion": "{c.api}"', f'"kind": "{c.kind}List"'
        meta = f'"metadata": {json.dumps(meta)}'
        if c.is_custom():  # alphabetical: versions come after the items
            doc = head[0], f'"items": [{items}]', head[1], meta
        else:
            doc = head[1], head[0], meta, \
                f'"items": [{items}]' if keys else '"items": null'
        body = ('{' + ', '.join(doc) + '}').encode()
        if fault == 'torn':  # half of it, and the connection ends
            self.send_response(200)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body[:len(body) // 2])
            self.close_connection = True
            return
        self.begin_chunks()
        self.pieces(body)
        self.wfile.write(b'0\r\n\r\n')

    def begin_chunks(self):
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        self.wfile.flush()

    def pieces(self, body):
        """Chunks split anywhere, also inside a character."""
        at = 0
        if self.state.quick:
            self.wfile.write(b'%x\r\n%s\r\n' % (len(body), body))
            at = len(body)
        while at < len(body):
            with self.state.lock:
                size = self.state.random.choice((1, 7, 100, 2048, 4096))
            part = body[at:at + size]
            self.wfile.write(b'%x\r\n%s\r\n' % (len(part), part))
            at += size
        self.wfile.flush()

    # ---- watches ----

    def line(self, what, obj):
        self.pieces(json.dumps({'type': what, 'object': obj}).encode() + b'\n')

    def expired(self, c, version):
        self.line('ERROR', status(
            410, 'Expired', f'too old resource version: {version} '
            f'({c.oldest})'))
        self.wfile.write(b'0\r\n\r\n')

    def forbids_initial(self, query):
        if not self.state.watchlist:
            why = 'sendInitialEvents is forbidden for watch unless the ' \
                'WatchList feature gate is enabled'
        elif query.get('resourceVersionMatch') != 'NotOlderThan':
            why = 'sendInitialEvents requires setting resourceVersionMatch ' \
                'to NotOlderThan'
        else:
            return False
        self.answer(422, status(422, 'Invalid', f'ListOptions.meta.k8s.io "" '
                                f'is invalid: sendInitialEvents: Forbidden: '
                                f'{why}'))
        return True

    def end_mark(self, c, version):
        self.line('BOOKMARK', {
            'kind': c.kind, 'apiVersion': c.api, 'metadata': {
                'resourceVersion': str(version), 'creationTimestamp': None,
                'annotations': {'k8s.io/initial-events-end': 'true'}},
            'spec': {'containers': None}, 'status': {}})

    def initial(self, c, query, fault):
        """What is there, in no order; what happens meanwhile; an end mark."""
        state = self.state
        if self.forbids_initial(query):
            return
        until = time.monotonic() + float(query.get('timeoutSeconds', 600))
        with state.lock:
            version, cuts = state.version, state.cuts
            lines = [c.line(k) for k, o in c.objects.items()
                     if selects(query, o)]
            if not state.quick:
                state.random.shuffle(lines)
                lines += lines[:state.random.choice((0, 0, 1))]
        self.begin_chunks()
        many = 50 if state.quick else 1
        whole = fault not in ('torn', 'endless')
        for i in range(0, len(lines) if whole else len(lines) // 2, many):
            self.pieces(''.join(lines[i:i + many]).encode())
        if fault == 'torn':
            self.close_connection = True
        if not whole:
            if fault == 'endless':
                self.wfile.write(b'0\r\n\r\n')
            return
        with state.lock:
            news = c.since(version) if not state.quick else []
            version = state.version if not state.quick else version
        for _, what, obj in news:
            if selects(query, obj):
                self.line(what, obj)
        if query.get('allowWatchBookmarks') == 'true' and fault != 'unmarked':
            self.end_mark(c, version)
        self.follow(c, query, (version, until), cuts, False)

    def watch(self, c, query, fault):
        version = int(query['resourceVersion'])
        until = time.monotonic() + float(query.get('timeoutSeconds', 600))
        self.begin_chunks()
        with self.state.lock:
            old = version < c.oldest
            cuts = self.state.cuts
        if old or fault == 'expired':
            self.expired(c, version)
            return
        if fault == 'error':
            self.line('ERROR', status(500, 'InternalError', 'etcdserver: no'))
            self.wfile.write(b'0\r\n\r\n')
            return
        if fault == 'empty':
            self.wfile.write(b'0\r\n\r\n')
            return
        self.follow(c, query, (version, until), cuts, fault == 'silent')

    def follow(self, c, query, span, cuts, silent):
        state = self.state
        version, until = span
        told = time.monotonic()
        with state.lock:
            silent = silent or version > state.version  # nothing tells of it
        while time.monotonic() < until:
            with state.lock:
                news = c.since(version)
                if not news and not c.absent and state.cuts == cuts:
                    state.lock.wait(0.2)
                    news = c.since(version)
                cut, absent = state.cuts != cuts, c.absent
                now = state.version
            if cut:
                self.close_connection = True
                return
            if silent:
                continue
            for version, what, obj in news:
                if selects(query, obj):
                    self.line(what, obj)
            if absent:
                break
            if time.monotonic() - told > 1 and not news:
                told, version = time.monotonic(), now
                self.line('BOOKMARK', {
                    'kind': c.kind, 'apiVersion': c.api, 'metadata': {
                        'resourceVersion': str(now),
                        'creationTimestamp': None},
                    'spec': {'containers': None}, 'status': {}})
        self.wfile.write(b'0\r\n\r\n')


# ---- what is told ----

def merge(to, patch):
    for key, value in patch.items():
        if isinstance(value, dict):
            merge(to.setdefault(key, {}), value)
        elif value is None:
            to.pop(key, None)
        else:
            to[key] = value


def patch_node(state, name, patch):
    """Its status and metadata: nothing else is to be had by this path."""
    c = state.collections['/api/v1/nodes']
    node = c.objects.get(('', name))
    if node is None:
        return 404, status(404, 'NotFound', f'nodes "{name}" not found')
    node = json.loads(json.dumps(node))
    new = json.loads(json.dumps(patch.get('status', {})))
    conditions = node.setdefault('status', {}).setdefault('conditions', [])
    for condition in new.pop('conditions', []):
        for was in conditions:
            if was['type'] == condition['type']:
                was.update(condition)
                break
        else:
            conditions.append(condition)
    merge(node['status'], new)
    merge(node['metadata'], patch.get('metadata', {}))
    state.change(node, False)
    return 200, node


def series_is_wrong(series):
    return not isinstance(series['count'], int) or series['count'] < 2 or \
        not MICRO.fullmatch(series['lastObservedTime'])


MICRO = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z')


def event_is_wrong(event, space):
    """As pkg/apis/core/validation/events.go has it for events.k8s.io/v1."""
    regarding = event['regarding']
    if regarding.get('namespace', 'default') != space or \
            event['metadata']['namespace'] != space:
        return 'regarding.namespace: does not match metadata.namespace'
    if not re.fullmatch(r'[a-z0-9]([a-z0-9.-]{,251}[a-z0-9])?',
                        event['metadata']['name']):
        return 'metadata.name: is no DNS subdomain'
    if not MICRO.fullmatch(event['eventTime']):
        return 'eventTime: is no time'
    for key, most in (('reportingController', 128), ('action', 128),
                      ('reportingInstance', 128), ('reason', 128),
                      ('note', 1024)):
        if not event[key] and key != 'note' or \
                len(event[key].encode()) > most:
            return f'{key}: can have at most {most} bytes, and one'
    if event['type'] not in ('Normal', 'Warning'):
        return 'type: is none'
    for key in set(event) - {
            'apiVersion', 'kind', 'metadata', 'eventTime', 'series',
            'reportingController', 'reportingInstance', 'action', 'reason',
            'regarding', 'note', 'type'}:
        return f'{key}: no such field, or not to be set'
    if 'series' in event and series_is_wrong(event['series']):
        return 'series: is none'
    return None


def take_event(state, method, key, body):
    space, name = key
    if method == 'POST':
        name = body['metadata']['name']
        wrong = event_is_wrong(body, space)
        if wrong:
            return 422, status(422, 'Invalid', f'Event is invalid: {wrong}')
        if (space, name) in state.events:
            return 409, status(409, 'AlreadyExists',
                               f'events "{name}" already exists')
        state.events[space, name] = body
        return 201, body
    event = state.events.get((space, name))
    if event is None:
        return 404, status(404, 'NotFound', f'events "{name}" not found')
    if set(body) != {'series'} or series_is_wrong(body['series']):
        return 422, status(422, 'Invalid', 'only its series may change')
    event.update(body)
    return 200, event


def take(state, method, path, body, kind):
    """Return: code and answer."""
    want = STRATEGIC if method == 'PATCH' else 'application/json'
    if kind != want:
        return 415, status(415, 'UnsupportedMediaType', f'{kind}: no')
    node, event = NODE.fullmatch(path), EVENTS.fullmatch(path)
    if node and method == 'PATCH':
        return patch_node(state, node[1], body)
    if event and (method == 'PATCH') == bool(event[2]):
        return take_event(state, method, event.groups(), body)
    return 405, status(405, 'MethodNotAllowed', f'{method} {path}: no')


# ---- commands ----

def command(state, cmd):
    op = cmd['op']
    if op in ('put', 'del'):
        c = state.change(cmd['object'], op == 'del')
        return {'path': c.path, 'version': c.version}
    if op == 'puts':
        for obj in cmd['objects']:
            state.change(obj, False)
    elif op == 'fault':
        state.faults.append({'path': cmd['path'], 'on': cmd['on'],
                             'do': cmd['do'], 'count': cmd.get('count', 1)})
    elif op == 'calm':
        state.faults.clear()
        state.calms += 1
    elif op == 'cut':
        state.cuts += 1
    elif op == 'compact':
        state.collections[cmd['path']].oldest = state.version + 1
        state.version += 1
        state.cuts += cmd.get('cut', False)  # before a bookmark can tell
    elif op == 'kinds':
        for path, c in state.collections.items():
            c.absent = path in cmd['absent']
            c.leaving = False
    elif op == 'leave':
        state.leave(cmd['path'])
    elif op == 'serve':
        state.serve(cmd['path'], cmd['api'])
        state.cuts += 1
    elif op == 'watchlist':
        state.watchlist = cmd['on']
    elif op == 'token':
        state.token = cmd['token']
    elif op == 'forget':
        state.events.clear()
    elif op == 'writes':
        return {'writes': state.writes, 'events': list(state.events.values())}
    elif op == 'requests':
        return {'requests': state.requests}
    else:
        return {'error': f'no such op: {op}'}
    return {}


def main():
    ap = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    ap.add_argument('--listen', default='127.0.0.1:0')
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--cert', help='PEM with the key in it: speak TLS')
    ap.add_argument('--client-ca', help='want a certificate of it')
    ap.add_argument('--quick', action='store_true',
                    help='chunks as large as what is in them')
    args = ap.parse_args()
    if args.quick:
        gc.disable()  # with millions of objects it stops all for seconds
    state = State(args.seed, args.quick)
    Handler.state = state
    host, _, port = args.listen.rpartition(':')
    host = re.sub(r'^\[|\]$', '', host)
    family = {'address_family': 10} if ':' in host else {}
    server = type('Server', (http.server.ThreadingHTTPServer,),
                  {'daemon_threads': True, 'handle_error': lambda *_: None,
                   **family})((host, int(port)),
                                                      Handler)
    if args.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.cert)
        if args.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(args.client_ca)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({'port': server.server_address[1]}), flush=True)
    for line in sys.stdin:
        with state.lock:
            out = command(state, json.loads(line))
            state.lock.notify_all()
        print(json.dumps(out), flush=True)


if __name__ == '__main__':
    main()
