import { messageOf } from "../../files.ts";
import { defineBeacon } from "../beacon.ts";

const LOOK_MS = 10_000;
/** What is raised at 90 is over below 88: a value on the edge must not come and go. */
const SLACK = 2;

export const disk = defineBeacon({
  kind: "beacon.disk",
  start({ path, usedPercent, inodesPercent }, eyes, { every, space }) {
    let full = false;
    return every(
      LOOK_MS,
      async () => {
        const now = await space(path);
        const slack = full ? SLACK : 0;
        full = now.usedPercent >= usedPercent - slack || now.inodesPercent >= inodesPercent - slack;
        eyes.blind(undefined);
        eyes.is(full, { path, ...now });
      },
      (thrown) => eyes.blind(messageOf(thrown)),
    );
  },
});
