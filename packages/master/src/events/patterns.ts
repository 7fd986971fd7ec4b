/** Which kinds of events somebody asks for. A slip of the pen is said before anything is waited for. */
import { BomaError, closest, EVENT_KINDS, kindPattern } from "@boma/protocol";

export function assertPatterns(patterns: readonly string[]): void {
  for (const pattern of patterns) {
    if (EVENT_KINDS.some(kindPattern(pattern))) continue;
    const near = closest(pattern, EVENT_KINDS);
    throw new BomaError("usage/argument", `no kind of event fits ${JSON.stringify(pattern)}`, {
      hint: near === undefined ? `Kinds: ${EVENT_KINDS.join(", ")}` : `Did you mean ${near}?`,
    });
  }
}
