import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { inTheWay, makeAbove, wrongType } from "./ownership.ts";
import { aboveOf, CreateDirs, Path } from "./parameters.ts";

export default defineState({
  name: "file.symlink",
  summary: "A symbolic link that points there, whether anything is there or not.",
  key: "path",
  params: z.strictObject({
    path: Path,
    target: z
      .string()
      .min(1)
      .max(4095)
      .regex(/^[^\0]+$/, "a target holds no zero byte")
      .describe(
        "What it points to, exactly as it is to be written: absolute, or relative to the link's directory.",
      ),
    force: z
      .boolean()
      .default(false)
      .describe("A file or an empty directory may be replaced; a directory that holds something never is."),
    createDirs: CreateDirs,
  }),
  confinable: true,
  together: true,
  claims: ({ path }) => [`file:${path}`],
  after: ({ path }) => aboveOf(path),

  async check({ path, target, force }, { files }) {
    const now = await files.stat(path);
    if (now && now.type !== "link") {
      if (!force || now.type === "other") throw wrongType(path, now, "a symbolic link");
      if (now.type === "directory" && (await files.list(path)).length > 0)
        throw new BomaError(
          "state/refused",
          `${path} is a directory that holds something, and was not replaced`,
          {
            hint: "Move away what is in it, or remove it with file.absent.",
          },
        );
    }
    const is = now && (now.type === "link" ? await files.readLink(path) : `(a ${now.type})`);
    return diff({ target: is }, { target });
  },

  blocked: inTheWay,

  async apply(_changes, { path, target, createDirs }, { files }) {
    if (createDirs) await makeAbove(files, path);
    const now = await files.stat(path);
    if (now?.type === "directory") await files.remove(path);
    await files.link(path, target);
  },

  examples: [
    {
      title: "the release that is in use",
      key: "/srv/app/current",
      params: { target: "releases/42" },
      given: { files: { "/srv/app/current": { link: "releases/41" } } },
    },
    {
      title: "in the place of an empty directory",
      key: "/srv/data",
      params: { target: "/mnt/big/data", force: true },
      given: { files: { "/srv/data": { directory: true } } },
    },
    {
      title: "with the directories above it",
      key: "/opt/tool/bin/run",
      params: { target: "../run", createDirs: true },
    },
  ],
});
