/** A state of a site's own, as text: a file with one word. With `CONFIRMED` it is one that must be confirmed. */
export const wordState = (
  name: string,
  more = "",
): string => `import { defineState, diff } from "@boma/states";
import { z } from "zod";
export default defineState({
  name: "${name}",
  summary: "A file with one word.",
  key: "path",
  params: z.strictObject({ path: z.string().describe("Where."), word: z.string().describe("Which.") }),
  confinable: true,
  async check({ path, word }, { files }) {
    const there = await files.stat(path);
    return diff(there && { word: await files.readText(path) }, { word });
  },
  apply: ({ word }, { path }, { files }) => files.write(path, word!.to),
  ${more}
  examples: [{ title: "a word", key: "/word", params: { word: "x" } }],
});
`;
export const CONFIRMED = `confirm: {
    withinMs: 3000,
    async undo({ path }, { files }) {
      const stat = await files.stat(path);
      if (!stat) return { files: [{ path, was: null }], commands: [] };
      const { mode, owner, group } = stat;
      const base64 = Buffer.from(await files.readBytes(path)).toString("base64");
      return { files: [{ path, was: { base64, mode, owner, group } }], commands: [] };
    },
  },`;
