import { createHash } from "node:crypto";

import { messageOf } from "../../files.ts";
import { defineBeacon } from "../beacon.ts";
import type { BeaconWorld } from "../world.ts";

const DIGEST_BYTES_MAX = 16 * 1024 * 1024;
const PATH_LENGTH_MAX = 1000;
/** Entries of a directory whose last look is remembered: of any further one it cannot be said whether it is new. */
const KNOWN_MAX = 10_000;

export const file = defineBeacon({
  kind: "beacon.file",
  start({ path, glob, digest }, eyes, world) {
    const known = new Map<string, string | undefined>();
    const fits = globOf(glob ?? "*");
    const see = async (one: string): Promise<void> => {
      const found = await world.look(one);
      const before = known.get(one);
      if (found?.mark === before) return;
      if (known.size < KNOWN_MAX || known.has(one)) known.set(one, found?.mark);
      const what = found ? (before === undefined && known.has(one) ? "made" : "changed") : "removed";
      const sum = digest && found && !found.directory ? await digestOf(one, found.size, world) : undefined;
      eyes.happened(one, {
        path: one.slice(0, PATH_LENGTH_MAX),
        what,
        ...(sum !== undefined && { digest: sum }),
      });
    };
    let turn: Promise<void> = remember(path, glob !== undefined, known, world);
    const changed = (one: string): void => {
      if (glob !== undefined && !fits(one.slice(one.lastIndexOf("/") + 1))) return;
      turn = turn.then(() => see(one)).catch((thrown: unknown) => eyes.blind(messageOf(thrown)));
    };
    const watched = world.watch([glob === undefined ? path : `${path}/`], changed);
    if (watched.unwatched.length > 0) eyes.blind(`${path} cannot be watched`);
    return () => watched.stop();
  },
});

/** How it is before the first change; without it every first change would be `made`. */
async function remember(
  path: string,
  directory: boolean,
  known: Map<string, string | undefined>,
  { list, look }: BeaconWorld,
): Promise<void> {
  const paths = directory ? (await list(path, KNOWN_MAX)).map((name) => `${path}/${name}`) : [path];
  for (const one of paths) known.set(one, (await look(one))?.mark);
}

async function digestOf(path: string, size: number, { stream }: BeaconWorld): Promise<string | undefined> {
  if (size > DIGEST_BYTES_MAX) return undefined;
  const hash = createHash("sha256");
  try {
    for await (const chunk of stream(path)) hash.update(chunk);
  } catch {
    return undefined;
  }
  return hash.digest("hex");
}

/** `*` and `?` of a name. No expression of somebody else's is compiled: it walks, and remembers one star. */
export function globOf(glob: string): (name: string) => boolean {
  return (name) => {
    let [at, star, mark] = [0, -1, 0];
    let place = 0;
    while (place < name.length) {
      if (glob[at] === "*") [star, mark, at] = [at, place, at + 1];
      else if (glob[at] === "?" || glob[at] === name[place]) [at, place] = [at + 1, place + 1];
      else if (star >= 0) [at, mark, place] = [star + 1, mark + 1, mark + 1];
      else return false;
    }
    return /^\**$/.test(glob.slice(at));
  };
}
