/** An agent takes up what it can without a restart; and it is known that it did. */
import { setTimeout as pause } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import type { Host, ReadHost } from "../../host/host.ts";
import { type HttpAnswer, isAnswered, jsonOf } from "../../host/http.ts";
import type { UnitStatus } from "../../host/services.ts";
import { assertUp } from "../service/unit.ts";
import { ask } from "./api.ts";
import { assertCertificates } from "./certificates.ts";
import { proveInPlace } from "./config-files.ts";
import type { LiveSettings } from "./live-settings.ts";
import { UNIT } from "./parameters.ts";

/** As Nomad 1.10 says it; after some of them it goes on as before, after others it ends itself. */
const FAILED =
  /failed to (?:reload|convert|finalize)|reloading .*config failed|fatal error while reloading|error reloading|parsing TLS|invalid log level/i;
const HEARD = /reloading configuration/i;
/** Anything else is somebody who listens, though perhaps not in this way. */
const SILENT: readonly string[] = ["refused", "timeout"];
const LOG_LINES = 50;
const LOOK_MS = 200;
const TAKEN_WITHIN_MS = 15_000;
const ANSWERS_WITHIN_MS = 30_000;
const SETTLED_MS = 1000;

/** One that does not run reads everything when it starts. */
export async function reload(host: Host, want: LiveSettings): Promise<void> {
  const before = await host.services.status(UNIT);
  if (before.active !== "active") return;
  await assertCertificates(host.files, want.tls);
  await proveInPlace(host);
  await listens(host, want);
  const sinceMs = Date.now();
  await host.services.reload(UNIT);
  await isTaken(host, want, { before, sinceMs });
}

/** One that has just been started would be ended by a signal that it does not wait for yet. */
async function listens({ http }: ReadHost, want: LiveSettings): Promise<void> {
  const endsAt = performance.now() + ANSWERS_WITHIN_MS;
  for (;;) {
    const answer = await ask(http, want, "/v1/status/leader");
    if (isAnswered(answer) || !SILENT.includes(answer.unreachable)) return;
    if (performance.now() >= endsAt)
      throw new BomaError(
        "state/api",
        `the agent does not answer, and was not told to reload: ${answer.why}`,
      );
    await pause(LOOK_MS);
  }
}

interface Told {
  readonly before: UnitStatus;
  readonly sinceMs: number;
}

async function isTaken(host: ReadHost, want: LiveSettings, told: Told): Promise<void> {
  const endsAt = performance.now() + TAKEN_WITHIN_MS;
  for (;;) {
    const hasHeard = await saidSince(host, told);
    const differing = await differingIn(host, want);
    const isOver = performance.now() >= endsAt;
    if (differing === undefined && (hasHeard || isOver)) return;
    if (isOver)
      throw new BomaError("nomad/config", `the agent did not take up its configuration: ${differing}`);
    await pause(LOOK_MS);
  }
}

/** Whether it has said that it reads anew; throws where it is gone, or says that it could not. */
async function saidSince({ services }: ReadHost, { before, sinceMs }: Told): Promise<boolean> {
  await assertUp(services, before, SETTLED_MS);
  const lines = await services.logs(UNIT, LOG_LINES);
  const since = lines.filter(({ atMs }) => atMs >= sinceMs);
  const failed = since.find(({ text }) => FAILED.test(text));
  if (failed)
    throw new BomaError("nomad/config", `the agent did not take up its configuration: ${failed.text}`);
  return since.some(({ text }) => HEARD.test(text));
}

interface Known {
  readonly config: {
    readonly LogLevel?: string;
    readonly TLSConfig?: { readonly CertFile?: string; readonly EnableHTTP?: boolean } | null;
  };
}

/** What it says of itself that is not as it should be; nothing also where it is not for this token to see. */
async function differingIn({ http }: ReadHost, want: LiveSettings): Promise<string | undefined> {
  const answer: HttpAnswer = await ask(http, want, "/v1/agent/self");
  if (!isAnswered(answer) || answer.status !== 200) return undefined;
  const { LogLevel: level, TLSConfig: tls } = jsonOf<Known>(answer).config;
  if (level !== undefined && level.toLowerCase() !== want.logLevel) return `its log level is still ${level}`;
  const certificate = tls?.CertFile ?? "";
  if (tls && certificate !== (want.tls?.certFile ?? ""))
    return `its certificate is still ${certificate === "" ? "none" : certificate}`;
  return undefined;
}
