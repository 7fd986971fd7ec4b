import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.unit",
  summary: "A change of a unit's file or of its drop-ins is told as an event.",
  key: "unit",
  params: BEACONS["beacon.unit"],
  examples: [
    {
      title: "nobody edits this one unseen",
      key: "sshd.service",
    },
  ],
});
