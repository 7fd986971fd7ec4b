/**
 * The id of a job that is asked for without an operator: the same one whenever the same words lead to it. Operators may name
 * jobs, so none of them may know that id before the job is there, or it could be taken.
 */
import { createHmac } from "node:crypto";

import { jobIdOf } from "@boma/protocol";

import type { Store } from "../store/store.ts";

export const expectedJob = ({ key }: Pick<Store, "key">, at: number, words: readonly unknown[]): string =>
  jobIdOf(at, createHmac("sha256", key).update(JSON.stringify(words)).digest());
