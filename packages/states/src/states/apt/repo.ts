import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadFiles } from "../../host/files.ts";
import { makeDirectories } from "../owned-file.ts";
import { EXAMPLE_FINGERPRINT, EXAMPLE_KEY } from "./example-key.ts";
import { fingerprintsOf, keyringBytes } from "./openpgp-keys.ts";
import { isSameSource, namedIn } from "./sources.ts";

const DIR = "/etc/apt/sources.list.d";
const KEYRINGS = "/etc/apt/keyrings";
const OWNERSHIP = { owner: "root", group: "root", mode: "0644" } as const;

const Word = z.string().regex(/^[^\s#\0]+$/, "one word");
const Fingerprint = z
  .string()
  .transform((text) => text.replaceAll(/[\s:]/g, "").toUpperCase())
  .refine(
    (text) => /^([0-9A-F]{40}|[0-9A-F]{64})$/.test(text),
    "40 or 64 hexadecimal digits: the whole fingerprint",
  );

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,60}$/, "small letters, digits and `-`")
      .describe("Its name, and so its file's: boma-NAME.sources."),
    types: z
      .array(z.enum(["deb", "deb-src"]))
      .min(1)
      .default(["deb"])
      .describe("Packages, sources, or both."),
    uris: z.array(Word).min(1).max(20).describe("Where it is: the addresses of one archive."),
    suites: z
      .array(Word)
      .min(1)
      .max(20)
      .describe("The suites, such as `bookworm`; a path with a slash at its end where there are none."),
    components: z
      .array(Word)
      .max(20)
      .default([])
      .describe("The components, such as `main`; none with a path for a suite."),
    architectures: z
      .array(Word)
      .max(20)
      .default([])
      .describe("Only these; those of the machine where it is not said."),
    key: z
      .string()
      .min(1)
      .describe("The key that signs it: armoured text, or its bytes in base64.")
      .meta({ as: "text" }),
    fingerprints: z
      .array(Fingerprint)
      .min(1)
      .max(20)
      .describe("The fingerprints of all keys in `key`, and of no other."),
    enabled: z.boolean().default(true).describe("`false` keeps the file, and apt does not use it."),
  })
  .refine(
    ({ suites, components }) => suites.every((suite) => suite.endsWith("/") === (components.length === 0)),
    {
      message: "a suite that is a path ends with a slash and has no components; any other has some",
      path: ["components"],
    },
  );
type Want = z.output<typeof params>;

const pathOf = (name: string): string => `${DIR}/boma-${name}.sources`;
const keyringOf = (name: string): string => `${KEYRINGS}/boma-${name}.gpg`;

export default defineState({
  name: "apt.repo",
  summary: "An archive of packages, signed by keys that are pinned here, with its lists fetched.",
  key: "name",
  platforms: ["Debian"],
  params,
  claims: ({ name }) => [`apt-src:${name}`, `file:${pathOf(name)}`, `file:${keyringOf(name)}`],
  timeoutMs: 10 * 60_000,

  async check(want, { files, packages }) {
    const keyring = pinnedKeyring(want);
    if (want.enabled) await assertAlone(files, want);
    const is = {
      keyring: await pinsAt(files, keyringOf(want.name), keyring),
      source: await textAt(files, pathOf(want.name)),
      fetched: await packages.hasListsOf(pathOf(want.name)),
    };
    return diff(is, {
      keyring: want.fingerprints.toSorted().join(" "),
      source: sourceText(want),
      fetched: want.enabled ? true : undefined,
    });
  },

  async apply({ keyring, source, fetched }, want, { files, packages }) {
    await makeDirectories(files, KEYRINGS);
    await makeDirectories(files, DIR);
    // The key first: no source is ever there without what it is checked against.
    if (keyring) await files.write(keyringOf(want.name), pinnedKeyring(want), OWNERSHIP);
    if (source) await files.write(pathOf(want.name), source.to, OWNERSHIP);
    if (want.enabled && (keyring || source || fetched))
      await packages.refresh({ sourceFile: pathOf(want.name) });
  },

  examples: [
    {
      title: "a publisher's archive",
      key: "example",
      params: {
        uris: ["https://apt.example.org/debian"],
        suites: ["bookworm"],
        components: ["main"],
        key: EXAMPLE_KEY,
        fingerprints: [EXAMPLE_FINGERPRINT],
      },
      given: { files: { "/etc/apt/sources.list.d": { directory: true } } },
    },
    {
      title: "kept, and not used",
      key: "example",
      params: {
        uris: ["https://apt.example.org/flat"],
        suites: ["./"],
        key: EXAMPLE_KEY,
        fingerprints: [EXAMPLE_FINGERPRINT],
        enabled: false,
      },
      given: { files: { [pathOf("example")]: "Types: deb\n" } },
    },
  ],
});

/** The keyring's bytes, if the keys in it are those that are pinned: a rotated one is not taken on by itself. */
function pinnedKeyring({ name, key, fingerprints }: Want): Uint8Array {
  const bytes = keyringBytes(key);
  const found = fingerprintsOf(bytes);
  const unknown = found.filter((one) => !fingerprints.includes(one));
  const missing = fingerprints.filter((one) => !found.includes(one));
  if (unknown.length === 0 && missing.length === 0) return bytes;
  const what = [
    ...unknown.map((one) => `unknown fingerprint ${one}`),
    ...missing.map((one) => `no key with the fingerprint ${one}`),
  ];
  throw new BomaError("package/source", `the key of apt.repo(${name}) is not as pinned: ${what.join(", ")}`, {
    hint: "Nothing was changed. Ask the publisher whether the key was rotated before you pin the new one.",
  });
}

/** The fingerprints of the keyring that is there; `other bytes` where they are the same and the rest is not. */
async function pinsAt(files: ReadFiles, path: string, wanted: Uint8Array): Promise<string | undefined> {
  if (!(await files.stat(path))) return undefined;
  const bytes = await files.readBytes(path);
  if (Buffer.compare(bytes, wanted) === 0) return fingerprintsOf(wanted).toSorted().join(" ");
  try {
    return `${fingerprintsOf(bytes).toSorted().join(" ")}, in other bytes`;
  } catch {
    return "not a keyring";
  }
}

async function textAt(files: ReadFiles, path: string): Promise<string | undefined> {
  return (await files.stat(path)) ? files.readText(path) : undefined;
}

function sourceText(want: Want): string {
  const fields: [string, readonly string[]][] = [
    ["Types", want.types],
    ["URIs", want.uris],
    ["Suites", want.suites],
    ["Components", want.components],
    ["Architectures", want.architectures],
    ["Signed-By", [keyringOf(want.name)]],
    ["Enabled", want.enabled ? [] : ["no"]],
  ];
  const rows = fields
    .filter(([, words]) => words.length > 0)
    .map(([name, words]) => `${name}: ${words.join(" ")}\n`);
  return `# Kept by boma: changes made here are undone.\n${rows.join("")}`;
}

const FILES_MAX = 500;

/** What is declared in a second file, too, makes apt warn with every call, or refuse to work at all. */
async function assertAlone(files: ReadFiles, want: Want): Promise<void> {
  const own = pathOf(want.name);
  const wanted = namedIn(own, sourceText(want));
  const names = (await files.stat(DIR)) ? await files.list(DIR) : [];
  const others = names
    .filter((name) => /\.(list|sources)$/.test(name))
    .slice(0, FILES_MAX)
    .map((name) => `${DIR}/${name}`)
    .filter((path) => path !== own);
  for (const path of ["/etc/apt/sources.list", ...others]) {
    const text = await textAt(files, path);
    const double =
      text === undefined
        ? undefined
        : namedIn(path, text).find((one) => wanted.some((mine) => isSameSource(mine, one)));
    if (double)
      throw new BomaError("package/source", `${path} names ${double.uri} ${double.suite} already`, {
        hint: "Take it out there first: apt wants each source once.",
      });
  }
}
