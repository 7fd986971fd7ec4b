/** Names for targets, from the site's `nodegroups.yaml`. Read again when the file has changed. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { BomaError, type Nodegroups, parseNodegroups } from "@boma/protocol";
import { parse } from "yaml";
import { z } from "zod";

const File = z.record(z.string(), z.string("a nodegroup is a target expression")).nullable();
const BYTES_MAX = 1024 * 1024;

export function nodegroupsOf(site: string): () => Nodegroups {
  const path = join(site, "nodegroups.yaml");
  let held: { mtimeMs: number; groups: Nodegroups } | undefined;
  return () => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return parseNodegroups({});
    if (held?.mtimeMs !== stat.mtimeMs) held = { mtimeMs: stat.mtimeMs, groups: read(path, stat.size) };
    return held.groups;
  };
}

function read(path: string, bytes: number): Nodegroups {
  if (bytes > BYTES_MAX) throw new BomaError("usage/file", `${path} is larger than ${BYTES_MAX} bytes`);
  try {
    return parseNodegroups(File.parse(parse(readFileSync(path, "utf8"), { maxAliasCount: 100 })) ?? {});
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new BomaError("usage/file", `${path} cannot be used: ${why}`, { cause });
  }
}
