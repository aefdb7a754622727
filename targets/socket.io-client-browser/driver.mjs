// Drives the browser bundle of socket.io-client in headless Chromium for siospec: JSON Lines, see docs/driver.md.
import { drive } from "../kit/browser/driver.mjs";
import { version } from "../kit/javascript/driver.mjs";
import { CAPABILITIES } from "../socket.io-client/client.mjs";

const hello = {
  name: "socket.io-client in Chromium",
  version: version("socket.io-client", import.meta.url),
  client: CAPABILITIES,
};
await drive(hello, new URL("client.mjs", import.meta.url));
