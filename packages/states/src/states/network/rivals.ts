/** Who else configures the same interfaces: two of them undo each other, or both count. */
import { BomaError } from "@boma/protocol";
import { parse } from "yaml";
import { z } from "zod";

import type { ReadFiles } from "../../host/files.ts";
import type { ReadHost } from "../../host/host.ts";
import { readIfThere } from "../owned-file.ts";
import { NETPLAN_DIR, NETPLAN_FILE } from "./netplan-file.ts";
import type { Want } from "./parameters.ts";

const IFUPDOWN = "/etc/network/interfaces";

export async function assertAlone(want: Want, { files, services }: ReadHost): Promise<void> {
  const names = new Set(
    Object.entries(want.interfaces).flatMap(([name, { match }]) => [name, match?.name ?? name]),
  );
  if (want.renderer === "netplan") await assertAloneInNetplan(want, names, files);
  await assertNotIfupdown(want, names, files);
  if ((await services.status("NetworkManager.service")).active === "active")
    throw rival(
      "NetworkManager runs, and keeps the interfaces of this machine",
      "Stop and disable it first.",
    );
}

const rival = (message: string, hint: string): BomaError => new BomaError("state/blocked", message, { hint });

const NetplanFile = z.object({ network: z.record(z.string(), z.unknown()) });

/** netplan adds up its files: an address of another one would stay beside ours. */
async function assertAloneInNetplan(
  { replaces }: Want,
  names: ReadonlySet<string>,
  files: ReadFiles,
): Promise<void> {
  for (const path of await netplanFiles(files)) {
    if (path === NETPLAN_FILE || replaces.includes(path)) continue;
    const read = NetplanFile.safeParse(parsed(await files.readText(path)));
    const kinds = read.success ? Object.values(read.data.network) : [];
    const told = kinds.flatMap((kind) =>
      typeof kind === "object" && kind !== null ? Object.keys(kind) : [],
    );
    const shared = told.find((name) => names.has(name));
    if (shared !== undefined)
      throw rival(
        `${path} configures ${shared} as well, and netplan adds both up`,
        `Name ${path} in \`replaces\`; it is given back where the change is taken back.`,
      );
  }
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined; // netplan itself will say what is wrong with it.
  }
}

export async function netplanFiles(files: ReadFiles): Promise<readonly string[]> {
  if (!(await files.stat(NETPLAN_DIR))) return [];
  const names = await files.list(NETPLAN_DIR);
  return names.filter((name) => name.endsWith(".yaml")).map((name) => `${NETPLAN_DIR}/${name}`);
}

async function assertNotIfupdown(
  { replaces }: Want,
  names: ReadonlySet<string>,
  files: ReadFiles,
): Promise<void> {
  const parts = `${IFUPDOWN}.d`;
  const more = (await files.stat(parts)) ? (await files.list(parts)).map((name) => `${parts}/${name}`) : [];
  for (const path of [IFUPDOWN, ...more].filter((one) => !replaces.includes(one))) {
    const text = (await readIfThere(files, path)) ?? "";
    for (const [, name] of text.matchAll(/^\s*iface\s+(\S+)\s/gm))
      if (names.has(name!))
        throw rival(
          `${path} configures ${name} as well`,
          path === IFUPDOWN
            ? `Take the lines of ${name} out of it; \`ifupdown\` itself may stay.`
            : `Name ${path} in \`replaces\`.`,
        );
  }
}
