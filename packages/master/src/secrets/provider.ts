import type { NodeRecord } from "../registry/node-record.ts";
import type { Reference } from "./reference.ts";

/** For whom a secret is. */
export type ForNode = Pick<NodeRecord, "id" | "key" | "formerKey" | "assurance" | "assigned">;

/** Stands for a node of which nothing is held against it; rules that name nodes refuse it. */
export const ANYBODY: ForNode = { id: "-", key: "-", assurance: "operator", assigned: {} };

/** One kind of place where secrets are. It never puts a value into an error or a log. */
export interface SecretProvider {
  /** Finds what is wrong with the reference itself; reads nothing. */
  check(reference: Reference): void;
  read(reference: Reference, node: ForNode): Promise<string>;
}
