import { messageOf } from "../../files.ts";
import { UNIT_MESSAGES } from "../../sources/journal.ts";
import { defineBeacon } from "../beacon.ts";
import { NO_JOURNAL } from "./words.ts";

/** systemd says several things about one change; it is asked once, a moment later. */
const SETTLE_MS = 300;
/** Should the journal have nothing to say, or be gone. */
const LOOK_MS = 300_000;

export const service = defineBeacon({
  kind: "beacon.service",
  start({ unit, restarts: tellRestarts }, eyes, { every, journal, unit: ask }) {
    let settling: NodeJS.Timeout | undefined;
    const see = async (): Promise<void> => {
      const now = await ask(unit);
      if (!now) return eyes.blind(NO_JOURNAL);
      eyes.blind(now.loaded ? journal?.problem : `there is no unit ${unit}`);
      const { state, result, restarts } = now;
      eyes.is(state === "failed", { unit, state, result, restarts });
    };
    const failed = (thrown: unknown): void => eyes.blind(messageOf(thrown));
    const following = journal?.watchUnits([unit], (_, { MESSAGE_ID: id }) => {
      if (tellRestarts && id === UNIT_MESSAGES.restartScheduled)
        eyes.happened("restarted", { unit, state: "restarted" });
      settling ??= setTimeout(() => {
        settling = undefined;
        see().catch(failed);
      }, SETTLE_MS).unref();
    });
    const stop = every(LOOK_MS, see, failed);
    return () => {
      stop();
      following?.stop();
      clearTimeout(settling);
    };
  },
});
