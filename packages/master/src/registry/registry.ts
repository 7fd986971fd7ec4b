/** Which nodes there are, by every name that they go by. */
import { BomaError, type HardwareClaims, type TargetNode } from "@boma/protocol";

import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";
import { GrainsRecord } from "./grains-record.ts";
import { NodeRecord } from "./node-record.ts";

/** Keys by what nodes go by: records change all the time, names hardly ever. */
interface Names {
  readonly byId: Map<string, string>;
  readonly byHardware: Map<string, string>;
}

export class Registry {
  readonly nodes: Table<NodeRecord>;
  readonly grains: Table<GrainsRecord>;
  /** Made when it is asked for, thrown away when a name goes. */
  #names: Names | undefined;

  private constructor(nodes: Table<NodeRecord>, grains: Table<GrainsRecord>) {
    this.nodes = nodes;
    this.grains = grains;
  }

  static async open(store: Store): Promise<Registry> {
    const [nodes, grains] = await Promise.all([
      Table.open(store, "node", NodeRecord),
      Table.open(store, "grains", GrainsRecord),
    ]);
    return new Registry(nodes, grains);
  }

  /** A new node. Its id may be one that a revoked node had: that record makes room, under its own key. */
  async add(node: NodeRecord): Promise<void> {
    await this.nodes.update(node.key, () => node);
    if (this.#names) addNames(this.#names, node);
  }

  /** Changes what is known of a node; nothing happens where it is gone meanwhile. */
  async change(key: string, change: (node: NodeRecord) => NodeRecord): Promise<NodeRecord | undefined> {
    const before = this.nodes.get(key)?.status;
    const changed = await this.nodes.update(key, (node) => node && change(node));
    if (changed?.status !== before) this.#names = undefined;
    return changed;
  }

  /** A node goes on under new keys: one record ends, the other begins. */
  async move(from: NodeRecord, to: NodeRecord): Promise<void> {
    await this.nodes.update(to.key, () => to);
    const grains = this.grains.get(from.key);
    if (grains) await this.grains.update(to.key, () => ({ ...grains, key: to.key }));
    await this.forget(from.key);
  }

  /** The node that had this key, as it was then. */
  former(key: string): (NodeRecord & { readonly movedAt: number }) | undefined {
    for (const node of this.approved())
      if (node.formerKey === key && node.formerSign && node.movedAt !== undefined)
        return { ...node, key, sign: node.formerSign, movedAt: node.movedAt };
    return undefined;
  }

  async forget(key: string): Promise<void> {
    await this.nodes.update(key, () => undefined);
    await this.grains.update(key, () => undefined);
    this.#names = undefined;
  }

  /** Nodes that may speak. */
  *approved(): Generator<NodeRecord> {
    for (const node of this.nodes.values()) if (node.status === "approved") yield node;
  }

  byKey(key: string): NodeRecord | undefined {
    return this.nodes.get(key);
  }

  /** The node of this name; among several that had it, the one that has it now. */
  byId(id: string): NodeRecord | undefined {
    const key = this.#index().byId.get(id);
    return key === undefined ? undefined : this.byKey(key);
  }

  require(id: string): NodeRecord {
    const node = this.byId(id);
    if (node) return node;
    throw new BomaError("node/unknown", `there is no node ${JSON.stringify(id)}`);
  }

  /** The approved node that has a piece of this hardware. */
  byHardware(claims: HardwareClaims): NodeRecord | undefined {
    const { byHardware } = this.#index();
    for (const piece of hardwareNames(claims)) {
      const key = byHardware.get(piece);
      if (key !== undefined) return this.byKey(key);
    }
    return undefined;
  }

  #index(): Names {
    return (this.#names ??= indexNames(this.nodes.values()));
  }

  /** A node as targets see it. */
  targetNode(node: NodeRecord): TargetNode {
    const grains = this.grains.get(node.key)?.grains;
    return {
      id: node.id,
      assigned: { ...node.assigned, assurance: node.assurance },
      ...(grains && { grains }),
    };
  }
}

/** Each piece of hardware by which a machine is known again. */
export function* hardwareNames({ uuid, serial, macs }: HardwareClaims): Generator<string> {
  if (uuid !== undefined) yield `uuid ${uuid.toLowerCase()}`;
  if (serial !== undefined) yield `serial ${serial}`;
  for (const mac of macs) yield `mac ${mac.toLowerCase()}`;
}

function indexNames(nodes: Iterable<NodeRecord>): Names {
  const names: Names = { byId: new Map(), byHardware: new Map() };
  for (const node of nodes) addNames(names, node);
  return names;
}

function addNames({ byId, byHardware }: Names, { key, id, status, claims }: NodeRecord): void {
  const approved = status === "approved";
  if (approved || !byId.has(id)) byId.set(id, key);
  if (approved) for (const piece of hardwareNames(claims)) byHardware.set(piece, key);
}
