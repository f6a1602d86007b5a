// A conversation of npm's ws with the server, for test_npm_client.py.
//
//     node npm_ws_client.mjs NODE_MODULES CERTIFICATE URL OPTIONS
//
// OPTIONS is ws's perMessageDeflate as JSON. The text endpoint at URL puts a prefix in front of text replies. Prints one
// line of JSON: what was received.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";

const [modules, certificate, url, compression] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "index.js"));
const { WebSocket } = require("ws");

const DEADLINE_MS = 60000;
const binary = Buffer.from(Array.from({ length: 16384 }, (_, index) => index % 256));
const texts = ["hello", "", "\u00b5\u20ac\u{1f600}".repeat(100), "x".repeat(60000)];
const result = { texts: [], binary: false, fragments: null, pong: null, extensions: null, code: null, reason: null };

const deadline = setTimeout(() => fail(new Error("nothing happened for the whole deadline")), DEADLINE_MS);

function fail(error) {
    console.error(error);
    process.exit(1);
}

// The certificate is checked: it names 127.0.0.1 and ::1.
const client = new WebSocket(url, {
    perMessageDeflate: JSON.parse(compression),
    ...(url.startsWith("wss:") ? { ca: readFileSync(certificate) } : {}),
});
const inbox = [];
let wake = null;

client.on("error", fail);
client.on("message", (data, isBinary) => {
    inbox.push({ data, isBinary });
    wake?.();
});
client.on("close", (code, reason) => {
    clearTimeout(deadline);
    result.code = code;
    result.reason = reason.toString();
    console.log(JSON.stringify(result));
});

async function receive() {
    while (inbox.length === 0) {
        await new Promise((resolve) => (wake = resolve));
    }
    return inbox.shift();
}

async function receiveText() {
    const { data, isBinary } = await receive();
    if (isBinary) {
        throw new Error("binary where text was expected");
    }
    return data.toString("utf8");
}

async function converse() {
    result.extensions = client.extensions;
    for (const text of texts) {
        client.send(text);
        result.texts.push((await receiveText()).endsWith(text) ? "ok" : "wrong");
    }
    client.send("prefix?");
    result.prefix = (await receiveText()).slice(0, -"prefix?".length);
    client.send(binary);
    const reply = await receive();
    result.binary = reply.isBinary && reply.data.equals(binary);
    client.send("frag", { fin: false });
    client.send("ment", { fin: false });
    client.send("ed", { fin: true });
    result.fragments = await receiveText();
    const pong = new Promise((resolve) => client.once("pong", resolve));
    client.ping("are you there?");
    result.pong = (await pong).toString();
    client.close(4000, "done");
}

client.on("open", () => converse().catch(fail));
