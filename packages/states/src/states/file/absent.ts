import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Path } from "./parameters.ts";
import { assertUnprotected } from "./protected.ts";

export default defineState({
  name: "file.absent",
  summary: "Nothing lies at this path.",
  key: "path",
  params: z.strictObject({
    path: Path,
    recursive: z
      .boolean()
      .default(false)
      .describe("Remove a directory with all that is in it; never one in which a file system is mounted."),
  }),
  confinable: true,
  together: true,
  claims: ({ path }) => [`file:${path}`],

  async check({ path, recursive }, { files }) {
    const now = await files.stat(path);
    if (now?.type === "directory") {
      assertUnprotected(path);
      if (!recursive && (await files.list(path)).length > 0)
        throw new BomaError(
          "state/refused",
          `${path} is a directory that holds something, and was not removed`,
          {
            hint: "Say `recursive: true` where all of it may go.",
          },
        );
    }
    return diff({ is: now?.type ?? "nothing" }, { is: "nothing" });
  },

  async apply(_changes, { path, recursive }, { files }) {
    await files.remove(path, { recursive });
  },

  examples: [
    {
      title: "a file that must not be there",
      key: "/etc/nologin",
      given: { files: { "/etc/nologin": "closed\n" } },
    },
    {
      title: "a tree",
      key: "/srv/old",
      params: { recursive: true },
      given: { files: { "/srv/old/a/b": "", "/srv/old/c": { link: "a" } } },
    },
  ],
});
