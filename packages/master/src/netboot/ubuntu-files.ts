/** Answers Ubuntu's installer: where it goes and what comes after, and at its end the token that the new system joins with. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";

import { autoinstallData, UBUNTU } from "./autoinstall.ts";
import type { AskBoot } from "./netboot.ts";
import { metaData, type Packages, vendorData } from "./nocloud.ts";

export const UBUNTU_PATH =
  /^\/ubuntu\/([0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})\/(user-data|meta-data|vendor-data|join|token)$/;
export type UbuntuFile = "user-data" | "meta-data" | "vendor-data" | "join" | "token";

/** What it says of itself when all that is left is to start the new system. */
export const UBUNTU_DONE = "ubuntu-done";

interface Parts {
  readonly boot: AskBoot;
  /** What machines knock with now. */
  readonly join: () => Promise<string>;
  readonly packages: (url: string) => Packages | undefined;
  readonly extra: (profile: string | undefined) => Promise<Readonly<Record<string, unknown>>>;
}

interface Asked {
  readonly mac: string;
  readonly address: string;
  readonly url: string;
}

/** `undefined` where this machine may not be installed. */
export function ubuntuFiles({ boot, join: kit, packages, extra }: Parts) {
  return async (file: UbuntuFile, { mac, address, url }: Asked): Promise<string | undefined> => {
    if (file === "vendor-data") return vendorData();
    if (file === "meta-data") return metaData({ mac });
    const arch = file === "token" ? UBUNTU_DONE : UBUNTU;
    const answer = await boot({ mac, arch, address, tellProfile: file === "user-data" });
    if (!answer.boots || answer.image !== UBUNTU) return undefined;
    if (file === "token") return `${answer.token}\n`;
    if (file === "join") return `${await kit()}\n`;
    const agent = packages(url);
    if (!agent) return undefined;
    const at = `${url}/ubuntu/${mac.replaceAll(":", "-")}`;
    const about = { mac, node: answer.node, disk: answer.target, at, packages: agent };
    return autoinstallData(about, await extra(answer.profile));
  };
}

/** Its kernel and the root of its installer, as they lie in the `casper` directory of the medium. */
export function readUbuntu(dir: string): ReadonlyMap<string, Uint8Array> {
  const names = ["vmlinuz", "initrd"];
  const missing = names.filter((name) => !existsSync(join(dir, name)));
  if (missing.length > 0)
    throw new BomaError("usage/file", `there is no ${missing.join(" and no ")} in ${dir}`, {
      hint: "Copy them from the directory `casper` of Ubuntu's live server medium.",
    });
  return new Map(names.map((name) => [`ubuntu/${name}`, readFileSync(join(dir, name))]));
}
