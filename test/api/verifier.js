// verifier.js - holds requests against keys with what a receiver written in JavaScript uses: the
// libraries of Standard Webhooks (tools/verifiers) or Node's own crypto.
//
// Reads [{by, key, headers, body (base64), signature?}], writes [null or why not], as JSON.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const libraries = process.argv[2];

function own(algorithm, text, { key, signature }) {
    const pem = key.startsWith('-----') ? key : {
        key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'),
            Buffer.from(key.slice('whpk_'.length), 'base64')]),
        format: 'der', type: 'spki',
    };
    const fits = crypto.verify(algorithm, text, crypto.createPublicKey(pem),
        Buffer.from(signature, 'base64'));
    if (!fits)
        throw new Error('does not fit');
}

const verifiers = {
    rsa: (request, body) => own('RSA-SHA256', body, request),
    ed25519: (request, body) => own(null, Buffer.concat([
        Buffer.from(`${request.headers['webhook-id']}.${request.headers['webhook-timestamp']}.`),
        body]), request),
};

function withLibrary(name, { Webhook }) {
    verifiers[name] = (request, body) => new Webhook(request.key).verify(body, request.headers);
}

// import() takes packages of either kind of module, but looks for them beside this file only.
async function load(name) {
    const folder = path.resolve(libraries, 'node_modules', name);
    const { main } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
    withLibrary(name, await import(path.join(folder, main)));
}

async function main() {
    for (const name of libraries ? ['standardwebhooks', 'svix'] : [])
        await load(name);
    const requests = JSON.parse(fs.readFileSync(0, 'utf8'));
    process.stdout.write(JSON.stringify(requests.map((request) => {
        try {
            verifiers[request.by](request, Buffer.from(request.body, 'base64'));
            return null;
        } catch (error) {
            return `${error.name}: ${error.message}`;
        }
    })));
}

main();
