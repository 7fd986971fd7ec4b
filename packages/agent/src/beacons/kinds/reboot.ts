import { messageOf } from "../../files.ts";
import { defineBeacon } from "../beacon.ts";

const MARKER = "/run/reboot-required";
const PACKAGES = "/run/reboot-required.pkgs";
const REASONS_MAX = 20;
const REASON_LENGTH_MAX = 200;

export const reboot = defineBeacon({
  kind: "beacon.reboot",
  start(_, eyes, { watch, look, read }) {
    const see = async (): Promise<void> => {
      const asks = (await look(MARKER)) !== undefined;
      const packages = asks ? ((await read(PACKAGES)) ?? "").split("\n").filter((name) => name !== "") : [];
      const reasons = [...new Set(packages)]
        .slice(0, REASONS_MAX)
        .map((name) => `the package ${name} asks for it`.slice(0, REASON_LENGTH_MAX));
      eyes.is(asks, { reasons });
    };
    const seen = (): void => void see().catch((thrown: unknown) => eyes.blind(messageOf(thrown)));
    const watched = watch([MARKER], seen);
    if (watched.unwatched.length > 0) eyes.blind(`${MARKER} cannot be watched`);
    seen();
    return () => watched.stop();
  },
});
