import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.time",
  summary: "A clock that is off, or that nothing keeps, is told as an event.",
  key: "of",
  params: BEACONS["beacon.time"],
  examples: [
    {
      title: "half a second off",
      key: "node",
      params: { offset: "500ms" },
    },
  ],
});
