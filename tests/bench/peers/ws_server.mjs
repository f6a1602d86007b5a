// An echo server on npm's ws: ws_server.mjs PORT WORKERS [CERTIFICATE KEY]. MODULES names the folder that holds ws.
// One process a worker, the way Node uses several cores; no compression and no limits, so that ws does its best.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import path from 'node:path';

const [port, workers, certificate, key] = process.argv.slice(2);
const count = Number(workers);

if (cluster.isPrimary && count > 1) {
  for (let i = 0; i < count; i++) {
    cluster.fork();
  }
} else {
  const require = createRequire(path.resolve(process.env.MODULES ?? '.', 'package.json'));
  const { WebSocketServer } = require('ws');
  const server = certificate
    ? https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) })
    : http.createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 0 });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {});
  });
  server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => {
    console.log(`ws ${require('ws/package.json').version}, Node ${process.version}`);
  });
}
