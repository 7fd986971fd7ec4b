import { parseDuration } from "@boma/protocol";

import { messageOf } from "../../files.ts";
import { defineBeacon } from "../beacon.ts";

const LOOK_MS = 30_000;
/** systemd-timesyncd says there that it keeps the clock; other keepers say nothing that a file would tell. */
const TIMESYNC = "/run/systemd/timesync";

export const time = defineBeacon({
  kind: "beacon.time",
  start({ offset }, eyes, { every, look, offsetMs }) {
    const most = parseDuration(offset);
    return every(
      LOOK_MS,
      async () => {
        const off = offsetMs();
        if (off === undefined) return eyes.blind("the master's time is not known yet");
        eyes.blind(undefined);
        const synchronised = (await look(TIMESYNC))
          ? (await look(`${TIMESYNC}/synchronized`)) !== undefined
          : undefined;
        eyes.is(Math.abs(off) > most || synchronised === false, {
          offsetMs: Math.round(off),
          ...(synchronised !== undefined && { synchronised }),
        });
      },
      (thrown) => eyes.blind(messageOf(thrown)),
    );
  },
});
