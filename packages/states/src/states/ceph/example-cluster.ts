/** A cluster of memory for examples and tests: what the program says before and after it is told something. */
import type { Given, GivenAnswer } from "../../testing/given.ts";
import { cephArgv } from "./ask.ts";
import type { Member } from "./keyring.ts";

export const FSID = "6e1c2a4e-8c5b-4f0e-9f0a-0c9d2f6b7a11";

/** Of nobody. */
export const EXAMPLE_KEY = "AQAAAAAAAAAAABAAMDEyMzQ1Njc4OWFiY2RlZg==";

export const words = (text: string): string => cephArgv(text).join(" ");

export const json = (value: unknown): GivenAnswer => ({ stdout: JSON.stringify(value) });

/** Commands by what is said to the cluster. */
export const cluster = (said: Readonly<Record<string, GivenAnswer>>): NonNullable<Given["commands"]> =>
  Object.fromEntries(Object.entries(said).map(([text, answer]) => [words(text), answer]));

const authDump = (members: readonly Member[]): GivenAnswer =>
  json({ auth_dump: members.map(({ caps = {}, ...member }) => ({ ...member, caps })) });

/** It knows these, and the others as well once a keyring was imported. */
export const sayAuth = (before: readonly Member[], imported: readonly Member[]): Given => ({
  commands: cluster({
    "auth ls": authDump(before),
    "auth import -i -": { teaches: { [words("auth ls")]: authDump([...before, ...imported]) } },
  }),
});
