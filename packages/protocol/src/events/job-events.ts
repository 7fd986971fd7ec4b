import { z } from "zod";

import { byMaster } from "./event.ts";
import { Differences, Line, Name } from "./words.ts";

/** The course of a job, and what it changed. */
export const jobEvents = {
  "job.started": byMaster(
    "A job was given out.",
    z.strictObject({ function: Name, target: z.string(), nodes: z.int(), test: z.boolean() }),
  ),
  "job.accepted": byMaster("A node began a job that takes a while.", z.strictObject({})),
  "job.step": byMaster(
    "Declarations of a catalog that ended on a node, with their results.",
    z.strictObject({
      steps: z.array(
        z.strictObject({
          id: z.string(),
          index: z.int(),
          total: z.int(),
          result: Name.optional(),
          ms: z.number().optional(),
        }),
      ),
    }),
  ),
  "job.line": byMaster(
    "Lines that a running function printed.",
    z.strictObject({
      /** Counts what the node printed of this job, as it was sent. */
      part: z.int().optional(),
      lines: z.array(z.strictObject({ stream: z.enum(["stdout", "stderr"]), text: z.string() })),
      dropped: z.int(),
    }),
  ),
  "job.returned": byMaster(
    "A node ended a job.",
    z.strictObject({
      function: Name,
      status: Name,
      ms: z.number().optional(),
      /** The code of what went wrong. */
      error: Name.optional(),
    }),
  ),
  "job.refused": byMaster(
    "A node refused a job: its policy, its journal, or a state that has moved.",
    z.strictObject({ function: Name, error: Name.optional(), message: Line.optional() }),
  ),
  "job.late": byMaster(
    "A return came after its job was closed; it changes nothing.",
    z.strictObject({ status: Name, ms: z.number() }),
  ),
  "job.cancelled": byMaster("An operator cancelled a job.", z.strictObject({})),
  "job.finished": byMaster(
    "Every node of a job has ended.",
    z.strictObject({
      function: Name,
      nodes: z.int(),
      state: Name,
      /** How many nodes ended how. */
      statuses: z.record(Name, z.int()),
    }),
  ),
  "state.changed": byMaster(
    "What a job changed on a node, declaration by declaration; secrets are masked.",
    z.strictObject({
      changed: z.array(z.strictObject({ resource: z.string(), changes: Differences, comment: z.string() })),
      /** Further ones, which are in the job's return. */
      more: z.int(),
    }),
  ),
};
