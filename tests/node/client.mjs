// Runs one case against a server and exits with 0, or with 1 and an error: node client.mjs CASE URL [ARGUMENT...]
// A case is a function of the URL and the further arguments; add one to `cases` and name it in a test.
import assert from "node:assert/strict";
import { once } from "node:events";
import WebSocket from "ws";

const limit = AbortSignal.timeout(15_000);

/** Opens a connection; fails when the server refuses. */
async function open(url, protocols, options = {}) {
  const socket = new WebSocket(url, protocols, { rejectUnauthorized: false, ...options });
  await once(socket, "open", { signal: limit });
  return socket;
}

/** The response with which the server refuses. */
async function refusal(url, protocols, options = {}) {
  const socket = new WebSocket(url, protocols, { rejectUnauthorized: false, ...options });
  socket.on("error", () => {}); // told after the response
  const [, response] = await once(socket, "unexpected-response", { signal: limit });
  response.resume();
  return response;
}

/** Opens a connection and takes its first message, which may come together with the response. */
async function greeting(url, options = {}) {
  const socket = new WebSocket(url, { rejectUnauthorized: false, ...options });
  const [data] = await once(socket, "message", { signal: limit });
  socket.close();
  await closing(socket);
  return data.toString();
}

async function message(socket) {
  const [data, isBinary] = await once(socket, "message", { signal: limit });
  return isBinary ? data : data.toString();
}

async function closing(socket) {
  const [code, reason] = await once(socket, "close", { signal: limit });
  return [code, reason.toString()];
}

const cases = {
  /** Messages of many sizes come back; pings are answered; the closing is clean. */
  async echo(url) {
    const socket = await open(url, []);
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
      socket.send("é".repeat(size / 2));
      assert.equal(await message(socket), "é".repeat(size / 2));
      const data = Buffer.alloc(size, size);
      socket.send(data);
      assert.deepEqual(await message(socket), data);
    }
    socket.ping("ping");
    const [pong] = await once(socket, "pong", { signal: limit });
    assert.equal(pong.toString(), "ping");
    socket.close(1000, "done");
    assert.deepEqual(await closing(socket), [1000, "done"]);
  },

  /** Compressed messages take fewer bytes on the wire than they have, both ways; plain ones don't. */
  async compressed(url, isCompressed) {
    const socket = await open(url, [], { perMessageDeflate: { threshold: 0 } });
    assert.equal(socket.extensions.includes("permessage-deflate"), isCompressed === "true");
    const wire = () => socket._socket.bytesRead + socket._socket.bytesWritten;
    const before = wire();
    let total = 0;
    for (const size of [100, 10_000, 300_000]) {
      const text = "these words are said again and again; ".repeat(size / 38);
      socket.send(text);
      assert.equal(await message(socket), text);
      total += 2 * text.length;
    }
    const fragments = ["first, ", "second, ".repeat(1_000), "third"];
    fragments.forEach((part, index) => socket.send(part, { fin: index === fragments.length - 1 }));
    assert.equal(await message(socket), fragments.join(""));
    const share = (wire() - before) / total;
    console.log(`on the wire: ${share.toFixed(3)} of the data`);
    assert.ok(isCompressed === "true" ? share < 0.05 : share > 1);
    socket.close();
    await closing(socket);
  },

  /** Says some things of each kind to an echo, and closes. */
  async conversation(url) {
    const socket = await open(url, [], { perMessageDeflate: { threshold: 0 } });
    const words = ["hello", "é€😀".repeat(40), "", Buffer.from([0, 1, 255]), "x".repeat(70_000)];
    for (const word of words) {
      socket.send(word);
      await message(socket);
    }
    socket.send("in ", { fin: false });
    socket.ping("between");
    socket.send("three ", { fin: false });
    socket.send("parts", { fin: true });
    await message(socket);
    socket.close(1000, "that's all");
    await closing(socket);
  },

  /** Leaves without a word in the middle of a message. */
  async vanishes(url) {
    const socket = await open(url, []);
    await new Promise(resolve => socket.send("the first of two parts", { fin: false }, resolve));
    socket.terminate();
    await closing(socket);
  },

  /** Says hello, and hears what comes until the server closes. */
  async hears(url) {
    const socket = await open(url, []);
    socket.send("hello");
    await closing(socket);
  },

  /** Fragments are put together again. */
  async fragments(url) {
    const socket = await open(url, []);
    for (const [part, fin] of [["one, ", false], ["", false], ["two", true]]) {
      socket.send(part, { fin });
    }
    assert.equal(await message(socket), "one, two");
    socket.close();
    await closing(socket);
  },

  /** The server chooses this one of the offered protocols. */
  async subprotocol(url, expected, ...offered) {
    const socket = await open(url, offered);
    assert.equal(socket.protocol, expected);
    socket.close();
    await closing(socket);
  },

  /** The server refuses the offered protocols, or whatever is missing, with a status. */
  async refused(url, status, ...offered) {
    assert.equal((await refusal(url, offered)).statusCode, Number(status));
  },

  /** The server asks for credentials; those in the URL, if any, are not the right ones. */
  async challenged(url, challenge) {
    const response = await refusal(url, []);
    assert.equal(response.statusCode, 401);
    assert.equal(response.headers["www-authenticate"], challenge);
  },

  /** The server greets with a text; credentials are in the URL. */
  async greeted(url, text) {
    assert.equal(await greeting(url), text);
  },

  /** The server greets whoever has the right header. */
  async authorized(url, text, authorization) {
    assert.equal(await greeting(url, { headers: { authorization } }), text);
  },

  /** The server leads elsewhere: to whoever doesn't follow with a status, to others with a text. */
  async redirected(url, status, location, text) {
    const response = await refusal(url, []);
    assert.equal(response.statusCode, Number(status));
    assert.equal(response.headers.location, location);
    assert.equal(await greeting(url, { followRedirects: true }), text);
  },

  /** The server closes by itself with a code. */
  async closed(url, code) {
    const socket = await open(url, []);
    assert.equal((await closing(socket))[0], Number(code));
  },
};

const [name, url, ...rest] = process.argv.slice(2);
await cases[name](url, ...rest);
process.exit(0);
