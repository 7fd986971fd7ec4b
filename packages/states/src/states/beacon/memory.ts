import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.memory",
  summary: "Memory that is used up for longer than it may be is told as an event.",
  key: "of",
  params: BEACONS["beacon.memory"],
  examples: [
    {
      title: "nine tenths for five minutes",
      key: "node",
      params: { usedPercent: 90, hold: "5m" },
    },
  ],
});
