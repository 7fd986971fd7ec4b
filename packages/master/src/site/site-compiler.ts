/** The master's way to its site: asks a process of its own, kept warm, for catalogs, pillar and profiles. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { asBomaError, type BomaError } from "@boma/protocol";
import { type Catalog, catalogHash, type Notification, type WorkspaceInfo } from "@boma/states/core";

import {
  type Asked,
  errorOf,
  type Loaded,
  type NodeInput,
  type PillarValue,
  type Question,
  type Words,
} from "./child-words.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { chooseProfile, type Choice, clashes, type Machine, type Profile } from "./profile.ts";
import { placeText, SiteError } from "./site-error.ts";
import { LIMITS, type SiteLimits, SiteProcess } from "./site-process.ts";

export interface Compiled {
  readonly catalog: Catalog;
  readonly hash: string;
  readonly warnings: readonly string[];
}

/** A file of the site that defines a kind of state. */
export interface OwnKindFile {
  readonly name: string;
  readonly file: string;
}

export interface LoadedSite {
  readonly trees: readonly string[];
  readonly kinds: readonly OwnKindFile[];
  readonly profiles: readonly Profile[];
  /** What is told to whom; nothing where the file cannot be used. */
  readonly notifications: readonly Notification[] | undefined;
  readonly workspaces: readonly WorkspaceInfo[];
  readonly errors: readonly SiteError[];
}

export interface SiteCompilerOptions {
  readonly site: string;
  readonly limits?: Partial<SiteLimits>;
  /** Makes the bundle of the site's own states, and gives its digest; not asked where there are none. */
  readonly bundle?: (kinds: readonly OwnKindFile[]) => Promise<string | null>;
  /** What the site's code prints. */
  readonly note?: (text: string) => void;
}

/** Nodes in one question: a limit of time holds for so many. */
const BATCH = 100;
/** When so many batches ran out of time or memory, the site is at fault and not a node. */
const DEATHS_MAX = 2;

const NO_PROFILE: Choice = { profile: undefined, steps: [] };

export class SiteCompiler {
  readonly site: string;
  readonly #options: SiteCompilerOptions;
  readonly #limits: SiteLimits;
  #process: SiteProcess | undefined;
  #fingerprint: string | undefined;
  #loaded: { readonly fingerprint: string; readonly site: LoadedSite } | undefined;
  /** The process answers one question after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SiteCompilerOptions) {
    this.#options = options;
    this.site = options.site;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /** What is to be true of each node, or why it cannot be said. Fails as a whole where the site cannot be loaded. */
  compile(
    nodes: readonly NodeInput[],
    asked: Asked = {},
  ): Promise<ReadonlyMap<string, Compiled | BomaError>> {
    return this.#inTurn(async () => {
      const { kinds } = await this.#load();
      const bundle = await this.#bundleOf(kinds);
      const results = new Map<string, Compiled | BomaError>();
      const hear = (words: Words): void => {
        if (words.say !== "compiled") return;
        const { key, catalog, warnings } = words;
        const lacks = catalog.bundle !== null && bundle instanceof Error ? bundle : undefined;
        results.set(key, lacks ?? { catalog, hash: catalogHash(catalog), warnings });
      };
      const digest = bundle instanceof Error ? "" : bundle;
      await this.#forAll(nodes, results, (batch) => ({
        question: { ask: "compile", nodes: batch, asked, bundle: digest },
        hear,
      }));
      return results;
    });
  }

  /** Every value of a node's pillar with its origin; secrets as references. */
  pillar(node: NodeInput): Promise<readonly PillarValue[]> {
    return this.#inTurn(async () => {
      await this.#freshen();
      const results = new Map<string, readonly PillarValue[] | BomaError>();
      const hear = (words: Words): void => {
        if (words.say === "pillar") results.set(words.key, words.values);
      };
      await this.#forAll([node], results, (batch) => ({ question: { ask: "pillar", nodes: batch }, hear }));
      const found = results.get(node.key)!;
      if (found instanceof Error) throw found;
      return found;
    });
  }

  /** What the site holds, and which of its files cannot be used. */
  load(): Promise<LoadedSite> {
    return this.#inTurn(() => this.#load());
  }

  /** Which profile a machine gets, and why. */
  async profileFor(machine: Machine): Promise<Choice> {
    // Without profiles nobody has to wait for the site, and a master without a site enrols nodes as well.
    if (machine.override === undefined && !hasProfiles(this.site)) return NO_PROFILE;
    const { profiles, errors } = await this.load();
    const broken = errors.find(({ place }) => place?.file.startsWith("profiles/"));
    if (broken) throw broken;
    return chooseProfile(profiles, machine);
  }

  async close(): Promise<void> {
    await this.#process?.close();
    this.#process = undefined;
  }

  /** Only nodes that need the bundle suffer where it cannot be made. */
  async #bundleOf(kinds: readonly OwnKindFile[]): Promise<string | null | BomaError> {
    if (kinds.length === 0 || !this.#options.bundle) return null;
    try {
      return await this.#options.bundle(kinds);
    } catch (thrown) {
      return asBomaError(thrown);
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** A process that has loaded the site as it is now. */
  async #freshen(): Promise<SiteProcess> {
    const fingerprint = await fingerprintOf(this.site);
    if (this.#process?.alive && this.#fingerprint === fingerprint) return this.#process;
    await this.#process?.close();
    this.#fingerprint = fingerprint;
    return (this.#process = new SiteProcess(this.site, this.#limits));
  }

  async #load(): Promise<LoadedSite> {
    const process = await this.#freshen();
    const fingerprint = this.#fingerprint!;
    if (this.#loaded?.fingerprint === fingerprint) return this.#loaded.site;
    let loaded: Loaded | undefined;
    await this.#ask(process, { ask: "load" }, (words) => {
      if (words.say === "loaded") ({ loaded } = words);
    });
    const { trees, kinds, profiles, errors } = loaded ?? { trees: [], kinds: [], profiles: [], errors: [] };
    const site = {
      trees,
      kinds,
      profiles,
      notifications: loaded?.notifications,
      workspaces: loaded?.workspaces ?? [],
      errors: [...errors.map(errorOf), ...clashes(profiles)],
    };
    this.#loaded = { fingerprint, site };
    return site;
  }

  async #ask(process: SiteProcess, question: Question, hear: (words: Words) => void): Promise<void> {
    let broken: SiteError | undefined;
    await process.ask(question, (words) => {
      if (words.say === "broken") broken = errorOf(words.error);
      else if (words.say === "note")
        this.#options.note?.(words.place ? `${placeText(words.place)}: ${words.text}` : words.text);
      else hear(words);
    });
    if (broken) throw broken;
  }

  /** Asks in batches. A node at which the process died is not asked about again; the others of its batch are. */
  async #forAll<R>(
    nodes: readonly NodeInput[],
    results: Map<string, R | BomaError>,
    ask: (batch: NodeInput[]) => { question: Question; hear: (words: Words) => void },
  ): Promise<void> {
    let left = [...nodes];
    let deaths = 0;
    while (left.length > 0) {
      const { question, hear } = ask(left.slice(0, BATCH));
      try {
        await this.#ask(await this.#freshen(), question, (words) => {
          if (words.say === "failed") results.set(words.key, errorOf(words.error));
          else hear(words);
        });
        for (const { key, id } of left.slice(0, BATCH))
          if (!results.has(key))
            results.set(key, new SiteError("site/broken", `the site says nothing of ${id}`));
        left = left.slice(BATCH);
      } catch (thrown) {
        if (!(thrown instanceof SiteError)) throw thrown;
        left = left.filter(({ key }) => !results.has(key));
        const guilty = ++deaths < DEATHS_MAX && this.#process?.alive === false ? left.slice(0, 1) : left;
        for (const { key } of guilty) results.set(key, thrown);
        left = left.slice(guilty.length);
      }
    }
  }
}

const hasProfiles = (site: string): boolean => {
  const dir = join(site, "profiles");
  return existsSync(dir) && readdirSync(dir).some((name) => /\.(ts|ya?ml)$/.test(name));
};

export type { Asked, NodeInput, PillarValue } from "./child-words.ts";
