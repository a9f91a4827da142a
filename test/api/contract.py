"""The contract, api/openapi.yaml, as something that can say no.

Everything that the tests send and get passes through Contract.check: the answer must have a
status, headers and a body that the contract has for that route; and what the contract refuses
as a request, the server must not accept. Contract.called remembers every route and status.
"""
import json
import os
import re
import urllib.parse

import jsonschema
import yaml

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
PATH = os.path.join(ROOT, 'api', 'openapi.yaml')
# What HTTP calls by a status of its own: an expectation that is not met, an unknown version.
MORE_STATUSES = {'malformed_request': (417, 505)}
METHODS = ('get', 'post', 'put', 'patch', 'delete')
Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class Breach(AssertionError):
    """The server did something that the contract does not say."""


def table_of(path, name):
    """The rows of an X-macro table of the program: lists of the texts between the commas."""
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        text = file.read()
    start = text.index('#define %s(' % name)
    end = re.search(r'[^\\]\n', text[start:]).end() + start
    row = re.compile(r'\bX\(((?:[^()"]|"(?:\\.|[^"\\])*")*)\)')
    cell = re.compile(r'"(?:\\.|[^"\\])*"(?:[\s\\]*"(?:\\.|[^"\\])*")*|[^,\s\\][^,\\]*')
    rows = [[c.strip().strip('"') for c in cell.findall(cells)]
            for cells in row.findall(text[start:end].split('\n', 1)[1])]
    assert rows, '%s in %s could not be read' % (name, path)
    return rows


def _without_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise Breach('an answer names a member twice: %s' % names)
    return dict(pairs)


def parse_json(raw):
    return json.loads(raw.decode('utf-8'), object_pairs_hook=_without_duplicates)


class Route:
    def __init__(self, contract, path, method, item, operation):
        self.path, self.method, self.operation = path, method, operation
        self.name = '%s %s' % (method.upper(), path)
        pattern = re.sub(r'\{[a-z]+\}', '([^/]+)', re.escape(path).replace(r'\{', '{')
                         .replace(r'\}', '}'))
        self.pattern = re.compile(pattern + '$')
        self.parameters = [contract.resolve(p) for p in
                           item.get('parameters', []) + operation.get('parameters', [])]
        self.responses = {str(status): contract.resolve(response)
                          for status, response in operation['responses'].items()}

    def response(self, status):
        """What the contract has for this status, or None."""
        return self.responses.get(str(status)) or self.responses.get('%dXX' % (status // 100))


class Contract:
    def __init__(self, path=PATH):
        with open(path, 'rb') as file:
            self.raw = file.read()
        self.document = yaml.load(self.raw, Loader)
        self.resolver = jsonschema.RefResolver.from_schema(self.document)
        self.validators = {}
        self.called = {}
        self.errors = {row[1]: {'code': row[1], 'status': int(row[2]), 'retry': row[3]}
                       for row in table_of('src/base/err.def', 'ERR_TABLE')}
        self.routes = [Route(self, path, method, item, item[method])
                       for path, item in self.document['paths'].items()
                       for method in METHODS if method in item]

    def resolve(self, node):
        while '$ref' in node:
            node = self.resolver.resolve(node['$ref'])[1]
        return node

    def schema(self, name):
        return self.document['components']['schemas'][name]

    def problems(self, schema, value):
        """Why the value is not what the schema wants, as sentences; [] when it is."""
        key = id(schema)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        return ['%s: %s' % ('.'.join(map(str, e.absolute_path)) or 'value', _sentence(e))
                for e in self.validators[key].iter_errors(value)]

    def route(self, method, path):
        for route in self.routes:
            if route.method == method.lower() and route.pattern.match(path):
                return route
        return None

    def request_problems(self, route, target, headers, body):
        """Why the contract refuses this request; [] when it does not."""
        url = urllib.parse.urlsplit(target)
        given = {'query': urllib.parse.parse_qs(url.query, keep_blank_values=True),
                 'path': dict(zip(re.findall(r'\{([a-z]+)\}', route.path),
                                  route.pattern.match(url.path).groups())),
                 'header': {name.lower(): value for name, value in headers.items()}}
        found = []
        for parameter in route.parameters:
            place, name = parameter['in'], parameter['name']
            value = given[place].get(name.lower() if place == 'header' else name)
            if value is None:
                if parameter.get('required'):
                    found.append('%s is missing' % name)
                continue
            found += self.problems(parameter['schema'], _typed(self, parameter, value))
        known = {p['name'] for p in route.parameters if p['in'] == 'query'}
        found += ['unknown parameter %s' % name for name in given['query'] if name not in known]
        return found + self._body_problems(route, headers, body)

    def _body_problems(self, route, headers, body):
        wanted = route.operation.get('requestBody')
        if wanted is None:
            return ['a body, where none is taken'] if body else []
        if not body:
            return ['the body is missing'] if wanted.get('required') else []
        (media, content), = wanted['content'].items()
        if headers.get('Content-Type', '').split(';')[0] != media:
            return ['the body is no %s' % media]
        try:
            if media == 'application/json':
                value = parse_json(body)
            else:
                value = dict(urllib.parse.parse_qsl(body.decode('utf-8')))
        except (ValueError, RecursionError, Breach) as error:
            return [str(error)]
        return self.problems(content['schema'], value)

    def check(self, method, target, request_headers, request_body, answer):
        """Raises Breach unless request and answer are what the contract says."""
        path = target.split('?')[0]
        route = self.route(method, path)
        if route is None:
            if answer.status not in (401, 404, 405, 400, 413, 431, 408, 503):
                raise Breach('%s %s is not in the contract and was answered with %d'
                             % (method, path, answer.status))
            return
        self.called.setdefault(route.name, set()).add(answer.status)
        refused = self.request_problems(route, target, request_headers, request_body)
        if refused and answer.status < 400:
            raise Breach('%s %s was accepted with %d; the contract refuses it: %s'
                         % (method, target, answer.status, refused))
        self._check_answer(route, answer)

    def _check_answer(self, route, answer):
        response = route.response(answer.status)
        if response is None:
            raise Breach('%s has no answer %d: %r' % (route.name, answer.status, answer.raw))
        for name, header in response.get('headers', {}).items():
            self._check_header(route, answer, name, self.resolve(header))
        content = response.get('content')
        if content is None:
            if answer.raw:
                raise Breach('%s %d should have no body: %r'
                             % (route.name, answer.status, answer.raw))
            return
        media = answer.headers.get('Content-Type', '').split(';')[0].strip()
        if media not in content:
            raise Breach('%s %d has the type %r, not one of %s'
                         % (route.name, answer.status, media, list(content)))
        if media.endswith('json'):
            found = self.problems(content[media]['schema'], answer.json)
            if found:
                raise Breach('%s %d: %s\n%s' % (route.name, answer.status, found, answer.raw))
        if media == 'application/problem+json':
            self.check_problem(answer)

    def _check_header(self, route, answer, name, header):
        value = answer.headers.get(name)
        if value is None:
            if header.get('required'):
                raise Breach('%s %d has no header %s' % (route.name, answer.status, name))
            return
        found = self.problems(header['schema'], value)
        if found:
            raise Breach('%s %d, header %s: %s' % (route.name, answer.status, name, found))

    def check_problem(self, answer):
        """What a problem says of itself agrees with itself, and with src/base/err.def."""
        problem, row = answer.json, self.errors[answer.json['code']]
        said = (problem['status'], problem['retryable'], problem['request_id'])
        true = (answer.status, row['retry'] != 'RETRY_NEVER', answer.headers.get('Request-Id'))
        statuses = (row['status'], *MORE_STATUSES.get(row['code'], ()))
        if said != true or answer.status not in statuses:
            raise Breach('the problem says %s where %s is true: %s' % (said, true, problem))
        for member in ('type', 'doc_url'):
            if not problem[member].endswith('/errors/' + problem['code']):
                raise Breach('%s does not name the code: %s' % (member, problem))
        if row['retry'] != 'RETRY_NEVER' and row['status'] in (409, 429, 503):
            if 'Retry-After' not in answer.headers:
                raise Breach('%s without Retry-After' % problem['code'])


def _typed(contract, parameter, value):
    """A parameter's text as the type that its schema wants, where it can be one."""
    if isinstance(value, list):
        value = value[0]
    if contract.resolve(parameter['schema']).get('type') == 'integer':
        return int(value) if re.match(r'-?[0-9]+$', value) else value
    return value


def _sentence(error):
    causes = ' | '.join(c.message[:200] for c in error.context) if error.context else ''
    return error.message[:300] + (' (%s)' % causes if causes else '')
