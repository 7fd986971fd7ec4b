/** Takes things away: each directory is held open while it is emptied, so that no link put in its place leads elsewhere. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";

import { fileComplaint, protectedComplaint } from "@boma/states/core";

import type { Place } from "./files-place.ts";
import { parseMountinfo } from "./mountinfo.ts";

const DEPTH_MAX = 500;

export function removeAt({ path: at, real }: Place, path: string, recursive: boolean): void {
  if (path === "/") throw protectedComplaint(path, "it is the root of the machine");
  const stat = lstatSync(at);
  if (!stat.isDirectory()) return unlinkSync(at);
  const points = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8")).map((mount) => mount.path);
  const mounted = points.find((point) => point === real || point.startsWith(`${real}/`));
  if (mounted !== undefined) throw protectedComplaint(path, `${mounted} is a mount point`);
  if (recursive) empty(at, path, { device: stat.dev, depth: 0 });
  rmdirSync(at);
}

function empty(at: string, path: string, top: { readonly device: number; readonly depth: number }): void {
  if (top.depth > DEPTH_MAX) throw fileComplaint("ELOOP", "remove", path);
  const fd = openSync(at, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(fd).dev !== top.device)
      throw protectedComplaint(path, "another file system is mounted there");
    const held = `/proc/self/fd/${fd}`;
    for (const entry of readdirSync(held, { withFileTypes: true, encoding: "buffer" })) {
      // Names are bytes: one that is no UTF-8 can be removed as well.
      const inside = Buffer.concat([Buffer.from(`${held}/`), entry.name]);
      if (!entry.isDirectory()) unlinkSync(inside);
      else {
        empty(inside as unknown as string, path, { ...top, depth: top.depth + 1 });
        rmdirSync(inside);
      }
    }
  } finally {
    closeSync(fd);
  }
}
