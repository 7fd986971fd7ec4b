/** What an image is built from, where nobody says otherwise: this home, this program, this machine's Debian. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { BomaError, type ImageArch, parseToken } from "@boma/protocol";

import { readReleaseKey, releaseKeyFile } from "../bundles/release-key.ts";
import type { Home } from "../home.ts";
import { readKeyring } from "../keyring.ts";
import { VERSION } from "../version.ts";
import type { ImageOptions } from "./build-image.ts";
import type { ShelfTrust } from "./image-shelf.ts";

interface Given {
  readonly arch: ImageArch;
  readonly name?: string | undefined;
  readonly install?: true | undefined;
  readonly profile?: string | undefined;
  readonly kernel?: string | undefined;
  readonly agent?: string | undefined;
  readonly join?: string | undefined;
  readonly sources?: string | undefined;
  readonly key?: string | undefined;
  readonly dir?: string | undefined;
  readonly cache?: string | undefined;
}

type Inputs = Omit<ImageOptions, "packages" | "level" | "onStep">;

const SOURCES = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"] as const;

export const imagesDir = (home: Home): string => join(home.dir, "images");

/** Whom this home believes about images. */
export function imageTrust(home: Home): ShelfTrust {
  const { root, release } = readKeyring(home);
  if (release) return { root, release };
  throw new BomaError("image/refused", "no release key is pinned, so no image can be believed", {
    hint: "Pin one: `boma-master bundle key`, then `boma-master bundle pin`.",
  });
}

export function imageInputs(home: Home, given: Given): Inputs {
  const { arch, install = false } = given;
  const sources = given.sources ?? SOURCES.find((path) => existsSync(path));
  if (sources === undefined)
    throw new BomaError("usage/argument", "this machine has no sources of apt's", {
      hint: "Name a file with --sources FILE.",
    });
  return {
    arch,
    name: given.name ?? `${install ? "install" : "live"}-${arch}`,
    install,
    kernel: given.kernel ?? `linux-image-${arch}`,
    dir: resolve(given.dir ?? imagesDir(home)),
    cache: resolve(given.cache ?? join(home.dir, "image-cache")),
    sources: resolve(sources),
    agent: agentPackage(home, given),
    live: { join: readJoin(given.join ?? home.join), profile: profileOf(given) },
    release: readReleaseKey(given.key ?? releaseKeyFile(home)),
  };
}

function profileOf({ profile }: Given): string | undefined {
  if (profile === undefined || /^[a-z0-9][a-z0-9._-]{0,62}$/.test(profile)) return profile;
  throw new BomaError("usage/argument", `--profile ${JSON.stringify(profile)} is no name of a profile`);
}

function readJoin(path: string): string {
  if (!existsSync(path))
    throw new BomaError("usage/file", `there is no ${path}, which says who the master is`, {
      hint: "It is written when the master serves for the first time; or name one with --join FILE.",
    });
  const text = readFileSync(path, "utf8").trim();
  const { kit, token } = parseToken(text);
  if (!kit) throw new BomaError("usage/file", `${path} does not say who the master is`);
  // An image goes to many machines; a token in it would be everybody's.
  if (token) throw new BomaError("usage/file", `${path} holds a token, which has no place in an image`);
  return text;
}

/** Where the agent's packages lie: for images, and for machines that boot somebody else's. */
const packagesDir = (home: Home): string => join(home.dir, "packages");

function agentPackage(home: Home, { agent, arch }: Given): string {
  if (agent !== undefined) return resolve(agent);
  const name = `boma-agent_${VERSION}_${arch}.deb`;
  const places = [packagesDir(home), ...builtHere()];
  const found = places.map((dir) => join(dir, name)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new BomaError("usage/file", `there is no ${name} in ${places.join(", ")}`, {
    hint: "It is part of a release (in a checkout `npm run build` makes it): name it with --agent FILE, or put it there.",
  });
}

/** In a checkout it lies in dist. */
function builtHere(): readonly string[] {
  const places: string[] = [];
  let dir = dirname(fileURLToPath(import.meta.url));
  for (; dir !== "/"; dir = dirname(dir)) if (existsSync(join(dir, "dist"))) places.push(join(dir, "dist"));
  return places;
}
