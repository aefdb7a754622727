// The test application of docs/server-app.md on socket.io, the JavaScript implementation.
// As a CommonJS module, which Node.js starts with sooner: siospec starts it once for each variant.
const { createServer } = require("node:http");
const { isDeepStrictEqual } = require("node:util");
const { Server } = require("socket.io");

const options = { pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 1e6, connectTimeout: 1000 };
const variants = {
  "": {},
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
const variant = process.env.VARIANT ?? "";
if (!Object.hasOwn(variants, variant)) throw new Error(`unknown VARIANT ${variant}`);

const http = createServer((request, response) => response.writeHead(404).end());
const io = new Server(http, { ...options, ...variants[variant] });

// The handlers that ran, as `<sid> connect` and `<sid> disconnect`.
const runs = [];
const timesOf = (run) => runs.filter((other) => other === run).length;

// The arguments without the acknowledgement callback that comes last where the client asked for an acknowledgement.
const split = (args) => (typeof args.at(-1) === "function" ? [args.slice(0, -1), args.at(-1)] : [args, () => {}]);

// The connection handler of every namespace.
function connect(socket) {
  runs.push(`${socket.id} connect`);
  socket.on("disconnect", () => runs.push(`${socket.id} disconnect`));
  if (["/", "/custom"].includes(socket.nsp.name)) socket.emit("auth", socket.handshake.auth);

  const echo = (...args) => socket.emit("message-back", ...split(args)[0]);
  socket.on("message", echo);
  socket.on("mess€ge", echo);
  const acknowledge = (times) => (...args) => {
    const [values, callback] = split(args);
    for (let i = 0; i < times; i++) callback(...values);
  };
  socket.on("message-with-ack", acknowledge(1));
  socket.on("twice", acknowledge(2));
  socket.on("ask", (event, ...args) => {
    socket.emit(event, ...args, (...answer) => socket.emit("answer", ...answer));
  });

  socket.on("leave", () => socket.disconnect());
  socket.on("bye", () => {
    socket.emit("bye");
    socket.disconnect(true);
  });
  socket.on("join", (room) => socket.join(room));
  socket.on("shout", (room, value) => socket.nsp.to(room).emit("shout", value));

  socket.on("attach", (n) => {
    socket.emit("attached", ...Array.from({ length: n }, (_, i) => Buffer.from([i, n])));
  });
  socket.on("burst", (n) => {
    for (let i = 0; i < n; i++) socket.emit("item", i);
  });
  socket.on("big", (n) => socket.emit("big", "a".repeat(n)));
  socket.on("count", (sid) => {
    socket.emit("count", { connect: timesOf(`${sid} connect`), disconnect: timesOf(`${sid} disconnect`) });
  });
}

for (const namespace of ["/", "/custom", "/refused", "/guarded", "/slow", /^\/dyn-\d+$/]) {
  io.of(namespace).on("connection", connect);
}
const notAuthorized = Object.assign(new Error("Not authorized"), { data: { code: 1 } });
const authorized = (socket) => isDeepStrictEqual(socket.handshake.auth, { token: "123" });
io.of("/refused").use((socket, next) => next(notAuthorized));
io.of("/guarded").use((socket, next) => next(authorized(socket) ? undefined : notAuthorized));
io.of("/slow").use((socket, next) => setTimeout(next, 100));

http.listen(Number(process.env.PORT), "127.0.0.1");
