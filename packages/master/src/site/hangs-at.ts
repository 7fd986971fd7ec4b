/** Where code was when its time was over: the line of the site that was seen last, by the samples of V8. */
import { fileURLToPath } from "node:url";

import { z } from "zod";

import type { Place } from "./site-error.ts";
import type { SitePaths } from "./site-paths.ts";

const Profile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ url: z.string(), lineNumber: z.number(), columnNumber: z.number() }),
      children: z.array(z.number()).optional(),
      positionTicks: z.array(z.object({ line: z.number(), ticks: z.number() })).optional(),
    }),
  ),
  samples: z.array(z.number()).optional(),
});
type Seen = z.output<typeof Profile>["nodes"][number];

/** The last samples: those of the way out are among them. */
const SAMPLES = 2000;

export function hangsAt(profile: string, paths: SitePaths): Place | undefined {
  const { nodes, samples = [] } = Profile.parse(JSON.parse(profile));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const counts = new Map<Seen, number>();
  for (const id of samples.slice(-SAMPLES)) {
    const node = inSite(id);
    if (node) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  const [most] = [...counts].toSorted(([, a], [, b]) => b - a);
  return most && placeOf(most[0]);

  function inSite(id: number | undefined): Seen | undefined {
    for (let at = id; at !== undefined; at = parents.get(at)) {
      const node = byId.get(at);
      if (node && nameOf(node) !== undefined) return node;
    }
    return undefined;
  }
  function nameOf({ callFrame: { url } }: Seen): string | undefined {
    return url.startsWith("file:") ? paths.nameOf(fileURLToPath(url)) : undefined;
  }
  function placeOf(node: Seen): Place {
    const file = nameOf(node)!;
    const [line] = (node.positionTicks ?? []).toSorted((a, b) => b.ticks - a.ticks);
    // Where all time goes into what it calls, the function itself was never seen: its first line is told.
    if (!line || node.callFrame.lineNumber + 1 > line.line)
      return { file, line: node.callFrame.lineNumber + 1 };
    return { file, line: line.line };
  }
}
