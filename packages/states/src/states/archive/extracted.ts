import { createHash } from "node:crypto";
import { posix } from "node:path";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { extract } from "../../archive/extract.ts";
import { entriesOf, formatOf } from "../../archive/open.ts";
import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadFiles } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { BytesMax, fetchTo, RedirectHosts, Sha256, Url } from "../download/parameters.ts";
import { clear, makeAbove, ownersOf, statAs } from "../file/ownership.ts";
import { aboveOf, CreateDirs, Group, Owner, Path } from "../file/parameters.ts";
import { isProtected } from "../file/protected.ts";
import { EXAMPLE_TAR, EXAMPLE_TAR_SHA256 } from "./example-archive.ts";
import { unpackXz } from "./xz.ts";

/** Says which archive is there, and how it was put there. */
const MARK = ".boma-archive";

const params = z
  .strictObject({
    path: Path.refine(
      (path) => !isProtected(path),
      "a directory that holds the machine itself cannot be an archive's",
    ),
    url: Url.optional(),
    archive: Path.optional().describe("The archive, where it is a file of the node already."),
    sha256: Sha256,
    strip: z.int().min(0).max(20).default(0).describe("How many leading parts of each path are left out."),
    owner: Owner.optional(),
    group: Group.optional(),
    createDirs: CreateDirs,
    bytesMax: BytesMax.describe("An archive that is larger, packed or unpacked, is refused."),
    redirectHosts: RedirectHosts,
  })
  .refine(
    ({ url, archive }) => (url === undefined) !== (archive === undefined),
    "say either `url` or `archive`",
  );
type Want = z.output<typeof params>;

export default defineState({
  name: "archive.extracted",
  summary: "A directory that holds what is in an archive, and nothing else: tar, gzip, zstd, xz or zip.",
  key: "path",
  params,
  confinable: true,
  claims: ({ path }) => [`file:${path}`],
  after: ({ path, archive, owner, group }) => [
    ...aboveOf(path),
    ...(archive === undefined ? [] : [`file:${archive}`]),
    ...ownersOf({ owner, group }),
  ],

  async check(want, { files }) {
    return diff({ archive: await markIn(files, want.path) }, { archive: markOf(want) });
  },

  async apply(_changes, want, host) {
    const { files } = host;
    const { path, strip, bytesMax, owner, group } = want;
    const [stage, old] = [besides(path, "new"), besides(path, "old")];
    if (want.createDirs) await makeAbove(files, path);
    await clear(files, stage);
    // What a killed run moved out of the way, it had a whole new one for: the old is of no use any more.
    await clear(files, old);
    await files.makeDirectory(stage, { mode: "0700" });
    try {
      const archive = await proven(host, want);
      const inside = `${stage}/content`;
      await files.makeDirectory(inside, { owner, group });
      const format = await formatOf(files, archive);
      const entries =
        format === "xz"
          ? entriesOf(files, await unpackXz(host, { archive, into: stage, bytesMax }), "tar")
          : entriesOf(files, archive, format);
      await extract(files, entries, { into: inside, strip, bytesMax, owner, group });
      await files.write(`${inside}/${MARK}`, `${markOf(want)}\n`, { mode: "0644" });
      if (await files.stat(path)) await files.rename(path, old);
      await files.rename(inside, path);
    } finally {
      await clear(files, stage);
    }
    await clear(files, old);
  },

  examples: [
    {
      title: "a release from a file of the node",
      key: "/opt/app",
      params: { archive: "/srv/app.tar", sha256: EXAMPLE_TAR_SHA256, strip: 1 },
      given: { files: { "/srv/app.tar": { contents: EXAMPLE_TAR }, "/opt": { directory: true } } },
    },
    {
      title: "a new one in the place of the one before",
      key: "/opt/app",
      params: {
        url: "https://example.org/app.tar",
        sha256: EXAMPLE_TAR_SHA256,
        owner: "app",
        createDirs: true,
      },
      given: {
        downloads: { "https://example.org/app.tar": EXAMPLE_TAR },
        files: { "/opt/app/.boma-archive": "sha256:0 strip:0\n", "/opt/app/old": "" },
      },
    },
  ],
});

const markOf = ({ sha256, strip, owner = "", group = "" }: Want): string =>
  `sha256:${sha256} strip:${strip} owner:${owner} group:${group}`;

/** Beside the directory, for only there a rename takes its place; always the same, so that a later run takes it away. */
const besides = (path: string, what: "new" | "old"): string =>
  posix.join(
    posix.dirname(path),
    `.boma-${what}-${createHash("sha256").update(path).digest("hex").slice(0, 12)}`,
  );

/** Throws where something lies there that did not come from an archive: it would be gone. */
async function markIn(files: ReadFiles, path: string): Promise<string | undefined> {
  if (!(await statAs(files, path, "directory"))) return undefined;
  const mark = await statAs(files, `${path}/${MARK}`, "file");
  if (mark) return (await files.readText(`${path}/${MARK}`)).trim();
  if ((await files.list(path)).length === 0) return undefined;
  throw new BomaError(
    "state/refused",
    `${path} holds things that came from no archive, and was not replaced`,
    {
      hint: "Extract into a directory of its own, or move away what is there.",
    },
  );
}

async function proven(host: Host, want: Want): Promise<string> {
  if (want.archive === undefined) return fetchTo(host, { ...want, url: want.url! });
  const is = await host.files.digest(want.archive);
  if (is === want.sha256) return want.archive;
  throw new BomaError("state/checksum", `${want.archive} has the SHA-256 ${is}, not ${want.sha256}`);
}
