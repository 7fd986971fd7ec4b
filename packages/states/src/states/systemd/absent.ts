import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { emptySystemd, UnitFileName, uninstall, UNITS_DIR } from "./unit-file.ts";

const pathOf = (name: string): string => `${UNITS_DIR}/${name}`;

export default defineState({
  name: "systemd.absent",
  summary: "No unit file of the machine's own by this name; what ran of it is stopped first.",
  key: "name",
  params: z.strictObject({ name: UnitFileName.describe("The unit with its kind: `web.service`.") }),
  claims: ({ name }) => [`file:${pathOf(name)}`, `unit:${name}`],

  async check({ name }, { files }) {
    return diff({ present: (await files.stat(pathOf(name))) !== undefined }, { present: false });
  },

  async apply(_, { name }, host) {
    const { files, services } = host;
    // A mask or an alias is a link, and nothing that could be stopped by this name.
    if ((await files.stat(pathOf(name)))?.type === "file" && !name.includes("@.")) {
      await services.stop(name);
      await services.disable(name);
    }
    await uninstall(host, pathOf(name), name);
  },

  examples: [
    {
      title: "an old service",
      key: "old.service",
      given: {
        ...emptySystemd,
        files: { ...emptySystemd.files, [pathOf("old.service")]: "[Service]\nExecStart=/bin/old\n" },
        services: { old: { active: true, enabled: true } },
      },
    },
    { title: "not there", key: "old.timer", given: emptySystemd },
  ],
});
