/** One state on a machine of memory: looked at, applied as the engine does it, and looked at again. */
import { type Changes, inSync } from "../changes.ts";
import { checkParams } from "../check-params.ts";
import { check, make } from "../engine/step.ts";
import type { AnySpec } from "../state-spec.ts";
import type { Given } from "./given.ts";
import { memoryHost, type MemoryHost } from "./memory-host.ts";

export interface Tried extends MemoryHost {
  readonly changes: Changes;
  /** What a second look finds. */
  readonly left: Changes;
  /** The machine afterwards, on which another state can be tried. */
  readonly host: MemoryHost;
  readonly read: (path: string) => Promise<string>;
  readonly names: (path: string) => Promise<readonly string[]>;
}

/** `tryState(fileManaged, "/etc/motd", { contents }, { files })`. Throws what check and apply throw. */
export async function tryState(
  { spec }: { readonly spec: AnySpec },
  key: string,
  params: object = {},
  given: Given | MemoryHost = {},
): Promise<Tried> {
  const host = "ports" in given ? given : memoryHost(given);
  const want = checkParams(spec, { ...params, [spec.key]: key });
  const step = { spec, want, ports: host.ports };
  const changes = await check(step);
  if (!inSync(changes)) await make(step, changes);
  const { read } = host.ports.files;
  return {
    ...host,
    host,
    changes,
    left: await check(step),
    read: (path) => read.readText(path),
    names: (path) => read.list(path),
  };
}
