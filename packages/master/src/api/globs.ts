import { compileGlob } from "@boma/protocol";

/** Does a name fit any of these patterns? */
export function globs(patterns: readonly string[]): (name: string) => boolean {
  const compiled = patterns.map((pattern) => compileGlob(pattern));
  return (name) => compiled.some((glob) => glob.matches(name));
}
