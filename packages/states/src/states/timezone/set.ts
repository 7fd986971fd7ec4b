import { posix } from "node:path";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadFiles } from "../../host/files.ts";
import { readIfThere } from "../owned-file.ts";

const ZONES = "/usr/share/zoneinfo";
const LINK = "/etc/localtime";
const NAME = "/etc/timezone";

export default defineState({
  name: "timezone.set",
  summary: "The time zone of the machine. Programs that run keep the old one until they are restarted.",
  key: "zone",
  params: z.strictObject({
    zone: z
      .string()
      .max(64)
      .regex(/^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+){0,2}$/, "a zone's name: Europe/Berlin")
      .describe("Its name: Europe/Berlin, Etc/UTC."),
  }),
  confinable: true,
  claims: () => ["timezone", `file:${LINK}`, `file:${NAME}`],

  async check({ zone }, { files }) {
    if ((await files.stat(`${ZONES}/${zone}`)) === undefined)
      throw new BomaError("state/unsupported", `there is no ${ZONES}/${zone}`, {
        hint: "Is the name right? The zones are in the package tzdata.",
      });
    const is = { localtime: await zoneNow(files), timezone: (await readIfThere(files, NAME))?.trim() };
    return diff(is, { localtime: zone, timezone: zone });
  },

  async apply({ localtime, timezone }, { zone }, { files }) {
    if (localtime) await files.link(LINK, `${ZONES}/${zone}`);
    if (timezone) await files.write(NAME, `${zone}\n`);
  },

  examples: [
    {
      title: "the time of Berlin",
      key: "Europe/Berlin",
      given: {
        files: {
          "/usr/share/zoneinfo/Europe/Berlin": "TZif",
          "/etc/localtime": { link: "/usr/share/zoneinfo/Etc/UTC" },
          "/etc/timezone": "Etc/UTC\n",
        },
      },
    },
    {
      title: "a zone that was copied, not linked",
      key: "Etc/UTC",
      given: { files: { "/usr/share/zoneinfo/Etc/UTC": "TZif", "/etc/localtime": "TZif" } },
    },
  ],
});

/** By the link; a copy of a zone's file does not say which it is. */
async function zoneNow(files: ReadFiles): Promise<string | undefined> {
  const link = await files.stat(LINK);
  if (link?.type !== "link") return undefined;
  const target = posix.resolve("/etc", await files.readLink(LINK));
  return target.startsWith(`${ZONES}/`) ? target.slice(ZONES.length + 1) : target;
}
