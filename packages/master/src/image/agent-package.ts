/** The agent's own package, as it is installed on any Debian: what an image carries, and what a live node says that it runs. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import { BomaError, type ImageArch } from "@boma/protocol";

import type { FetchedPackage } from "./apt-archive.ts";
import { program } from "./program.ts";

const NAME = "boma-agent";

export async function readAgentPackage(file: string, arch: ImageArch): Promise<FetchedPackage> {
  const fields = await program(["dpkg-deb", "--field", file, "Package", "Version", "Architecture"]);
  const field = (key: string) => new RegExp(`^${key}: (\\S+)$`, "m").exec(fields)?.[1] ?? "";
  if (field("Package") !== NAME || field("Architecture") !== arch)
    throw new BomaError(
      "usage/file",
      `${file} is ${field("Package")} for ${field("Architecture")}, and not ${NAME} for ${arch}`,
    );
  const digest = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  return { name: NAME, version: field("Version"), digest, file };
}
