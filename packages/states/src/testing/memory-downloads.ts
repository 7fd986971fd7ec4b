/** A web of memory: what each URL answers is given, and lands where the real downloads would put it. */
import { createHash } from "node:crypto";

import { BomaError } from "@boma/protocol";

import type { Downloads, ReadDownloads } from "../host/downloads.ts";
import type { Port } from "../host/host.ts";
import { memoryFiles, memoryTree } from "./memory-files.ts";
import type { MemoryWorld } from "./memory-host.ts";

const CACHE = "/var/cache/boma/downloads";

export function memoryDownloads({ given, tree }: MemoryWorld): Port<ReadDownloads, Downloads> {
  const { write: files } = memoryFiles(tree);
  const read: ReadDownloads = {
    cached: async (sha256) => ((await files.stat(`${CACHE}/${sha256}`)) ? `${CACHE}/${sha256}` : undefined),
  };
  return {
    read,
    write: {
      ...read,
      async fetch({ url, sha256, bytesMax }) {
        const body = given.downloads?.[url];
        if (body === undefined)
          throw new BomaError("state/download", `${url}: the server answered 404 Not Found`);
        const bytes = Buffer.from(body);
        if (bytes.length > bytesMax)
          throw new BomaError("state/download", `${url} is larger than ${bytesMax} bytes`);
        const is = createHash("sha256").update(bytes).digest("hex");
        if (is !== sha256)
          throw new BomaError("state/checksum", `${url} has the SHA-256 ${is}, not ${sha256}`);
        const path = `${CACHE}/${sha256}`;
        for (const [at, entry] of memoryTree({ [path]: { contents: bytes } }))
          if (!tree.has(at)) tree.set(at, entry);
        return path;
      },
    },
  };
}
