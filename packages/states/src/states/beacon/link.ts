import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.link",
  summary: "A network link that goes down or comes up is told as an event.",
  key: "link",
  params: BEACONS["beacon.link"],
  examples: [
    {
      title: "the uplink",
      key: "eth0",
    },
  ],
});
