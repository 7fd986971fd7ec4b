/**
 * What a target expression says, as plain data. The parser makes only trees that
 * the printer can write back: `and` and `or` hold two targets or more, patterns
 * are valid, and texts hold no control characters.
 */

/** `either` is a bare key: the assigned grain if there is one of that name, else the claimed one. */
export type Namespace = "either" | "assigned" | "claimed";

export const OPERATORS = [">=", "<=", "==", "!=", ">", "<"] as const;
export type Operator = (typeof OPERATORS)[number];

/**
 * Key and value stay together in `text` as they were written, `env:dev`: where
 * the key ends depends on the data, since a value may hold the delimiter too.
 */
export interface GrainTerm {
  readonly kind: "grain-glob" | "grain-regex";
  readonly namespace: Namespace;
  readonly delimiter: string;
  readonly text: string;
}

export interface PillarTerm {
  readonly kind: "pillar-glob" | "pillar-regex";
  readonly delimiter: string;
  readonly text: string;
}

export interface CompareTerm {
  readonly kind: "compare";
  readonly namespace: Namespace;
  readonly path: string;
  readonly operator: Operator;
  readonly value: string;
}

export type Term =
  | { readonly kind: "id-glob"; readonly pattern: string }
  | { readonly kind: "id-regex"; readonly pattern: string }
  | { readonly kind: "id-list"; readonly ids: readonly string[] }
  | { readonly kind: "subnet"; readonly network: string }
  | { readonly kind: "nodegroup"; readonly name: string }
  | GrainTerm
  | PillarTerm
  | CompareTerm;

export type Target =
  | Term
  | { readonly kind: "not"; readonly target: Target }
  | { readonly kind: "and"; readonly targets: readonly Target[] }
  | { readonly kind: "or"; readonly targets: readonly Target[] };
