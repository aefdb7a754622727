// The test application of docs/server-app.md on socket.io, the JavaScript implementation.
import { createServer } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { Server } from "socket.io";

const options = { pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 1e6, connectTimeout: 1000 };
const variants = {
  "no-upgrades": { allowUpgrades: false },
  "polling-only": { transports: ["polling"] },
  "websocket-only": { transports: ["websocket"] },
  "cors": { cors: { origin: "http://allowed.example", credentials: true } },
  "cookie": { cookie: { name: "io" } },
  "recovery": { connectionStateRecovery: { maxDisconnectionDuration: 2000 } },
  "slow-heartbeat": { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 },
  "upgrade-timeout": { upgradeTimeout: 300 },
  "refuse-handshake": { allowRequest: (request, decide) => decide("Not today", false) },
};
const variant = process.env.VARIANT || "";
if (variant && !Object.hasOwn(variants, variant)) throw new Error(`unknown VARIANT ${variant}`);

const http = createServer((request, response) => response.writeHead(404).end());
const io = new Server(http, { ...options, ...variants[variant] });

// Arguments come from anybody: an event with unusable ones is ignored, so that a crash is always one of the library.
const count = (n, max) => (Number.isInteger(n) && n >= 0 && n <= max ? n : 0);
const reserved = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

// The arguments without the acknowledgement callback that comes last where the client asked for an acknowledgement.
const split = (args) => (typeof args.at(-1) === "function" ? [args.slice(0, -1), args.at(-1)] : [args, () => {}]);
const echo = (socket) => (...args) => socket.emit("message-back", ...split(args)[0]);

// How often the two handlers ran for each Socket.IO id, for the latest 10,000 ids.
const counts = new Map();
function countRun(socket, handler) {
  if (!counts.has(socket.id)) counts.set(socket.id, { connect: 0, disconnect: 0 });
  counts.get(socket.id)[handler] += 1;
  if (counts.size > 10_000) counts.delete(counts.keys().next().value);
}

function message(socket) {
  countRun(socket, "connect");
  socket.on("disconnect", () => countRun(socket, "disconnect"));
  socket.on("message", echo(socket));
}

function rooms(socket) {
  socket.on("join", (room) => socket.join(room));
  socket.on("shout", (...args) => {
    const [room, value] = split(args)[0];
    socket.nsp.to(room).emit("shout", value);
  });
}

function base(socket) {
  message(socket);
  rooms(socket);
  socket.emit("auth", socket.handshake.auth);
  socket.on("message-with-ack", (...args) => {
    const [values, acknowledge] = split(args);
    acknowledge(...values);
  });
  socket.on("ask", (event, ...args) => {
    if (typeof event !== "string" || reserved.includes(event)) return;
    socket.emit(event, ...split(args)[0], (...answer) => socket.emit("answer", ...answer));
  });
  socket.on("leave", () => socket.disconnect());
}

io.on("connection", (socket) => {
  base(socket);
  socket.on("attach", (n) => {
    const attachments = Array.from({ length: count(n, 255) }, (_, i) => Buffer.from([i, n]));
    socket.emit("attached", ...attachments);
  });
  socket.on("burst", (n) => {
    for (let i = 0; i < count(n, 10_000); i++) socket.emit("item", i);
  });
  socket.on("big", (n) => socket.emit("big", "a".repeat(count(n, 10_000_000))));
  socket.on("bye", () => {
    socket.emit("bye");
    socket.disconnect(true);
  });
  socket.on("count", (sid) => socket.emit("count", counts.get(sid) ?? { connect: 0, disconnect: 0 }));
  socket.on("twice", (...args) => {
    const [values, acknowledge] = split(args);
    acknowledge(...values);
    acknowledge(...values);
  });
  socket.on("mess€ge", echo(socket));
});
io.of("/custom").on("connection", base);

const notAuthorized = () => Object.assign(new Error("Not authorized"), { data: { code: 1 } });
io.of("/refused").use((socket, next) => next(notAuthorized()));
const authorized = (socket) => isDeepStrictEqual(socket.handshake.auth, { token: "123" });
io.of("/guarded").use((socket, next) => next(authorized(socket) ? undefined : notAuthorized()));
io.of("/guarded").on("connection", message);
io.of("/slow").use((socket, next) => setTimeout(next, 100));
io.of("/slow").on("connection", message);
io.of(/^\/dyn-\d+$/).on("connection", (socket) => {
  message(socket);
  rooms(socket);
});

http.listen(Number(process.env.PORT), "127.0.0.1");
