import type { z } from "zod";

import type { OwnedNeed, PortNeed } from "./catalog/needs.ts";
import type { Changes } from "./changes.ts";
import type { Host, ReadHost } from "./host/host.ts";
import type { Restarts } from "./maintenance/domain.ts";
import type { Stage } from "./stages.ts";
import type { Given } from "./testing/given.ts";

export type Params = z.ZodObject;
export type Name<P extends Params> = keyof z.input<P> & string;

/** A use of a state that documents and tests share: it is shown in the docs and held to the contract. */
export interface Example<P extends Params = Params> {
  /** What it is for, in a few words. */
  readonly title: string;
  readonly key: string;
  readonly params?: Readonly<Partial<z.input<P>>>;
  /** The machine of memory on which the contract is tried; an empty one where it is not said. */
  readonly given?: Given;
}

/** What an agent does to take back a change that cut it off: plain data, for it runs without the agent. */
export interface Undo {
  /** Files as they were: their bytes in base64 with their ownership, or `null` where there was none. */
  readonly files: readonly {
    readonly path: string;
    readonly was: {
      readonly base64: string;
      readonly mode: string;
      readonly owner: string;
      readonly group: string;
    } | null;
  }[];
  /** Programs to run after the files are back, in order. */
  readonly commands: readonly (readonly string[])[];
}

/** What a declaration says, besides its parameters, of when it is to run. */
export interface Guards {
  readonly unless?: unknown;
  readonly onlyIf?: unknown;
  readonly creates?: unknown;
}

/** Files of the site as bytes, where a catalog is compiled. Paths are from the site's root and cannot leave it. */
export interface SiteSource {
  /** Throws `site/file` where there is no such file. */
  bytes(path: string): Uint8Array;
  /** All files below a directory, relative to it and sorted; links are not followed. */
  list(path: string): readonly { readonly path: string; readonly executable: boolean }[];
}

/** A kind of state: what it is called, what it takes, how it compares, how it changes. */
export interface StateSpec<P extends Params, K extends Name<P>, T extends object, S extends Name<P>> {
  /** `module.name`, and so the path of the file it is in. */
  readonly name: `${string}.${string}`;
  readonly summary: string;
  /** The parameter that says which thing is managed: a path, a unit, a package. */
  readonly key: K;
  /** A strict object; parsing its own output gives the same again. */
  readonly params: P;
  /** Parameters in which a secret may stand; changes of properties with their names are masked when one does. */
  readonly secretive?: readonly S[];
  /** It reaches the machine through its files only, and so can be kept below `--root`. */
  readonly confinable?: boolean;
  /** The families of systems that it works on, as the grain `os_family` names them; on every one where it is not said. */
  readonly platforms?: readonly string[];
  /** May run beside others that say the same and claim other things. All else runs alone, in order. */
  readonly together?: boolean;
  /** Puts what the site holds in the place of what points to it, before anything else is asked of the parameters. */
  expand?(params: z.output<P>, site: SiteSource): z.output<P>;
  /** What it owns, such as `file:/etc/motd`; `a#b` is a part of `a`. Two owners of one thing do not compile. */
  claims?(want: z.output<P>): readonly string[];
  /** Claims of others that come first where they are in the catalog, such as the directory above. */
  after?(want: z.output<P>): readonly string[];
  /** What it wants others to do for it: the ports on which it is to be reached. */
  needs?(want: z.output<P>): readonly PortNeed[];
  /** Takes the needs of all other declarations of the node into its own parameters, where a catalog is compiled. */
  gathers?(want: z.output<P>, needs: readonly OwnedNeed[]): z.output<P>;
  /** Where it stands when a fleet comes up. */
  readonly stage?: Stage;
  /** It only waits until something is ready, for others to stand on. */
  readonly gate?: true;
  /** The stages that it stands on, where they are others than those of its stage. */
  awaits?(want: z.output<P>): readonly Stage[];
  /** What an author should know at compile time, such as a command that nothing guards. */
  warnings?(want: z.output<P>, options: Guards): readonly string[];
  /** Looks, never touches. Returns the properties that differ. */
  check(want: z.output<P>, host: ReadHost): Promise<Changes<T>>;
  /** Why the changes could not be made on the machine as it is, where that can be seen: a plan that kept it back would lie. */
  blocked?(want: z.output<P>, host: ReadHost): Promise<string | undefined>;
  /** Makes these changes and no others. */
  apply(changes: Changes<T>, want: z.output<P>, host: Host): Promise<void>;
  /** Whether what watches this is refreshed because of these changes; it is where it is not said. */
  refreshes?(changes: Changes<T>): boolean;
  /** Proves after a change that it took effect; throws where it did not. */
  verify?(want: z.output<P>, host: ReadHost): Promise<void>;
  /** `false` where it cannot be known afterwards whether it is so: a command that nothing guards. */
  readonly converges?: false | ((want: z.output<P>) => boolean);
  /** The change may cut this node off: it is taken back unless the master is reached anew within this time. */
  readonly confirm?: {
    readonly withinMs: number | ((want: z.output<P>) => number);
    undo(want: z.output<P>, host: ReadHost): Promise<Undo>;
  };
  /** Put right by itself only where the declaration says so, not because the node's default does: a reboot. */
  readonly enforcedWhenDeclared?: true;
  readonly timeoutMs?: number;
  readonly examples: readonly Example<P>[];
}

/** A state that reacts when something it watches has changed. */
export interface RefreshableSpec<
  P extends Params,
  K extends Name<P>,
  T extends object,
  S extends Name<P>,
> extends StateSpec<P, K, T, S> {
  refresh(want: z.output<P>, host: Host): Promise<void>;
  /** Why a refresh has to wait for maintenance, if it has to; it stays owed until then. */
  protects?(want: z.output<P>, host: ReadHost): Promise<string | undefined>;
  /** What a refresh that waits for maintenance restarts, and with whom that takes turns. */
  restarts?(want: z.output<P>): Restarts;
  /**
   * Which start of it runs now, by a name that no other start has: one that began after the change has taken it up,
   * whoever started it. Nothing where it does not run, or would not begin with what is on the disk.
   */
  instance?(want: z.output<P>, host: ReadHost): Promise<string | undefined>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- the one place where all kinds are alike.
export type AnySpec = StateSpec<any, any, any, any> & {
  // oxlint-disable-next-line typescript/no-explicit-any -- as above.
  refresh?(want: any, host: Host): Promise<void>;
  // oxlint-disable-next-line typescript/no-explicit-any -- as above.
  protects?(want: any, host: ReadHost): Promise<string | undefined>;
  // oxlint-disable-next-line typescript/no-explicit-any -- as above.
  restarts?(want: any): Restarts;
  // oxlint-disable-next-line typescript/no-explicit-any -- as above.
  instance?(want: any, host: ReadHost): Promise<string | undefined>;
};
