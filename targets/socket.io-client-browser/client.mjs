// The browser bundle of socket.io-client in a frame of a page.
import "./node_modules/socket.io-client/dist/socket.io.js";
import { clientOf } from "../socket.io-client/client.mjs";

export const Client = clientOf(io.Manager);
