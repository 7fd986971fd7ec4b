import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { readIfThere } from "../owned-file.ts";
import { HOSTS, splitAt, withBlock } from "./hosts-file.ts";
import { BlockId } from "./parameters.ts";

export default defineState({
  name: "hosts.absent",
  summary: "No line in /etc/hosts that hosts.entry made under this id.",
  key: "id",
  params: z.strictObject({ id: BlockId }),
  confinable: true,
  claims: ({ id }) => [`hosts:${id}`, `file:${HOSTS}#${id}`],

  async check({ id }, { files }) {
    const { inside } = splitAt((await readIfThere(files, HOSTS)) ?? "", id);
    return diff({ there: inside !== undefined }, { there: false });
  },

  async apply(_changes, { id }, { files }) {
    await files.write(HOSTS, withBlock(await files.readText(HOSTS), id, undefined));
  },

  examples: [
    {
      title: "a line that has done its work",
      key: "old",
      given: {
        files: {
          "/etc/hosts": "127.0.0.1 localhost\n# boma begin old\n10.0.0.9 old\n# boma end old\n",
        },
      },
    },
  ],
});
