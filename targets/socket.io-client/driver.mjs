// Drives socket.io-client in Node.js for siospec: JSON Lines, see docs/driver.md.
import { Manager } from "socket.io-client";
import { drive, version } from "../kit/javascript/driver.mjs";
import { CAPABILITIES, clientOf } from "./client.mjs";

const hello = { name: "socket.io-client", version: version("socket.io-client", import.meta.url), client: CAPABILITIES };
await drive(hello, clientOf(Manager));
