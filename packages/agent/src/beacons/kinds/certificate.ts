import { X509Certificate } from "node:crypto";

import { escapeLine } from "@boma/protocol";

import { messageOf } from "../../files.ts";
import { defineBeacon } from "../beacon.ts";

/** A change of the file is seen at once; only the days that pass have to be looked at. */
const LOOK_MS = 3_600_000;
const DAY_MS = 86_400_000;
const SUBJECT_LENGTH_MAX = 300;

export const certificate = defineBeacon({
  kind: "beacon.certificate",
  start({ path, days }, eyes, { every, read, wall, watch }) {
    const see = async (): Promise<void> => {
      const text = await read(path);
      if (text === undefined) return eyes.blind(`${path} is not there`);
      const held = new X509Certificate(text);
      eyes.blind(undefined);
      const expiresAt = Date.parse(held.validTo);
      const daysLeft = Math.floor(((expiresAt - wall()) / DAY_MS) * 10) / 10;
      const subject = escapeLine(held.subject.replaceAll("\n", ", ")).slice(0, SUBJECT_LENGTH_MAX);
      eyes.is(daysLeft < days, { path, subject, expiresAt, daysLeft });
    };
    const failed = (thrown: unknown): void => eyes.blind(`${path}: ${messageOf(thrown)}`);
    const stop = every(LOOK_MS, see, failed);
    const watched = watch([path], () => void see().catch(failed));
    return () => {
      stop();
      watched.stop();
    };
  },
});
