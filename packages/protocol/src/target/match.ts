import { BomaError } from "../errors.ts";
import { ASSIGNED_ONLY, type Grains, type GrainValue } from "../grains.ts";
import { NESTING_DEPTH_MAX } from "../limits.ts";
import { contains, parseAddress, parseNetwork } from "./address.ts";
import type { CompareTerm, GrainTerm, Namespace, Operator, PillarTerm, Target, Term } from "./expression.ts";
import { compileGlob } from "./glob.ts";
import { nearest } from "./nearest.ts";
import { parseQuantity } from "./quantity.ts";
import { compileRegex } from "./regex.ts";
import { splitsOf } from "./splits.ts";
import { fitsPattern, numberOf, scalarsOf, textsIn, valuesAt } from "./values.ts";

/** What targeting knows of a node. What is undefined is not known; what is known and lacks a key, lacks it. */
export interface TargetNode {
  readonly id: string;
  /** What the agent claims; undefined until it was received once. */
  readonly grains?: Grains | undefined;
  /** What the master assigned. A master always knows it; an inventory may leave it out. */
  readonly assigned?: Grains | undefined;
  readonly pillar?: Grains | undefined;
}

/** `unknown` says that data is missing which could make it a match. */
export type Verdict = "yes" | "no" | "unknown";
export type Matcher = (node: TargetNode) => Verdict;

export type Nodegroups = ReadonlyMap<string, Target>;
export interface World {
  readonly nodegroups?: Nodegroups | undefined;
}

/** Turns a target into a function, with its patterns and nodegroups compiled once for all nodes. */
export function compileTarget(target: Target, world: World = {}): Matcher {
  return compile(target, { groups: world.nodegroups ?? new Map(), compiled: new Map(), chain: [] });
}

const remembered = new WeakMap<
  Target,
  { readonly groups: Nodegroups | undefined; readonly matcher: Matcher }
>();

/** Whether one node matches. The compiled target is kept for the next node. */
export function matchTarget(target: Target, node: TargetNode, world: World = {}): Verdict {
  const known = remembered.get(target);
  if (known !== undefined && known.groups === world.nodegroups) return known.matcher(node);
  const matcher = compileTarget(target, world);
  remembered.set(target, { groups: world.nodegroups, matcher });
  return matcher(node);
}

interface Compiling {
  readonly groups: Nodegroups;
  readonly compiled: Map<string, Matcher>;
  /** The nodegroups that led here, outermost first. */
  readonly chain: readonly string[];
}

function compile(target: Target, compiling: Compiling): Matcher {
  if (target.kind === "and") return combined(target.targets, compiling, "no");
  if (target.kind === "or") return combined(target.targets, compiling, "yes");
  if (target.kind === "nodegroup") return compileNodegroup(target.name, compiling);
  if (target.kind !== "not") return compileTerm(target);
  const matcher = compile(target.target, compiling);
  return (node) => opposite(matcher(node));
}

function opposite(verdict: Verdict): Verdict {
  if (verdict === "unknown") return "unknown";
  return verdict === "yes" ? "no" : "yes";
}

/** Kleene's logic: one `no` decides an `and`, one `yes` an `or`; else what is unknown stays unknown. */
function combined(targets: readonly Target[], compiling: Compiling, decisive: "yes" | "no"): Matcher {
  const matchers = targets.map((target) => compile(target, compiling));
  return (node) => {
    let verdict: Verdict = opposite(decisive);
    for (const matcher of matchers) {
      const part = matcher(node);
      if (part === decisive) return decisive;
      if (part === "unknown") verdict = "unknown";
    }
    return verdict;
  };
}

function compileNodegroup(name: string, compiling: Compiling): Matcher {
  const chain = [...compiling.chain, name];
  const target = compiling.groups.get(name);
  if (target === undefined) refuseUnknownGroup(chain, compiling.groups);
  if (compiling.chain.includes(name)) {
    throw new BomaError("target/syntax", `the nodegroups loop: ${chain.join(" → ")}`, {
      hint: "A nodegroup cannot use itself, not even through another.",
    });
  }
  if (chain.length > NESTING_DEPTH_MAX) {
    throw new BomaError(
      "target/syntax",
      `nodegroups are nested at most ${NESTING_DEPTH_MAX} levels deep: ${chain.join(" → ")}`,
    );
  }
  const known = compiling.compiled.get(name);
  if (known !== undefined) return known;
  const matcher = rememberLast(compile(target, { ...compiling, chain }));
  compiling.compiled.set(name, matcher);
  return matcher;
}

function refuseUnknownGroup(chain: readonly string[], groups: Nodegroups): never {
  const name = chain.at(-1)!;
  const through = chain.length > 1 ? ` (${chain.join(" → ")})` : "";
  const meant = nearest(name, groups.keys());
  const names = [...groups.keys()].slice(0, 10).join(", ");
  const hint =
    meant === undefined
      ? names === ""
        ? "No nodegroups are defined."
        : `Defined are ${names}.`
      : `Did you mean \`N@${meant}\`?`;
  throw new BomaError("target/syntax", `there is no nodegroup \`${name}\`${through}`, { hint });
}

/** Groups that use each other twice over would take time that doubles with each level. */
function rememberLast(matcher: Matcher): Matcher {
  let last: { readonly node: TargetNode; readonly verdict: Verdict } | undefined;
  return (node) => {
    if (last?.node !== node) last = { node, verdict: matcher(node) };
    return last.verdict;
  };
}

const yesOrNo = (isMatch: boolean): Verdict => (isMatch ? "yes" : "no");

function compileTerm(term: Exclude<Term, { kind: "nodegroup" }>): Matcher {
  switch (term.kind) {
    case "id-glob":
    case "id-regex": {
      const pattern = term.kind === "id-glob" ? compileGlob(term.pattern) : compileRegex(term.pattern);
      return (node) => yesOrNo(pattern.matches(node.id));
    }
    case "id-list": {
      const ids = new Set(term.ids);
      return (node) => yesOrNo(ids.has(node.id));
    }
    case "subnet":
      return compileSubnet(term.network);
    case "compare":
      return compileCompare(term);
    case "grain-glob":
    case "grain-regex": {
      const head = term.text.slice(0, term.text.indexOf(term.delimiter));
      return inTree(compileText(term), (node) => grainsFor(node, term.namespace, head));
    }
    case "pillar-glob":
    case "pillar-regex":
      return inTree(compileText(term), (node) => node.pillar);
  }
}

/**
 * Where a grain is looked for. A bare key means the assigned grain if there is
 * one of that name, else the claimed one; the master's own words mean what was
 * assigned even where nothing was, so that a claim cannot pose as it.
 */
function grainsFor(node: TargetNode, namespace: Namespace, head: string): Grains | undefined {
  if (namespace === "claimed") return node.grains;
  if (namespace === "assigned" || isAssignedOnly(head)) return node.assigned;
  if (node.assigned === undefined) return undefined;
  return Object.hasOwn(node.assigned, head) ? node.assigned : node.grains;
}

const isAssignedOnly = (head: string): boolean => (ASSIGNED_ONLY as readonly string[]).includes(head);

function inTree(test: (tree: Grains) => boolean, treeOf: (node: TargetNode) => Grains | undefined): Matcher {
  return (node) => {
    const tree = treeOf(node);
    return tree === undefined ? "unknown" : yesOrNo(test(tree));
  };
}

function compileText(term: GrainTerm | PillarTerm): (tree: Grains) => boolean {
  const isRegex = term.kind === "grain-regex" || term.kind === "pillar-regex";
  const splits = splitsOf(term.text, term.delimiter, isRegex).map(({ keys, pattern }) => ({
    keys,
    pattern: isRegex ? compileRegex(pattern, true) : compileGlob(pattern, true),
  }));
  return (tree) =>
    splits.some(({ keys, pattern }) => valuesAt(tree, keys).some((value) => fitsPattern(value, pattern)));
}

function compileCompare(term: CompareTerm): Matcher {
  const keys = term.path.split(":");
  const test = comparison(term.operator, term.value);
  return inTree(
    (tree) => test(valuesAt(tree, keys)),
    (node) => grainsFor(node, term.namespace, keys[0]!),
  );
}

type Scalar = string | number | boolean;

/** Any member of a list may fit, save for `!=`: there must be something to compare with, and none may be equal. */
function comparison(operator: Operator, wanted: string): (values: readonly GrainValue[]) => boolean {
  const number = parseQuantity(wanted);
  const read: (value: Scalar) => Scalar | undefined =
    number === undefined ? (value) => String(value).toLowerCase() : numberOf;
  const right: number | string = number ?? wanted.toLowerCase();
  const holds = tests[operator === "!=" ? "==" : operator];
  return (values) => {
    const lefts = values
      .flatMap(scalarsOf)
      .map(read)
      .filter((left) => left !== undefined);
    if (operator === "!=") return lefts.length > 0 && !lefts.some((left) => holds(left, right));
    return lefts.some((left) => holds(left, right));
  };
}

const tests: Readonly<Record<Exclude<Operator, "!=">, (left: Scalar, right: Scalar) => boolean>> = {
  ">=": (left, right) => left >= right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  "<": (left, right) => left < right,
  "==": (left, right) => left === right,
};

const ADDRESS_GRAINS = ["ipv4", "ipv6"] as const;

function compileSubnet(text: string): Matcher {
  const network = parseNetwork(text);
  const isInside = (address: string): boolean => {
    // An interface's zone or prefix length may follow the address.
    const bytes = parseAddress(address.replace(/[/%].*/su, ""));
    return bytes !== undefined && contains(network, bytes);
  };
  return (node) => {
    let verdict: Verdict = "no";
    for (const key of ADDRESS_GRAINS) {
      const grains = grainsFor(node, "either", key);
      if (grains === undefined) verdict = "unknown";
      else if (Object.hasOwn(grains, key) && textsIn(grains[key]!).some(isInside)) return "yes";
    }
    return verdict;
  };
}
