import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.disk",
  summary: "A file system that is fuller than it may be is told as an event.",
  key: "path",
  params: BEACONS["beacon.disk"],
  examples: [
    {
      title: "the root file system",
      key: "/",
    },
    {
      title: "logs, earlier, and again each hour",
      key: "/var/log",
      params: { usedPercent: 75, hold: "5m", repeat: "1h" },
      given: {
        duties: {
          "beacon.disk(/var/log)": { kind: "beacon.disk", params: { path: "/var/log", hold: "3h", gone: 1 } },
        },
      },
    },
  ],
});
