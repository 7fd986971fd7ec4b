/** What a change of where or how Docker keeps its layers would leave behind. */
import { posix } from "node:path";

import type { ReadFiles } from "../../host/files.ts";
import type { ReadHost } from "../../host/host.ts";
import type { Settings } from "../daemon/settings.ts";
import { infoIfUp } from "./api.ts";
import { DATA_ROOT } from "./parameters.ts";

/** Why the storage cannot be another one now; `undefined` where it stays, or where there is nothing to lose. */
export async function strandedBy(
  host: ReadHost,
  before: Settings,
  after: Settings,
): Promise<string | undefined> {
  const info = await infoIfUp(host);
  const root = info?.DockerRootDir ?? textIn(before, "data-root") ?? DATA_ROOT;
  const driver = info?.Driver ?? textIn(before, "storage-driver");
  const toRoot = textIn(after, "data-root") ?? DATA_ROOT;
  const toDriver = textIn(after, "storage-driver");
  const changes = [
    ...(toRoot === root ? [] : [`data-root from ${root} to ${toRoot}`]),
    ...(toDriver === undefined || driver === undefined || toDriver === driver
      ? []
      : [`storage-driver from ${driver} to ${toDriver}`]),
  ];
  if (changes.length === 0) return undefined;
  const left = info
    ? { images: info.Images, containers: info.Containers }
    : { images: await imagesBelow(host.files, root), containers: 0 };
  if (left.images + left.containers === 0) return undefined;
  return (
    `${changes.join(" and ")} would leave behind ${left.images} images and ${left.containers} containers, which ` +
    "Docker would not find any more: nothing is moved. Take them away first (`docker.prune` and what still runs), or move them by hand with Docker stopped"
  );
}

/** Where it does not run: a file for each image, below the name of each way to keep them. */
async function imagesBelow(files: ReadFiles, root: string): Promise<number> {
  const home = posix.join(root, "image");
  let count = 0;
  for (const driver of (await files.stat(home)) ? await files.list(home) : []) {
    const images = posix.join(home, driver, "imagedb/content/sha256");
    if (await files.stat(images)) count += (await files.list(images)).length;
  }
  return count;
}

const textIn = (settings: Settings, name: string): string | undefined =>
  typeof settings[name] === "string" ? settings[name] : undefined;
