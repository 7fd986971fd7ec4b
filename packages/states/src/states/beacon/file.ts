import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.file",
  summary: "A file that is made, changed or removed is told as an event.",
  key: "path",
  params: BEACONS["beacon.file"],
  examples: [
    {
      title: "who may become root",
      key: "/etc/sudoers",
      params: { digest: true },
    },
    {
      title: "any drop-in of sudo",
      key: "/etc/sudoers.d",
      params: { glob: "*" },
      given: {
        duties: {
          "beacon.file(/etc/sudoers.d)": {
            kind: "beacon.file",
            params: { path: "/etc/sudoers.d", hold: "3h", gone: 1 },
          },
        },
      },
    },
  ],
});
