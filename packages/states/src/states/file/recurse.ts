import { z } from "zod";

import type { Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Files, ReadFiles } from "../../host/files.ts";
import { compareFile } from "./contents.ts";
import { makeAbove, own, ownersOf, statAs } from "./ownership.ts";
import { aboveOf, Base64, CreateDirs, Group, Inside, MaxDelete, Mode, Owner, Path } from "./parameters.ts";
import { assertFew, assertUnprotected } from "./protected.ts";
import { expandSource, notExpanded } from "./site-source.ts";
import { walk } from "./walk.ts";

const FILES_MAX = 10_000;

const Leaf = z.strictObject({
  path: Inside.describe("Below the directory."),
  contents: z.string().optional(),
  base64: Base64.optional(),
  mode: Mode.optional(),
});
type Leaf = z.output<typeof Leaf>;

const params = z.strictObject({
  path: Path,
  source: Inside.optional().describe("A directory of the site: `files/www`."),
  files: z
    .array(Leaf)
    .max(FILES_MAX)
    .default([])
    .describe(
      "The files, where they do not come from the site: each with `path` and `contents` or `base64`.",
    ),
  owner: Owner.optional(),
  group: Group.optional(),
  fileMode: Mode.default("0644").describe(
    "Of every file; one that is executable in the site may be executed here too.",
  ),
  directoryMode: Mode.default("0755").describe("Of the directory, and of those in it that hold its files."),
  createDirs: CreateDirs,
  exclusive: z.boolean().default(false).describe("Remove the files in it that the site does not have."),
  maxDelete: MaxDelete,
});
type Want = z.output<typeof params>;

export default defineState({
  name: "file.recurse",
  summary: "A directory with the files of a directory of the site.",
  key: "path",
  params,
  secretive: ["files"],
  confinable: true,
  together: true,
  expand({ source, ...rest }, site) {
    if (source === undefined) return rest;
    const files = site.list(source).map(({ path, executable }) => ({
      path,
      ...expandSource(`${source}/${path}`, site),
      ...(executable && { mode: executableOf(rest.fileMode) }),
    }));
    return { ...rest, files };
  },
  claims: ({ path, files }) => [`file:${path}`, ...files.map((leaf) => `file:${path}/${leaf.path}`)],
  after: ({ path, owner, group }) => [...aboveOf(path), ...ownersOf({ owner, group })],

  async check(want, { files }) {
    const { path, source, exclusive, maxDelete } = want;
    if (source !== undefined) throw notExpanded(path, source);
    if (exclusive) assertUnprotected(path);
    const changes: Record<string, { from: unknown; to: unknown }> = {};
    for (const inside of directoriesOf(want)) {
      const now = await statAs(files, at(path, inside), "directory");
      if (!now) changes[`${inside}/`] = { from: undefined, to: "directory" };
      else if (now.mode !== want.directoryMode)
        changes[`${inside}/ mode`] = { from: now.mode, to: want.directoryMode };
    }
    for (const leaf of want.files) {
      const differs = await compareLeaf(files, want, leaf);
      for (const [name, change] of Object.entries(differs)) changes[`${leaf.path} ${name}`] = change;
    }
    const foreign = exclusive ? await foreignIn(files, want) : [];
    assertFew(path, foreign, maxDelete);
    for (const name of foreign) changes[`${name} removed`] = { from: false, to: true };
    return changes as Changes<Record<string, unknown>>;
  },

  async apply(changes, want, { files }) {
    if (want.createDirs) await makeAbove(files, want.path);
    for (const inside of directoriesOf(want)) await makeSure(files, want, inside);
    for (const leaf of want.files) {
      const place = at(want.path, leaf.path);
      const differs = await compareLeaf(files, want, leaf);
      const { owner, group } = want;
      if (differs.contents || differs.sha256)
        await files.write(place, contentOf(leaf), { owner, group, mode: modeOf(leaf, want) });
      else await own(files, place, differs);
    }
    for (const name of Object.keys(changes).filter((change) => change.endsWith(" removed")))
      await files.remove(at(want.path, name.slice(0, -" removed".length)));
  },

  examples: [
    {
      title: "the pages of a site",
      key: "/srv/www",
      params: {
        files: [
          { path: "index.html", contents: "<h1>Hello</h1>\n" },
          { path: "img/dot.png", base64: "iVBORw0KGgo=" },
          { path: "cgi/run", contents: "#!/bin/sh\n", mode: "0755" },
        ],
        owner: "web",
        createDirs: true,
      },
      given: { files: { "/srv/www/index.html": "old", "/srv/www/theirs": "stays" } },
    },
    {
      title: "these files and no others",
      key: "/etc/app/conf.d",
      params: { files: [{ path: "a.conf", contents: "a = 1\n" }], exclusive: true },
      given: { files: { "/etc/app/conf.d/b.conf": "b = 1\n", "/etc/app/conf.d/c/d.conf": "" } },
    },
  ],
});

const at = (path: string, inside: string): string => (inside === "." ? path : `${path}/${inside}`);
const contentOf = ({ contents = "", base64 }: Leaf): string | Uint8Array =>
  base64 === undefined ? contents : Buffer.from(base64, "base64");
const modeOf = (leaf: Leaf, { fileMode }: Want): string => leaf.mode ?? fileMode;

/** Whoever may read it may run it. */
function executableOf(mode: string): string {
  const bits = Number.parseInt(mode, 8);
  return (bits | ((bits & 0o444) >> 2)).toString(8).padStart(4, "0");
}

/** The directory itself and those that its files are in, from the top down. */
function directoriesOf({ files }: Want): string[] {
  const all = new Set<string>();
  for (const { path } of files) {
    const parts = path.split("/").slice(0, -1);
    for (let end = 1; end <= parts.length; end++) all.add(parts.slice(0, end).join("/"));
  }
  return [".", ...[...all].sort()];
}

async function compareLeaf(files: ReadFiles, want: Want, leaf: Leaf) {
  const place = at(want.path, leaf.path);
  const now = await statAs(files, place, "file");
  const { contents, base64 } = leaf;
  const { owner, group } = want;
  const content = base64 === undefined ? { contents: contents ?? "" } : { base64 };
  return compareFile(files, place, { ...content, owner, group, mode: modeOf(leaf, want), now });
}

async function makeSure(files: Files, want: Want, inside: string): Promise<void> {
  const place = at(want.path, inside);
  const { owner, group, directoryMode: mode } = want;
  const now = await files.stat(place);
  if (!now) await files.makeDirectory(place, { owner, group, mode });
  else if (now.mode !== mode) await files.chmod(place, mode);
}

/** Files and links that are not ours; directories stay, for an empty one does nothing. */
async function foreignIn(files: ReadFiles, { path, files: ours }: Want): Promise<string[]> {
  if (!(await files.stat(path))) return [];
  const known = new Set(ours.map((leaf) => leaf.path));
  const foreign: string[] = [];
  for await (const found of walk(files, path)) {
    const inside = found.path.slice(path.length + 1);
    if (found.stat.type !== "directory" && !known.has(inside)) foreign.push(inside);
  }
  return foreign.sort();
}
