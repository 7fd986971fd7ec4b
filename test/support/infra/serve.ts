/** `serve.ts DIR ADDRESS`: the files of a folder over HTTP, as an archive of packages needs it; says its port, and ends with its input. */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { pipeline } from "node:stream";

const [dir = "", address = ""] = process.argv.slice(2);

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://archive");
  const path = join(dir, normalize(decodeURIComponent(pathname)));
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-length": found.size, "last-modified": found.mtime.toUTCString() });
  if (request.method === "HEAD") response.end();
  else pipeline(createReadStream(path), response, () => undefined);
});

server.listen(0, address, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on("end", () => process.exit());
