import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.pressure",
  summary: "Work that waits for a resource (PSI) is told as an event.",
  key: "resource",
  params: BEACONS["beacon.pressure"],
  examples: [
    {
      title: "all work waits for the disks",
      key: "io",
      params: { kind: "full", percent: 30 },
    },
  ],
});
