/**
 * The catalogs of jobs: compiled for every expected node before anything is
 * sent, and sealed to each node right before its order goes out. Secrets are
 * resolved at that moment and live in this process's memory only until then.
 */
import { asBomaError, BomaError, type ChunkRef, type JobOrder, pack, sealTo } from "@boma/protocol";
import { type Catalog, catalogHash, functions, type Parcel } from "@boma/states/core";

import type { SentBundle } from "../mail/chunks.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { Asked as SiteAsked, Compiled, SiteCompiler } from "../site/site-compiler.ts";
import { Together } from "../together.ts";
import type { CatalogHistory } from "./catalog-history.ts";
import type { Plans } from "./plans.ts";

/** What the catalogs need from the rest of the master. */
export interface CatalogParts {
  readonly site: Pick<SiteCompiler, "compile">;
  readonly registry: Registry;
  readonly plans: Plans;
  readonly history: CatalogHistory;
  readonly secrets: {
    /** For the nodes of one job: each place is asked once. */
    newRun(): SecretsOfJob;
    /** A keyed tag of a secret's value: another value, another tag. */
    tagOf(reference: string, value: string): string;
  };
  readonly chunks: {
    put(key: string, bytes: Uint8Array): Promise<ChunkRef>;
    putBundle(key: string, bundle: SentBundle): Promise<void>;
    forget(key: string, digest: string): Promise<void>;
  };
  /** The site's own states, by the digest that a catalog names. */
  readonly bundles: { get(digest: string): SentBundle | undefined };
}

interface SecretsOfJob {
  resolve(references: readonly string[], node: NodeRecord): Promise<ReadonlyMap<string, string>>;
}

/** What goes to one node beside an order. */
export interface SentParcel {
  readonly ref: ChunkRef;
  /** The hash of the catalog in it, with the tags of the secrets' values. */
  readonly catalog: string;
}

/** What a function that brings a catalog was asked. */
export type Asked = Pick<JobOrder, "function" | "args">;

const ERRORS_SHOWN = 5;

export const bringsCatalog = ({ function: name }: Pick<Asked, "function">): boolean =>
  Object.hasOwn(functions, name) && functions[name]!.bringsCatalog === true;

export class Catalogs {
  readonly #parts: CatalogParts;
  /** By job and node; what a restarted master lacks here it compiles again. */
  readonly #prepared = new Map<string, Map<string, Compiled>>();
  readonly #lacking = new Map<string, Together<Compiled | BomaError>>();
  readonly #secrets = new Map<string, SecretsOfJob>();
  readonly #sent = new Map<string, Map<string, string>>();

  constructor(parts: CatalogParts) {
    this.#parts = parts;
  }

  /** Compiles for all of them; throws when one cannot be compiled, so that nothing is sent. */
  async compile(keys: readonly string[], asked: Asked): Promise<Map<string, Compiled>> {
    const compiled = new Map<string, Compiled>();
    const faults = new Map<string, { error: BomaError; ids: string[] }>();
    for (const [key, one] of await this.#compileEach(keys, asked)) {
      if (!(one instanceof BomaError)) {
        compiled.set(key, one);
        continue;
      }
      const fault = faults.get(one.message) ?? { error: one, ids: [] };
      faults.set(one.message, fault);
      fault.ids.push(this.#parts.registry.byKey(key)?.id ?? key);
    }
    if (faults.size > 0) throw faultsError([...faults.values()]);
    return compiled;
  }

  async #compileEach(keys: readonly string[], asked: Asked): Promise<Map<string, Compiled | BomaError>> {
    const plan = this.#planOf(asked);
    if (plan) plan.assertCovers(keys);
    const nodes = keys.flatMap((key) => this.#input(key) ?? []);
    const found = await this.#parts.site.compile(nodes, wanted(asked, plan?.args));
    return new Map(nodes.map(({ key }) => [key, found.get(key) ?? noAnswer()]));
  }

  /** One that a master lacks which took the job over; thousands of them are not compiled one by one. */
  async #compileAgain(key: string, order: JobOrder): Promise<Compiled> {
    const lacking = this.#lacking.get(order.job) ?? new Together((keys) => this.#compileEach(keys, order));
    this.#lacking.set(order.job, lacking);
    const one = (await lacking.of(key)) ?? noAnswer();
    if (one instanceof BomaError) throw one;
    return one;
  }

  /** The job exists now: its catalogs wait for the nodes' turns. */
  keep(job: string, compiled: Map<string, Compiled>): void {
    this.#prepared.set(job, compiled);
  }

  /** What goes with an order; `undefined` where the function brings nothing. */
  async parcelFor(key: string, order: JobOrder): Promise<SentParcel | undefined> {
    if (!bringsCatalog(order)) return undefined;
    const { registry, chunks, history } = this.#parts;
    const node = registry.byKey(key);
    if (!node) throw new BomaError("node/unknown", "the node is gone");
    const known = this.#prepared.get(order.job)?.get(key) ?? (await this.#compileAgain(key, order));
    const { catalog, secrets } = await this.#withSecrets(order.job, known.catalog, node);
    const hash = catalogHash(catalog);
    const bound = this.#planOf(order);
    const plan = await bound?.of(node, hash);
    const asked = wanted(order, bound?.args);
    // What a node should be is to be compared for long; of a workspace the plans tell.
    if (asked.workspace === undefined) await history.keep(node.key, hash, catalog);
    if (catalog.bundle !== null) await chunks.putBundle(key, this.#bundle(catalog.bundle));
    const partial = isPartial(asked);
    const parcel: Parcel = { catalog, secrets, partial, ...(plan && { plan }) };
    const ref = await chunks.put(key, sealTo(node.seal, pack(parcel)));
    const sent = this.#sent.get(order.job) ?? new Map<string, string>();
    this.#sent.set(order.job, sent.set(key, ref.digest));
    return { ref, catalog: hash };
  }

  /** The node has ended the job: nothing of it needs to lie on the bus any more. */
  async ended(job: string, key: string): Promise<void> {
    this.#prepared.get(job)?.delete(key);
    const digest = this.#sent.get(job)?.get(key);
    if (digest === undefined) return;
    this.#sent.get(job)?.delete(key);
    await this.#parts.chunks.forget(key, digest);
  }

  closed(job: string): void {
    this.#prepared.delete(job);
    this.#lacking.delete(job);
    this.#secrets.delete(job);
    this.#sent.delete(job);
  }

  #input(key: string) {
    const { registry } = this.#parts;
    const node = registry.byKey(key);
    return (
      node && { key, id: node.id, grains: registry.grains.get(key)?.grains ?? {}, assigned: node.assigned }
    );
  }

  async #withSecrets(job: string, catalog: Catalog, node: NodeRecord) {
    const references = Object.keys(catalog.secrets);
    if (references.length === 0) return { catalog, secrets: {} };
    const run = this.#secrets.get(job) ?? this.#parts.secrets.newRun();
    this.#secrets.set(job, run);
    const values = await run.resolve(references, node);
    const tags = references.map((reference) => [
      reference,
      this.#parts.secrets.tagOf(reference, values.get(reference)!),
    ]);
    return {
      catalog: { ...catalog, secrets: Object.fromEntries(tags) as Record<string, string> },
      secrets: Object.fromEntries(values),
    };
  }

  #bundle(digest: string): SentBundle {
    const bundle = this.#parts.bundles.get(digest);
    if (bundle) return bundle;
    throw new BomaError("bundle/unsigned", `the bundle ${digest.slice(0, 16)} is not here any more`, {
      hint: "The site has changed since the job was made: start it again.",
    });
  }

  #planOf({ function: name, args: { plan } }: Asked) {
    // A plan of Terraform is another thing.
    const isPlan = typeof plan === "string" && name.startsWith("state.");
    return isPlan ? this.#parts.plans.find(plan) : undefined;
  }
}

interface SingleArgs {
  readonly state: string;
  readonly key: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

function wanted(
  { function: name, args }: Asked,
  planned: Readonly<Record<string, unknown>> = args,
): SiteAsked {
  if (name === "state.single") {
    const { state, key, params = {} } = args as unknown as SingleArgs;
    return { single: { state, key, params: { ...params } } };
  }
  if (name.startsWith("terraform.")) return { workspace: String(args["workspace"]) };
  const { trees } = planned as { trees?: readonly string[] };
  return trees ? { trees: [...trees] } : {};
}

/** Whether it is less than all that the site says of a node. */
const isPartial = ({ single, trees, workspace }: SiteAsked): boolean =>
  single !== undefined || trees !== undefined || workspace !== undefined;

const noAnswer = (): BomaError =>
  new BomaError("internal", "the site's compiler gave no answer for this node");

/** One fault that many nodes share is told once. */
function faultsError(faults: readonly { error: BomaError; ids: readonly string[] }[]): BomaError {
  const [first] = faults;
  const told = faults.slice(0, ERRORS_SHOWN).map(({ error, ids }) => {
    const who = ids.length > 3 ? `${ids.slice(0, 3).join(", ")} and ${ids.length - 3} more` : ids.join(", ");
    return `${who}: ${error.message}`;
  });
  const more = faults.length > ERRORS_SHOWN ? [`and ${faults.length - ERRORS_SHOWN} other faults`] : [];
  const { code, hint } = asBomaError(first!.error);
  return new BomaError(code, [...told, ...more].join("\n"), { hint });
}
