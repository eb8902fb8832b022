// Exchanges compressed messages through files: node zlib.mjs FILE
// The file has a list of { bits, takeover, messages }, where each message is { data, wire }, both in Base64: `wire` is what this
// library made of `data`. Node's zlib has to read it, with a window of just that many bits. What it makes of the data itself
// is printed in the same form.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import zlib from "node:zlib";

const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** What a stream gives for some input, up to a flush. */
async function run(stream, input, flush) {
  const chunks = [];
  const collect = (chunk) => chunks.push(chunk);
  stream.on("data", collect);
  const failed = once(stream, "error").then(([error]) => Promise.reject(error));
  stream.write(input);
  await Promise.race([new Promise((done) => stream.flush(flush, done)), failed]);
  stream.off("data", collect);
  return Buffer.concat(chunks);
}

const sync = zlib.constants.Z_SYNC_FLUSH;

async function exchange({ bits, takeover, messages }) {
  const options = { windowBits: bits };
  let inflate = zlib.createInflateRaw(options);
  let deflate = zlib.createDeflateRaw(options);
  const answers = [];
  for (const { data, wire } of messages) {
    if (!takeover) {
      inflate = zlib.createInflateRaw(options);
      deflate = zlib.createDeflateRaw(options);
    }
    const expected = Buffer.from(data, "base64");
    const read = await run(inflate, Buffer.concat([Buffer.from(wire, "base64"), tail]), sync);
    assert.ok(read.equals(expected), `${bits} bits: ${read.length} bytes instead of ${expected.length}`);
    const written = await run(deflate, expected, sync);
    assert.ok(written.subarray(-4).equals(tail));
    answers.push({ data, wire: written.subarray(0, -4).toString("base64") });
  }
  return { bits, takeover, messages: answers };
}

const answers = [];
for (const session of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  answers.push(await exchange(session));
}
process.stdout.write(JSON.stringify(answers));
process.exitCode = 0;
