import { BomaError } from "@boma/protocol";

import { messageOf } from "../../files.ts";
import { defineBeacon } from "../beacon.ts";

const LOOK_MS = 10_000;
/** What is raised at 50 is over below 45. */
const SLACK = 0.9;

export const pressure = defineBeacon({
  kind: "beacon.pressure",
  start({ resource, kind, percent: most, windowSeconds }, eyes, { every, read }) {
    let high = false;
    return every(
      LOOK_MS,
      async () => {
        const text = await read(`/proc/pressure/${resource}`);
        const percent = parsePressure(text, kind, windowSeconds);
        if (percent === undefined)
          throw new BomaError("internal", `this kernel tells no ${kind} pressure of ${resource}`);
        high = percent >= most * (high ? SLACK : 1);
        eyes.blind(undefined);
        eyes.is(high, { resource, kind, percent, windowSeconds });
      },
      (thrown) => eyes.blind(messageOf(thrown)),
    );
  },
});

/** `some avg10=0.00 avg60=1.50 avg300=0.20 total=123` */
export function parsePressure(
  text: string | undefined,
  kind: "some" | "full",
  seconds: number,
): number | undefined {
  const line = text?.split("\n").find((one) => one.startsWith(`${kind} `));
  const value = line?.split(" ").find((word) => word.startsWith(`avg${seconds}=`));
  const percent = value === undefined ? Number.NaN : Number(value.slice(value.indexOf("=") + 1));
  return Number.isFinite(percent) ? Math.min(100, Math.max(0, percent)) : undefined;
}
