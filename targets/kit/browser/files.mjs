// The files of pages, which import each other as they do in Node.js: those below targets/, over HTTP.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

const ROOT = new URL("../../", import.meta.url);
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };

/** Serves them, and the file of the URL `client` as /client.mjs too. The port. */
export async function serveFiles(client) {
  const clientPath = client.href.slice(ROOT.href.length - 1);
  const text = async (path) => {
    if (path === "/client.mjs") return `export * from ${JSON.stringify(clientPath)};`;
    const file = new URL(`.${path}`, ROOT);
    if (!file.href.startsWith(ROOT.href) || !TYPES[extname(path)]) throw new Error("no file of a page");
    return readFile(file, "utf8");
  };
  const server = createServer(async (request, response) => {
    try {
      const body = await text(request.url);
      const headers = { "Content-Type": TYPES[extname(request.url)], "Cache-Control": "max-age=3600" };
      response.writeHead(200, headers).end(body);
    } catch {
      response.writeHead(404).end("there is no such file");
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server.address().port;
}
