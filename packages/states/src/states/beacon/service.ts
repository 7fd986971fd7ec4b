import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.service",
  summary: "A service that fails, is restarted or recovers is told as an event.",
  key: "unit",
  params: BEACONS["beacon.service"],
  examples: [
    {
      title: "a service that matters",
      key: "nginx.service",
    },
    {
      title: "only when it stays failed",
      key: "backup.service",
      params: { hold: "1m", restarts: false, repeat: "6h" },
      given: {
        duties: {
          "beacon.service(backup.service)": {
            kind: "beacon.service",
            params: { unit: "backup.service", hold: "3h", gone: 1 },
          },
        },
      },
    },
  ],
});
