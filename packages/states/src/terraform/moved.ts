/** Why a plan is not for what is there now, if it is not. Terraform asks this itself only where there was a state before. */
import type { Bound } from "./results.ts";

export interface Moved {
  readonly what: "state" | "files" | "inputs" | "version";
  readonly text: string;
}

export function movedFrom(planned: Bound, now: Omit<Bound, "sha256">): Moved | undefined {
  if (planned.version !== now.version)
    return { what: "version", text: `it was made by ${planned.version}, and here is ${now.version}` };
  if (planned.files !== now.files)
    return { what: "files", text: "the files of the workspace are others than when it was made" };
  if (planned.inputs !== now.inputs)
    return {
      what: "inputs",
      text: "the variables or the settings of the workspace are others than when it was made",
    };
  if (planned.serial === now.serial && planned.lineage === now.lineage) return undefined;
  return {
    what: "state",
    text: `the state was ${placeOf(planned)} when it was made, and is ${placeOf(now)}`,
  };
}

/** A state that was begun anew has another lineage, and may have the same serial again. */
const placeOf = ({ serial, lineage }: Pick<Bound, "serial" | "lineage">): string =>
  lineage === null ? "empty" : `at serial ${serial} of ${lineage.slice(0, 8)}`;
