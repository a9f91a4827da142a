"""A payer's browser without JavaScript, at the page of a checkout session: reads the forms, fills
in fields, presses a button, follows where it leads."""
import html.parser
import http.client
import itertools
import urllib.parse

from client import Answer, until

CARD = {'number': '4242 4242 4242 4242', 'expiry': '12/34', 'cvc': '123'}
SHOP = 'https://shop.example/thanks?order=7#top'
FORM = 'application/x-www-form-urlencoded'


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.raw, self.text, self.title = text, '', ''
        self.lang, self.refresh, self.forms, self.links = None, None, [], []
        self.fields, self.references, self.tags = {}, [], []
        self.within = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.within.append(tag)
        if tag == 'html':
            self.lang = given.get('lang')
        if tag == 'meta' and given.get('http-equiv') == 'refresh':
            self.refresh = given['content']
        if tag == 'form':
            self.forms.append({'hidden': {}, 'buttons': []})
        if tag == 'input' and given.get('type') == 'hidden':
            self.forms[-1]['hidden'][given['name']] = given['value']
        elif tag == 'input':
            self.fields[given['name']] = given
        if tag == 'button' and 'form' in self.within:
            self.forms[-1]['buttons'].append(given.get('value'))
        if tag == 'a':
            self.links.append(given['href'])
        self.references += [given[a] for a in ('src', 'href', 'action') if given.get(a)]

    def handle_endtag(self, tag):
        while self.within and self.within.pop() != tag:
            pass

    def handle_data(self, data):
        if 'title' in self.within:
            self.title += data
        elif 'style' not in self.within:
            self.text += data + ' '

    def buttons(self):
        return [b for form in self.forms for b in form['buttons']]


class Payer:
    # Each comes from an address of its own: that is what the pages' limit counts.
    addresses = itertools.count(1)

    def __init__(self, client, session, **headers):
        self.server, self.contract = client.server, client.contract
        self.headers = {n.replace('_', '-'): v for n, v in headers.items()}
        self.path = urllib.parse.urlsplit(session['url']).path
        self.cookies, self.answer = {}, None
        self.source = ('127.1.%d.%d' % divmod(next(self.addresses), 250), 0)

    def call(self, method, target, fields=None):
        """One exchange, checked against the contract; follows nothing."""
        sent = dict(self.headers)
        body = None
        if fields is not None:
            body = urllib.parse.urlencode(fields).encode()
            sent['Content-Type'] = FORM
        kept = [value for path, value in self.cookies.items() if target.startswith(path)]
        if kept:
            sent['Cookie'] = '; '.join(kept)
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=30,
                                                source_address=self.source)
        try:
            connection.request(method, target, body, sent)
            reply = connection.getresponse()
            self.answer = Answer(reply.status, reply.headers, reply.read())
        finally:
            connection.close()
        self.contract.check(method, target, sent, body, self.answer)
        cookie = self.answer.headers.get('Set-Cookie')
        if cookie:
            value, *attributes = cookie.split('; ')
            path = next(a for a in attributes if a.startswith('Path=')).split('=')[1]
            assert {'HttpOnly', 'SameSite=Lax'} <= set(attributes)
            self.cookies[path] = value
        return self.answer

    def go(self, method='GET', target=None, fields=None):
        """The page to which it leads. Another site ends the way: self.left is its address."""
        target, self.left = target or self.path, None
        answer = self.call(method, target, fields)
        while answer.status == 303:
            where = urllib.parse.urlsplit(answer.headers['Location'])
            if (where.hostname, where.port) != (self.server.host, self.server.port):
                self.left = answer.headers['Location']
                return None
            target = where.path + ('?' + where.query if where.query else '')
            answer = self.call('GET', target)
        return Page(answer.raw.decode('utf-8'))

    def press(self, page, deed, **fields):
        form = next(f for f in page.forms if deed in f['buttons'])
        return self.go('POST', fields=dict(form['hidden'], do=deed, **fields))

    def review(self, **changes):
        """Through the card's form to the page that asks once more."""
        return self.press(self.go(), 'review', **dict(CARD, **changes))

    def pay(self, **changes):
        return self.press(self.review(**changes), 'pay')


def open_session(client, **members):
    body = {'amount': 125050, 'currency': 'EUR', 'description': 'Two cups', 'shop': 'Cup shop',
            'language': 'en', 'return_url': SHOP}
    body.update(members)
    body = {n: v for n, v in body.items() if v is not None}
    return client.post('/v1/checkout_sessions', body).expect(201)


def read(client, session):
    return client.get('/v1/checkout_sessions/' + session['id']).expect(200)


def becomes(client, session, status, seconds=10):
    return until(lambda: next((s for s in [read(client, session)] if s['status'] == status), None),
                 seconds, 'the session to be ' + status)


def payments_of(client, session):
    return client.get('/v1/invoices/' + session['invoice']).expect(200)['payments']
