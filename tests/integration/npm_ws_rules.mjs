// Good and bad messages of npm's ws, for test_validation.py.
//
//     node npm_ws_rules.mjs NODE_MODULES URL MESSAGES
//
// MESSAGES is {"good": [TEXT...], "bad": [TEXT...]}: they are sent one after the other, each when the one before was answered. Prints
// one line of JSON: what came back, and how the session was closed.

import { createRequire } from "node:module";
import path from "node:path";

const [modules, url, messages] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "index.js"));
const { WebSocket } = require("ws");

const DEADLINE_MS = 60000;
const { good, bad } = JSON.parse(messages);
const outbox = [...good, ...bad];
const inbox = [];

const deadline = setTimeout(() => fail(new Error("nothing happened for the whole deadline")), DEADLINE_MS);

function fail(error) {
    console.error(error);
    process.exit(1);
}

const client = new WebSocket(url);

client.on("error", fail);
client.on("open", () => client.send(outbox.shift()));
client.on("message", (data) => {
    inbox.push(data.toString("utf8"));
    if (outbox.length > 0) {
        client.send(outbox.shift());
    }
});
client.on("close", (code, reason) => {
    clearTimeout(deadline);
    const result = { echoed: inbox.slice(0, good.length), told: inbox.slice(good.length), code, reason: reason.toString() };
    console.log(JSON.stringify(result));
});
