/** Targeting: which nodes an expression means. */
export type { Namespace, Operator, Target } from "./expression.ts";
export { compileGlob } from "./glob.ts";
export { type Inventory, InventoryFile, parseInventory } from "./inventory.ts";
export {
  compileTarget,
  type Matcher,
  matchTarget,
  type Nodegroups,
  type TargetNode,
  type Verdict,
  type World,
} from "./match.ts";
export { parseNodegroups } from "./nodegroups.ts";
export { parseTarget } from "./parse.ts";
export { printTarget } from "./print.ts";
export { compileRegex } from "./regex.ts";
export { selectNodes, type Selection } from "./select.ts";
export { parseQuantity } from "./quantity.ts";
