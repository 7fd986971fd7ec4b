/** Paths into an event, as conditions and texts write them: a misspelt one is found when the site is read. */
import { BomaError, closest, EVENT_KINDS, EVENTS, type EventKind, kindPattern } from "@boma/protocol";
import { z } from "zod";

const HEADS = ["id", "node", "kind", "at", "saidAt", "job", "operator", "sequence", "uid", "causes", "data"];

/** The kinds that patterns mean; one that means none is a slip of the pen. */
export function kindsOf(patterns: readonly string[]): EventKind[] {
  const found = patterns.map((pattern) => {
    const kinds = EVENT_KINDS.filter(kindPattern(pattern));
    if (kinds.length === 0) throw unknown(`no kind of event is called ${pattern}`, pattern, EVENT_KINDS);
    return kinds;
  });
  return [...new Set(found.flat())];
}

export function assertPath(path: string, kinds: readonly EventKind[], own: readonly string[] = []): void {
  const [head = "", member] = path.split(".");
  if (own.includes(path)) return;
  if (!HEADS.includes(head)) throw unknown(`an event has no ${head}`, head, [...HEADS, ...own]);
  if (head !== "data" || member === undefined) return;
  const members = new Set<string>();
  for (const kind of kinds) {
    const { data } = EVENTS[kind];
    // What has no fixed members may have any.
    if (!(data instanceof z.ZodObject)) return;
    for (const name of Object.keys(data.shape)) members.add(name);
  }
  if (!members.has(member)) throw unknown(`none of these events has ${path}`, member, members);
}

function unknown(message: string, name: string, names: Iterable<string>): BomaError {
  const meant = closest(name, names);
  return new BomaError("site/notifications", message, {
    hint: meant === undefined ? "docs/events.md lists the kinds of events." : `Did you mean ${meant}?`,
  });
}
