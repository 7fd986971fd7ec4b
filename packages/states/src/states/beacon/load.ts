import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.load",
  summary: "More work than the processors can take is told as an event.",
  key: "of",
  params: BEACONS["beacon.load"],
  examples: [
    {
      title: "twice as much, for ten minutes",
      key: "node",
      params: { perCpu: 2, hold: "10m" },
    },
  ],
});
