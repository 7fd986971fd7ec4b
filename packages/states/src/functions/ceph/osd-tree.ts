import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { ask, heard } from "../../states/ceph/ask.ts";

const Tree = z.object({
  nodes: z.array(
    z.object({
      id: z.int(),
      name: z.string(),
      type: z.string(),
      children: z.array(z.int()).optional(),
      status: z.string().optional(),
      reweight: z.number().optional(),
      crush_weight: z.number().optional(),
      device_class: z.string().optional(),
    }),
  ),
});
type Tree = z.output<typeof Tree>;

const Row = z.strictObject({
  osd: z.int(),
  below: z.string(),
  status: z.string(),
  class: z.string(),
  weight: z.number(),
  reweight: z.number(),
});

export default defineFunction({
  name: "ceph.osd-tree",
  summary: "Every disk of the Ceph cluster, below what it hangs, and whether it is up.",
  params: z.strictObject({}),
  result: z.array(Row),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: ["boma-master run node-1 ceph.osd-tree"],
  run: async (_, { host }) => rowsOf(heard(await ask(host.commands, "osd tree", Tree))),
});

function rowsOf({ nodes }: Tree): z.output<typeof Row>[] {
  const above = new Map(
    nodes.flatMap(({ name, children = [] }) => children.map((id) => [id, name] as const)),
  );
  const disks = nodes.filter(({ type }) => type === "osd").toSorted((a, b) => a.id - b.id);
  return disks.map(({ id, status = "unknown", device_class = "", crush_weight = 0, reweight = 0 }) => ({
    osd: id,
    below: above.get(id) ?? "",
    status,
    class: device_class,
    weight: crush_weight,
    reweight,
  }));
}
