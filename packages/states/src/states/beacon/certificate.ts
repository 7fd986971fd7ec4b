import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.certificate",
  summary: "A certificate that is about to expire is told as an event.",
  key: "path",
  params: BEACONS["beacon.certificate"],
  examples: [
    {
      title: "two weeks before",
      key: "/etc/ssl/private/web.pem",
      params: { days: 14, repeat: "1d" },
    },
  ],
});
