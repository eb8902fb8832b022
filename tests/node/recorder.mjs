// A server with the package ws that tells what it was sent, until its input ends: node recorder.mjs. Prints its port, then a line for each
// connection that has ended: the end of its target, and each message as kind, length and the beginning of its SHA-256.
import { createHash } from "node:crypto";
import { WebSocketServer } from "ws";

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  maxPayload: 65_536,
  perMessageDeflate: { threshold: 0 },
});

function describe(data, isBinary) {
  const hash = createHash("sha256").update(data).digest("hex").slice(0, 16);
  return `${isBinary ? "B" : "T"}${data.length}:${hash}`;
}

server.on("connection", (socket, request) => {
  const told = [request.url.slice(request.url.lastIndexOf("/") + 1)];
  socket.on("message", (data, isBinary) => told.push(describe(data, isBinary)));
  socket.on("error", () => {}); // the client broke a rule, which the close frame tells it
  socket.on("close", () => console.log(told.join(" ")));
});
server.on("listening", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
