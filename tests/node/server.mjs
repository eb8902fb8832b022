// An echo with the package ws, until its input ends: node server.mjs. Prints its port. The path says what it does.
import { WebSocketServer } from "ws";

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  maxPayload: 64 * 1024 * 1024,
  perMessageDeflate: { threshold: 0 },
  handleProtocols: protocols => (protocols.has("v2") ? "v2" : false),
});

let last = "none"; // how an echo was closed by its client

const paths = {
  /** Sends every message back. */
  "/echo"(socket) {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on("close", (code, reason) => (last = `${code} ${reason}`));
  },

  /** Closes with a code and a reason. */
  "/close"(socket, query) {
    socket.close(Number(query.get("code")), query.get("reason"));
  },

  /** Tells how an echo was closed. */
  "/last"(socket) {
    socket.send(last);
  },
};

server.on("connection", (socket, request) => {
  const { pathname, searchParams } = new URL(request.url, "ws://localhost");
  paths[pathname](socket, searchParams);
});
server.on("listening", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
