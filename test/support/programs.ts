/**
 * The programs as they are shipped: tests that start one start what `npm run build` makes of the sources, which is
 * also twice as quick to start.
 */
import { join } from "node:path";

/** Where the built programs lie. */
export const PROGRAMS = "BOMA_TEST_PROGRAMS";

/** The file to start with Node. */
export const program = (name: "agent" | "master"): string => built(`boma-${name}.mjs`);

/** `test/hosts/converge.ts`, which the machines of a test run by the hundred. */
export const convergeScript = (): string => built("converge/converge.mjs");

function built(file: string): string {
  const dir = process.env[PROGRAMS];
  if (dir) return join(dir, file);
  throw new Error("the programs are built when a run begins: start it with the command of the tier");
}
