import { BEACONS } from "../../beacons/params.ts";
import { defineBeacon } from "./define-beacon.ts";

export default defineBeacon({
  name: "beacon.login",
  summary: "Logins that fail again and again are told as an event.",
  key: "user",
  params: BEACONS["beacon.login"],
  examples: [
    {
      title: "guessing at any name",
      key: "*",
      params: { count: 10, within: "5m" },
    },
    {
      title: "root, at once",
      key: "root",
      params: { count: 1 },
    },
  ],
});
