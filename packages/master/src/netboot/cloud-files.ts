/** Answers cloud-init: a token for user-data, inside the machine's window; the site's own part by its profile. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { CloudAsked, CloudFile } from "./boot-http.ts";
import type { AskBoot } from "./netboot.ts";
import { metaData, readExtra, settledData, userData, vendorData } from "./nocloud.ts";

interface Parts {
  readonly boot: AskBoot;
  /** What machines knock with now. */
  readonly join: () => Promise<string>;
  /** `<profile>.yaml` for each that has one, `default.yaml` for the others. */
  readonly dir: string | undefined;
  /** What the service gives out by its path: the agent's packages are among it, or not. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A machine's name is known once its token was made, and cloud-init asks for meta-data beside it. */
const NAMES_MAX = 10_000;

export function cloudFiles(parts: Parts) {
  const names = new Map<string, string>();
  const sums = packageSums(parts.files);
  return async (file: CloudFile, { mac, address, url }: CloudAsked): Promise<string | undefined> => {
    if (file === "vendor-data") return vendorData();
    if (file === "meta-data") return metaData({ mac, node: names.get(mac) });
    const answer = await parts.boot({
      mac,
      arch: "cloud-init",
      address,
      tellProfile: parts.dir !== undefined,
    });
    // cloud-init asks at every boot, and takes a refusal for a broken machine.
    if (!answer.boots) return answer.disk ? settledData() : undefined;
    const { node, profile, token } = answer;
    if (node !== undefined && names.size < NAMES_MAX) names.set(mac, node);
    const packages = sums.length > 0 ? { url: `${url}/${PACKAGES}`, sums } : undefined;
    const cloud = { mac, node, token, join: await parts.join(), packages };
    return userData(cloud, await extraOf(parts.dir, profile));
  };
}

export const PACKAGES = "package";

export function packageSums(files: ReadonlyMap<string, Uint8Array>): readonly string[] {
  return [...files].flatMap(([path, bytes]) => {
    if (!path.startsWith(`${PACKAGES}/`)) return [];
    const digest = createHash("sha256").update(bytes).digest("hex");
    return [`${digest}  ${path.slice(PACKAGES.length + 1)}`];
  });
}

/** Profile names are the master's, and have no slash in them. */
export async function extraOf(dir: string | undefined, profile: string | undefined) {
  if (dir === undefined) return {};
  for (const name of [profile, "default"]) {
    if (name === undefined) continue;
    const path = join(dir, `${name}.yaml`);
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text !== undefined) return readExtra(text, path);
  }
  return {};
}
