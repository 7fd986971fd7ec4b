import { messageOf } from "../../files.ts";
import { defineBeacon } from "../beacon.ts";

/** The kernel tells changes of links by netlink only, which Node cannot hear: one small file is read instead. */
const LOOK_MS = 5_000;
/** Links without a notion of up and down, such as `lo`, say `unknown`. */
const UP = new Set(["up", "unknown"]);

export const link = defineBeacon({
  kind: "beacon.link",
  start({ link: name }, eyes, { every, read }) {
    return every(
      LOOK_MS,
      async () => {
        const state = (await read(`/sys/class/net/${name}/operstate`))?.trim() || "missing";
        eyes.is(!UP.has(state), { link: name, state: state.slice(0, 255) });
      },
      (thrown) => eyes.blind(messageOf(thrown)),
    );
  },
});
