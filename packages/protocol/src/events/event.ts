/** One kind of event: what it means, who may say it, and what it tells. */
import type { z } from "zod";

export interface EventSpec<D extends z.ZodType> {
  readonly summary: string;
  /** A node says it of itself, and of itself only; everything else the masters alone say. */
  readonly by: "master" | "node";
  readonly data: D;
}

export const byMaster = <D extends z.ZodType>(summary: string, data: D): EventSpec<D> & { by: "master" } => ({
  summary,
  by: "master",
  data,
});

export const byNode = <D extends z.ZodType>(summary: string, data: D): EventSpec<D> & { by: "node" } => ({
  summary,
  by: "node",
  data,
});
