// npm's ajv on the same messages: ajv_check.mjs CASES, the same lines in and out as validate_bench. MODULES names the folder
// that holds ajv and ajv-formats. Times are processor time of the whole process, its collector and compilers too.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

const TURNS = 8;
const require = createRequire(path.resolve(process.env.MODULES ?? '.', 'package.json'));
const { default: Ajv } = require('ajv/dist/2020');
const addFormats = require('ajv-formats');
const rows = JSON.parse(readFileSync(process.argv[2], 'utf8'));

// What one check returns is looked at, so that no compiler leaves it out.
function take(work, count) {
  const began = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    work();
  }
  const spent = process.cpuUsage(began);
  return (spent.user + spent.system) * 1000;
}

function mustBe(answer, valid) {
  if (answer !== valid) {
    throw new Error(`ajv says ${answer}`);
  }
}

// Bytes are what a server has, so that the whole begins with making a string of them.
function piecesOf(row) {
  const ajv = new Ajv({ strict: false });
  addFormats(ajv);
  const validate = ajv.compile(row.schema);
  const value = JSON.parse(row.text);
  const bytes = Buffer.from(row.text);
  return {
    parse: () => mustBe(JSON.parse(row.text) !== undefined, true),
    check: () => mustBe(validate(value), row.valid),
    whole: () => mustBe(validate(JSON.parse(bytes.toString('utf8'))), row.valid),
  };
}

const compiled = rows.map(piecesOf);

function measure(pieces, milliseconds) {
  const names = Object.keys(pieces);
  const share = (milliseconds * 1e6) / TURNS / names.length;
  const sums = names.map(() => ({ count: 0, spent: 0, each: 0 }));
  names.forEach((name, i) => {
    take(pieces[name], 2000); // warm
    sums[i].each = Math.max(1, Math.round(share / (take(pieces[name], 500) / 500)));
  });
  for (let turn = 0; turn < TURNS; turn++) {
    names.forEach((name, i) => {
      sums[i].spent += take(pieces[name], sums[i].each);
      sums[i].count += sums[i].each;
    });
  }
  return Object.fromEntries(names.map((name, i) => [name, sums[i].spent / sums[i].count]));
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [index, milliseconds] = line.split(' ').map(Number);
  console.log(JSON.stringify(measure(compiled[index], milliseconds)));
}
