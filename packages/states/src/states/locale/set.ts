import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { readIfThere } from "../owned-file.ts";
import { LIST, lists, withLocale } from "./generated.ts";
import { canonical, isBuiltIn, isLocale } from "./name.ts";

const DEFAULT = "/etc/default/locale";

const Locale = z.string().refine(isLocale, "a locale's name: en_US.UTF-8");

interface Want {
  readonly name: string;
  readonly also: readonly string[];
}

export default defineState({
  name: "locale.set",
  summary: "The language of the machine, and the locales that its programs can use.",
  key: "name",
  platforms: ["Debian"],
  params: z.strictObject({
    name: Locale.describe("The default, LANG: en_US.UTF-8."),
    also: z.array(Locale).max(200).default([]).describe("Others that are to be there."),
  }),
  claims: () => ["locale", `file:${LIST}`, `file:${DEFAULT}`],

  async check(want, host) {
    const lacking = await lackingOf(want, host);
    if (lacking.length > 0 && !(await host.files.stat(LIST)))
      throw new BomaError("state/unsupported", `locales cannot be made here: there is no ${LIST}`, {
        hint: "It comes with the package locales.",
      });
    const is = { lacking, language: languageIn((await readIfThere(host.files, DEFAULT)) ?? "") };
    const should = { lacking: [] as string[], language: want.name };
    // The spelling does not matter, and so is not corrected.
    return diff(is, { ...should, language: sameLocale(is.language, want.name) ? undefined : want.name });
  },

  async apply({ lacking, language }, _want, host) {
    if (lacking) await generate(lacking.from ?? [], host);
    if (language) {
      const text = (await readIfThere(host.files, DEFAULT)) ?? "";
      await host.files.write(DEFAULT, withLanguage(text, language.to));
    }
  },

  examples: [
    {
      title: "American English, and German for those who want it",
      key: "en_US.UTF-8",
      params: { also: ["de_DE.UTF-8", "C.UTF-8"] },
      given: {
        files: {
          "/etc/locale.gen": "# de_DE.UTF-8 UTF-8\n# en_US.UTF-8 UTF-8\n",
          "/etc/default/locale": "LANG=C.UTF-8\nLC_TIME=C\n",
        },
      },
    },
    {
      title: "no language at all, which needs nothing made",
      key: "C.UTF-8",
      given: { files: { "/etc/default": { directory: true } } },
    },
  ],
});

async function lackingOf({ name, also }: Want, { machine, files }: ReadHost): Promise<string[]> {
  const there = new Set((await machine.locales()).map(canonical));
  const list = (await readIfThere(files, LIST)) ?? "";
  // One that was made and is not listed is lost when the list is next made.
  const isThere = (locale: string): boolean =>
    isBuiltIn(locale) || (there.has(canonical(locale)) && lists(list, locale));
  return [...new Set([name, ...also])].filter((locale) => !isThere(locale));
}

async function generate(lacking: readonly string[], { files, machine }: Host): Promise<void> {
  const list = await files.readText(LIST);
  const wanted = lacking.reduce(withLocale, list);
  if (wanted !== list) await files.write(LIST, wanted);
  await machine.generateLocales();
}

const sameLocale = (a: string | undefined, b: string): boolean =>
  a !== undefined && canonical(a) === canonical(b);

const LANG = /^\s*LANG\s*=\s*"?([^"\s]*)"?\s*$/;

function languageIn(text: string): string | undefined {
  const found = text.split("\n").findLast((line) => LANG.test(line));
  return found === undefined ? undefined : LANG.exec(found)?.[1];
}

/** Other lines, such as LC_TIME, stay. */
function withLanguage(text: string, name: string): string {
  const others = text.split("\n").filter((line) => line !== "" && !LANG.test(line));
  return [`LANG=${name}`, ...others, ""].join("\n");
}
