import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { BUNDLE_API } from "@boma/protocol";
import { describe, expect, test } from "vitest";

import { buildBundle } from "./build-bundle.ts";

const stateFile = (name: string, imports = ""): string => `${imports}
import { type Changes, defineState } from "@boma/states";
import { z } from "zod";

export default defineState({
  name: "${name}",
  summary: "A line of text.",
  key: "path",
  params: z.strictObject({ path: z.string(), text: z.string().default("hello") }),
  async check(): Promise<Changes<object>> {
    return {};
  },
  async apply(): Promise<void> {},
  examples: [],
});
`;

function siteOf(files: Readonly<Record<string, string>>) {
  const path = mkdtempSync(join(tmpdir(), "boma-site-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
const motd = { name: "site.motd", file: "states/motd.ts" };
const other = { name: "site.other", file: "states/other.ts" };
const textOf = ({ bytes }: { bytes: Uint8Array }): string => Buffer.from(bytes).toString();

describe("the bundle of a site", () => {
  test("holds its states in the order of their names, with the digest and size of the file", async () => {
    using site = siteOf({ [motd.file]: stateFile("site.motd"), [other.file]: stateFile("site.other") });
    const built = await buildBundle(site.path, [other, motd]);
    expect(built.manifest).toMatchObject({
      api: BUNDLE_API,
      bytes: built.bytes.length,
      states: ["site.motd", "site.other"],
    });
  });

  test("is the same to the byte wherever the site lies and however its states are listed, and says nothing of the place", async () => {
    const files = {
      [motd.file]: stateFile("site.motd", `import { word } from "../words.ts"; console.log(word);`),
      [other.file]: stateFile("site.other"),
      "words.ts": `export const word: string = "a word";`,
    };
    using here = siteOf(files);
    using there = siteOf(files);
    const [a, b] = [
      await buildBundle(here.path, [motd, other]),
      await buildBundle(there.path, [other, motd]),
    ];
    expect(a.manifest).toEqual(b.manifest);
    expect(textOf(a)).toBe(textOf(b));
    expect(textOf(a)).toContain("a word");
    for (const place of [here.path, tmpdir(), process.cwd(), "file://"])
      expect(textOf(a)).not.toContain(place);
  });

  test("is another one when a file behind a state changes", async () => {
    using site = siteOf({
      [motd.file]: stateFile("site.motd", `import { word } from "./words.ts"; console.log(word);`),
      "states/words.ts": `export const word = "one";`,
    });
    const before = await buildBundle(site.path, [motd]);
    writeFileSync(join(site.path, "states/words.ts"), `export const word = "two";`);
    expect((await buildBundle(site.path, [motd])).manifest.digest).not.toBe(before.manifest.digest);
  });

  test("has one copy of zod, none of boma's states, and waits for nothing at its top", async () => {
    using site = siteOf({ [motd.file]: stateFile("site.motd"), [other.file]: stateFile("site.other") });
    const text = textOf(await buildBundle(site.path, [motd, other]));
    expect(text.match(/\$constructor\(`ZodObject`/g)).toHaveLength(1);
    expect(text.length).toBeLessThan(160_000);
    expect(text).toContain("boma.states");
    expect(text).not.toContain("is not a reference to a secret");
    expect(text).not.toMatch(/^\s*import\b|;import[ {"]/m);
  });

  test("takes types from wherever they come, for they are gone when it runs", async () => {
    using site = siteOf({ [motd.file]: stateFile("site.motd", `import type { Stats } from "node:fs";`) });
    expect((await buildBundle(site.path, [motd])).manifest.states).toEqual(["site.motd"]);
  });

  test.each([
    ["node:fs", "states/motd.ts:2", "through the host"],
    ["fs/promises", "states/motd.ts:2", "through the host"],
    ["lodash", "states/motd.ts:2", "only `@boma/states`, `zod`"],
    ["@boma/protocol", "states/motd.ts:2", "only `@boma/states`, `zod`"],
    ["/etc/passwd", "states/motd.ts:2", "only `@boma/states`, `zod`"],
    ["./nothing.ts", "states/motd.ts:2", "there is no such file"],
    ["../../outside.ts", "states/motd.ts:2", "there is no such file"],
    ["../notes.md", "states/motd.ts:2", "only TypeScript"],
  ])("is refused where a state imports %s, with file and line", async (specifier, place, why) => {
    using site = siteOf({
      [motd.file]: stateFile(
        "site.motd",
        `// A line before.\nimport thing from "${specifier}"; console.log(thing);`,
      ),
      "notes.md": "# notes",
    });
    await expect(buildBundle(site.path, [motd])).rejects.toMatchObject({
      code: "bundle/build",
      message: expect.stringMatching(
        new RegExp(`^${place} imports "${specifier.replaceAll(".", "\\.")}": .*${why}`),
      ) as string,
    });
  });

  test("does not reach out of the site through a link", async () => {
    using outside = siteOf({ "secret.ts": "export default 1;" });
    using site = siteOf({
      [motd.file]: stateFile("site.motd", `import x from "./link.ts"; console.log(x);`),
    });
    symlinkSync(join(outside.path, "secret.ts"), join(site.path, "states/link.ts"));
    await expect(buildBundle(site.path, [motd])).rejects.toMatchObject({
      code: "bundle/build",
      message: expect.stringContaining("it lies outside of the site") as string,
    });
  });

  test("of a file that does not parse is an error that names the file and no place on this machine", async () => {
    using site = siteOf({ [motd.file]: "export default {" });
    const error = await buildBundle(site.path, [motd]).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({
      code: "bundle/build",
      message: expect.stringContaining("states/motd.ts") as string,
    });
    expect((error as Error).message).not.toContain(site.path);
  });

  test("runs none of the site's code while it is built", async () => {
    using site = siteOf({ [motd.file]: stateFile("site.motd", `globalThis.bomaRan = true;`) });
    await buildBundle(site.path, [motd]);
    expect(globalThis).not.toHaveProperty("bomaRan");
  });
});
