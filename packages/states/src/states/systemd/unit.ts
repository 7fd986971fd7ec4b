import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import {
  emptySystemd,
  hasOneForm,
  install,
  lookAt,
  textOf,
  UnitFileName,
  UNITS_DIR,
  whole,
} from "./unit-file.ts";

const pathOf = (name: string): string => `${UNITS_DIR}/${name}`;

export default defineState({
  name: "systemd.unit",
  summary: "A unit file of the machine's own, which systemd has checked and read.",
  key: "name",
  params: z
    .strictObject({
      name: UnitFileName.describe("The unit with its kind: `web.service`."),
      ...whole,
    })
    .refine(hasOneForm, "either `contents` or `sections`"),
  claims: ({ name }) => [`file:${pathOf(name)}`],

  async check(want, host) {
    const is = await lookAt(host, pathOf(want.name), want.name);
    return diff(is, { contents: textOf(want), loaded: true });
  },

  async apply({ contents }, want, host) {
    const path = pathOf(want.name);
    if (contents) {
      const draft = want.verify ? ([[want.name, contents.to]] as const) : undefined;
      await install(host, path, contents.to, draft);
    }
    await host.services.daemonReload();
  },

  examples: [
    {
      title: "a service by its sections",
      key: "web.service",
      params: {
        sections: {
          Unit: { Description: "The web", After: "network-online.target", Wants: "network-online.target" },
          Service: { ExecStart: "/usr/bin/web --port 80", Restart: "on-failure", DynamicUser: true },
          Install: { WantedBy: "multi-user.target" },
        },
      },
      given: emptySystemd,
    },
    {
      title: "as text, over what was there",
      key: "web.service",
      params: { contents: "[Service]\nExecStart=/usr/bin/web\n" },
      given: {
        ...emptySystemd,
        files: { ...emptySystemd.files, [pathOf("web.service")]: "[Service]\nExecStart=/bin/false\n" },
        services: { web: { active: true } },
      },
    },
  ],
});
