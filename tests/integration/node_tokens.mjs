// Signs and checks tokens with Node's crypto alone, for test_tokens_foreign.py.
//
//     node node_tokens.mjs < REQUEST
//
// REQUEST is a JSON array of { algorithm, key, payload } (signed with `key`, PEM or an HMAC secret) or { algorithm, key, token }
// (checked with it). The answer is an array with a token or a boolean for each.

import crypto from "node:crypto";
import fs from "node:fs";

const SALT_AS_LONG_AS_HASH = crypto.constants.RSA_PSS_SALTLEN_DIGEST;

// How crypto.sign() and crypto.verify() want it: the hash, and what goes with the key.
function parameters(algorithm, key) {
  const hash = algorithm === "EdDSA" ? null : `sha${algorithm.slice(2)}`;
  switch (algorithm.slice(0, 2)) {
    case "ES":
      return [hash, { key, dsaEncoding: "ieee-p1363" }];
    case "PS":
      return [hash, { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_AS_LONG_AS_HASH }];
    default:
      return [hash, { key }];
  }
}

function mac(algorithm, key, input) {
  return crypto.createHmac(`sha${algorithm.slice(2)}`, key).update(input).digest();
}

function sign({ algorithm, key, payload }) {
  const header = Buffer.from(JSON.stringify({ alg: algorithm, typ: "JWT" })).toString("base64url");
  const input = `${header}.${Buffer.from(payload).toString("base64url")}`;
  if (algorithm.startsWith("HS")) {
    return `${input}.${mac(algorithm, key, input).toString("base64url")}`;
  }
  const [hash, options] = parameters(algorithm, key);
  return `${input}.${crypto.sign(hash, Buffer.from(input), options).toString("base64url")}`;
}

function verify({ algorithm, key, token }) {
  const end = token.lastIndexOf(".");
  const input = token.slice(0, end);
  const signature = Buffer.from(token.slice(end + 1), "base64url");
  if (algorithm.startsWith("HS")) {
    return mac(algorithm, key, input).equals(signature);
  }
  const [hash, options] = parameters(algorithm, key);
  return crypto.verify(hash, Buffer.from(input), options, signature);
}

const requests = JSON.parse(fs.readFileSync(0, "utf8"));
console.log(JSON.stringify(requests.map((request) => (request.token === undefined ? sign(request) : verify(request)))));
