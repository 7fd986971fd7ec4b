/**
 * What this boot says to the agent: `boma.token=`, `boma.master=` on the kernel's
 * command line, as a boot service wrote it. Anybody on the boot LAN may have written
 * it: whom to trust comes from the image alone, and none of this can change it.
 */
import { readFile } from "node:fs/promises";

import { BomaError } from "@boma/protocol";

import { messageOf } from "../files.ts";
import { parameters } from "../grains/boot.ts";

const CMDLINE = "/proc/cmdline";
const SHORT_TOKEN = /^bt_/;

export interface BootWords {
  readonly token?: string;
  readonly master?: string;
  /** This boot is there to put the machine on its disk. */
  readonly install?: true;
}

export async function bootWords(file: string | boolean): Promise<BootWords> {
  if (file === false) return {};
  const path = file === true ? CMDLINE : file;
  try {
    return readBootWords(await readFile(path, "utf8"));
  } catch (cause) {
    throw new BomaError("usage/file", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** The last word counts, as for the kernel. A long token would bring a root of its own with it, and is passed over. */
export function readBootWords(cmdline: string): BootWords {
  const said = new Map(parameters(cmdline.trim()));
  const token = said.get("boma.token");
  const master = said.get("boma.master");
  return {
    ...(token !== undefined && SHORT_TOKEN.test(token) && { token }),
    ...(master !== undefined && master !== "" && { master }),
    ...(said.has("boma.install") && { install: true as const }),
  };
}
