import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadFiles } from "../../host/files.ts";
import { readIfThere } from "../owned-file.ts";
import {
  type Draft,
  emptySystemd,
  hasOneForm,
  install,
  lookAt,
  textOf,
  UnitFileName,
  UNITS_DIR,
  whole,
} from "./unit-file.ts";

const PART = /^(.+)\.d\/([A-Za-z0-9][A-Za-z0-9_.-]*\.conf)$/;
const pathOf = (part: string): string => `${UNITS_DIR}/${part}`;
const unitOf = (part: string): string => PART.exec(part)![1]!;

export default defineState({
  name: "systemd.dropin",
  summary: "A part of a unit that adds to what a package brings, or changes it.",
  key: "part",
  params: z
    .strictObject({
      part: z
        .string()
        .regex(PART, "a unit and a file such as `nginx.service.d/50-limits.conf`")
        .refine(
          (part) => UnitFileName.safeParse(PART.exec(part)?.[1]).success,
          "the unit is named with its kind: `nginx.service.d/…`",
        )
        .describe("The unit's directory and the file in it; files later in the alphabet win."),
      ...whole,
    })
    .refine(hasOneForm, "either `contents` or `sections`"),
  claims: ({ part }) => [`file:${pathOf(part)}`, `dropins:${unitOf(part)}#${part}`],

  async check(want, host) {
    const is = await lookAt(host, pathOf(want.part), unitOf(want.part));
    return diff(is, { contents: textOf(want), loaded: true });
  },

  async apply({ contents }, want, host) {
    if (contents) {
      const draft = want.verify ? await draftOf(host.files, want.part, contents.to) : undefined;
      await install(host, pathOf(want.part), contents.to, draft);
    }
    await host.services.daemonReload();
  },

  examples: [
    {
      title: "another command, with the old one cleared",
      key: "nginx.service.d/50-debug.conf",
      params: { sections: { Service: { ExecStart: ["", "/usr/sbin/nginx-debug"], LimitNOFILE: 65536 } } },
      given: {
        ...emptySystemd,
        files: {
          ...emptySystemd.files,
          "/lib/systemd/system/nginx.service": "[Service]\nExecStart=/usr/sbin/nginx\n",
        },
        services: { nginx: { active: true } },
      },
    },
  ],
});

const UNIT_DIRS = [
  UNITS_DIR,
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** The unit with this part, as systemd would put them together; nothing where the unit is not there yet. */
async function draftOf(files: ReadFiles, part: string, text: string): Promise<Draft | undefined> {
  const unit = unitOf(part);
  for (const dir of UNIT_DIRS) {
    const own = await readIfThere(files, `${dir}/${unit}`);
    if (own === undefined) continue;
    return [
      [unit, own],
      [part, text],
    ];
  }
  return undefined;
}
