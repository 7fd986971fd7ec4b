/** What an open job tells those who watch it, and what its nodes say on their way. */
import type { ProgressStep } from "@boma/protocol";

import type { Course, Ending } from "./course.ts";

export type JobNews =
  | { readonly type: "status"; readonly course: Readonly<Course>; readonly before: Course["status"] }
  | { readonly type: "ending"; readonly course: Readonly<Course>; readonly ending: Ending }
  | ({ readonly type: "lines"; readonly course: Readonly<Course> } & Printed)
  | {
      readonly type: "steps";
      readonly course: Readonly<Course>;
      readonly steps: readonly ProgressStep[];
    }
  | { readonly type: "closed" };

export interface Line {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** Lines as they were sent together. */
export interface Printed {
  /** By which they are known again; events of earlier releases do not have it. */
  readonly part?: number | undefined;
  readonly lines: readonly Line[];
  readonly dropped: number;
}

/** What a node said on its way. */
export interface Progress extends Printed {
  readonly accepted: boolean;
  readonly steps: readonly ProgressStep[];
}
