/** What the node was told to do about drift, and for one declaration: its own word, else the node's. */
import { type DriftMode, parseDuration } from "@boma/protocol";
import { type AnySpec, type CatalogEntry, DRIFT_DUTY, DriftSettings } from "@boma/states/core";

import type { DutyBook } from "../duties/duty-book.ts";

export function settingsIn(duties: Pick<DutyBook, "of">): DriftSettings {
  const [duty] = duties.of(DRIFT_DUTY).values();
  const read = DriftSettings.safeParse(duty?.params ?? { name: "node" });
  // What an agent of another release wrote may say something that this one does not know: then what is safe holds.
  return read.success ? read.data : DriftSettings.parse({ name: "node" });
}

export interface Modes {
  readonly mode: DriftMode;
  readonly mayEnforce: boolean;
}

export const HANDS_OFF: Modes = { mode: "hands-off", mayEnforce: false };

/** `now`: by the master's time; where that is not known yet, no period comes to its end. */
export function modesOf(
  { drift }: Pick<CatalogEntry, "drift">,
  { enforcedWhenDeclared }: Pick<AnySpec, "enforcedWhenDeclared">,
  { settings, now }: { readonly settings: Pick<DriftSettings, "mode">; readonly now: number | undefined },
): Modes {
  if (typeof drift === "object" && (now === undefined || now < Date.parse(drift.handsOff))) return HANDS_OFF;
  const said = typeof drift === "string" ? drift : undefined;
  const mode = said ?? settings.mode;
  return { mode, mayEnforce: mode === "enforce" && (said !== undefined || enforcedWhenDeclared !== true) };
}

export const durationsOf = ({ every, splay, within }: DriftSettings) => ({
  everyMs: parseDuration(every),
  splayMs: parseDuration(splay),
  withinMs: parseDuration(within),
});
