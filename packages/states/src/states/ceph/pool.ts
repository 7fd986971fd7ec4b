import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { ask, heard, tell } from "./ask.ts";
import { cluster, json, words } from "./example-cluster.ts";
import { PoolName } from "./parameters.ts";
import { Pools } from "./reports.ts";

const params = z
  .strictObject({
    name: PoolName.describe("Its name."),
    size: z.int().min(1).max(10).default(3).describe("How many copies there are of everything."),
    minSize: z
      .int()
      .min(1)
      .max(10)
      .optional()
      .describe("With how many copies it still takes writes; more than half of `size` where it is not said."),
    pgs: z
      .int()
      .min(1)
      .max(32_768)
      .optional()
      .describe("How many placement groups; where it is not said the cluster decides, and changes it."),
    application: z
      .enum(["cephfs", "rbd", "rgw"])
      .optional()
      .describe("What it is for. `ceph.filesystem` says it of its pools by itself."),
    allowNoRedundancy: z
      .boolean()
      .default(false)
      .describe("Allow one copy: with the first disk that fails everything is lost."),
  })
  .refine(
    ({ size, allowNoRedundancy }) => size > 1 || allowNoRedundancy,
    "one copy is none: say `allowNoRedundancy`",
  )
  .refine(({ size, minSize }) => (minSize ?? 1) <= size, "`minSize` cannot be more than `size`");
type Want = z.output<typeof params>;

interface Properties {
  size: number;
  minSize: number;
  pgs: number;
  autoscale: string;
  application: string;
}

export default defineState({
  name: "ceph.pool",
  summary: "A pool of a Ceph cluster. It is never deleted, and copies are never given up.",
  key: "name",
  params,
  stage: "storage",
  claims: ({ name }) => [`ceph:pool/${name}`],
  warnings: ({ name, size }) => (size === 1 ? [`${name} has one copy: what a disk loses is lost`] : []),

  async check(want, { commands }) {
    const asked = await ask(commands, "osd pool ls detail", Pools);
    // Before there is a cluster there are no pools; whether there is one is for its gate to say.
    const now = "said" in asked ? asked.said.find(({ pool_name }) => pool_name === want.name) : undefined;
    if (now && now.size > want.size) throw fewerCopies(want, now.size);
    const applications = Object.keys(now?.application_metadata ?? {});
    return diff<Properties>(
      now && {
        size: now.size,
        minSize: now.min_size,
        pgs: now.pg_num_target,
        autoscale: now.pg_autoscale_mode,
        application: applications.includes(want.application ?? "")
          ? want.application!
          : applications.join(", "),
      },
      {
        size: want.size,
        minSize: minSizeOf(want),
        pgs: want.pgs!,
        autoscale: want.pgs === undefined ? "on" : "off",
        application: want.application!,
      },
    );
  },

  async apply({ size, minSize, pgs, autoscale, application }, want, { commands }) {
    const { name } = want;
    const pools = heard(await ask(commands, "osd pool ls detail", Pools));
    if (!pools.some(({ pool_name }) => pool_name === name))
      // With its size from the beginning: a run that was killed here leaves none with more copies than are wanted.
      await tell(
        commands,
        ["osd pool create", name, ...(want.pgs ? [want.pgs] : []), "--size", want.size].join(" "),
      );
    const put = (what: string, value: string | number): Promise<string> =>
      tell(commands, `osd pool set ${name} ${what} ${value}`);
    // Else the cluster would change the number while it is set.
    if (autoscale) await put("pg_autoscale_mode", autoscale.to);
    if (pgs) await put("pg_num", pgs.to);
    if (size) await put("size", size.to === 1 ? "1 --yes-i-really-mean-it" : size.to);
    // Another size brings another smallest one along.
    if (size || minSize) await put("min_size", minSizeOf(want));
    if (application) await tell(commands, `osd pool application enable ${name} ${application.to}`);
  },

  examples: [
    {
      title: "a pool with three copies, and placement groups as the cluster sees fit",
      key: "data",
      given: { commands: examplePool() },
    },
  ],
});

const minSizeOf = ({ size, minSize = Math.floor(size / 2) + 1 }: Want): number => minSize;

const fewerCopies = ({ name, size }: Want, now: number): BomaError =>
  new BomaError(
    "state/blocked",
    `the pool ${name} has ${now} copies of everything, and was to have ${size}`,
    {
      hint: `Copies are given up by hand only: \`ceph osd pool set ${name} size ${size}\`.`,
    },
  );

function examplePool() {
  const pools = (...all: object[]) => ({ [words("osd pool ls detail")]: json(all) });
  const made = {
    pool_name: "data",
    size: 3,
    min_size: 2,
    pg_num_target: 32,
    pg_autoscale_mode: "on",
    application_metadata: {},
  };
  return cluster({
    "osd pool ls detail": json([]),
    "osd pool create data --size 3": { teaches: pools({ ...made, min_size: 1 }) },
    "osd pool set data pg_autoscale_mode on": {},
    "osd pool set data size 3": {},
    "osd pool set data min_size 2": { teaches: pools(made) },
  });
}
