import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.reboot",
  summary: "A machine that asks to be rebooted is told as an event.",
  key: "of",
  params: BEACONS["beacon.reboot"],
  examples: [
    {
      title: "once when it asks",
      key: "node",
    },
  ],
});
