/** dockerd takes up what has changed in its file; and it is known that it did. */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import { isSame } from "../../changes.ts";
import type { Files, ReadFiles } from "../../host/files.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { answered } from "../../host/http.ts";
import type { Settings } from "../daemon/settings.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";
import { ask, type Info, infoOf, requestOf } from "./api.ts";
import { fileText } from "./daemon-file.ts";
import { FILE, TAKEN, UNIT } from "./parameters.ts";

const TAKES_MS_MAX = 15_000;
const OF_OTHERS_MS = 1000;
const LOOK_MS = 100;
const LOG_LINES = 20;
const NS_PER_MS = 1_000_000;

/** Also where only the start will read what has changed: a running daemon says whether it can read the file at all. */
export async function takeUp(host: Host, live: Settings): Promise<void> {
  const sinceMs = Date.now();
  await host.services.reload(UNIT);
  await reloaded(host, sinceMs);
  const left = untaken(await infoOf(host.http), live);
  if (left.length === 0) return;
  throw new BomaError("docker/config", `Docker was told of ${FILE}, and did not take up ${left.join(", ")}`);
}

/** It tells everybody who listens when it has read the file; where it could not, it says so in the journal only. */
async function reloaded(host: ReadHost, sinceMs: number): Promise<void> {
  const endsAt = performance.now() + TAKES_MS_MAX;
  let complainedAt = Infinity;
  for (;;) {
    if (await hasToldReload(host, sinceMs)) return;
    const complaint = await complaintSince(host, sinceMs);
    if (complaint !== undefined) complainedAt = Math.min(complainedAt, performance.now());
    // It may have complained of something else, as of a container, while it was reading.
    if (complaint !== undefined && performance.now() >= complainedAt + OF_OTHERS_MS)
      throw new BomaError("docker/config", `Docker did not take up ${FILE}: ${complaint}`);
    if (performance.now() >= endsAt)
      throw new BomaError(
        "docker/config",
        `Docker was told of a new ${FILE}, and has said nothing of it in ${TAKES_MS_MAX / 1000} s`,
      );
    await pause(LOOK_MS);
  }
}

async function hasToldReload({ http }: ReadHost, sinceMs: number): Promise<boolean> {
  const seconds = (ms: number): string => (ms / 1000).toFixed(3);
  const filters = encodeURIComponent(JSON.stringify({ type: ["daemon"], event: ["reload"] }));
  // An end that is past: without one it goes on telling.
  const path = `/events?since=${seconds(sinceMs)}&until=${seconds(Date.now())}&filters=${filters}`;
  const { body } = answered(requestOf(path), await ask(http, path));
  return body
    .split("\n")
    .filter((line) => line.trim() !== "")
    .some((line) => (JSON.parse(line) as { readonly timeNano: number }).timeNano >= sinceMs * NS_PER_MS);
}

const COMPLAINS = /level=(?:error|fatal) msg="((?:[^"\\]|\\.)*)"/;

async function complaintSince({ services }: ReadHost, sinceMs: number): Promise<string | undefined> {
  const lines = await services.logs(UNIT, LOG_LINES);
  const found = lines.find(({ atMs, text }) => atMs >= sinceMs && COMPLAINS.test(text));
  return found && COMPLAINS.exec(found.text)![1]!.replaceAll('\\"', '"');
}

/** What it says of itself that is not as it was told. Of the rest nobody can know more than that it read the file. */
export function untaken(info: Info, live: Settings): readonly string[] {
  const { RegistryConfig: registries } = info;
  const wanted = <T>(name: string): T | undefined => live[name] as T | undefined;
  const all = (name: string, has: (one: string) => boolean): boolean =>
    (wanted<readonly string[]>(name) ?? []).every((one) => has(one));
  const exactly = (name: string, is: readonly string[] | null): boolean =>
    !Object.hasOwn(live, name) || isSame(bareIn(is ?? []), bareIn(wanted<readonly string[]>(name)!));
  const same = (name: string, is: unknown): boolean => !Object.hasOwn(live, name) || wanted(name) === is;
  const isSecure = (registry: string): boolean =>
    !(registries.InsecureRegistryCIDRs ?? []).includes(registry) &&
    registries.IndexConfigs?.[registry]?.Secure !== false;
  const taken: Readonly<Record<string, boolean>> = {
    debug: same("debug", info.Debug),
    "live-restore": same("live-restore", info.LiveRestoreEnabled),
    "default-runtime": same("default-runtime", info.DefaultRuntime),
    labels: exactly("labels", info.Labels),
    "registry-mirrors": exactly("registry-mirrors", registries.Mirrors),
    "insecure-registries": all("insecure-registries", (registry) => !isSecure(registry)),
  };
  return Object.keys(taken).filter((name) => taken[name] !== true);
}

/** It adds a slash to the address of a mirror. */
const bareIn = (texts: readonly string[]): readonly string[] =>
  texts.map((text) => text.replace(/\/+$/, "")).toSorted();

const digestOf = (live: Settings): string => createHash("sha256").update(fileText(live)).digest("hex");

/** Written when it has taken them up: a run that ended between the two leaves them different. */
export const isTaken = async (files: ReadFiles, live: Settings): Promise<boolean> =>
  (await readIfThere(files, TAKEN))?.trim() === digestOf(live);

export const noteTaken = (files: Files, live: Settings): Promise<void> =>
  writeBelow(files, TAKEN, `${digestOf(live)}\n`);
