/**
 * What a state may use of a machine: one port for each kind of effect, each
 * with a half that looks and a half that changes. The real halves are in the
 * agent, the ones of memory in testing/.
 */
import type { Accounts, ReadAccounts } from "./accounts.ts";
import type { Commands, ReadCommands } from "./commands.ts";
import type { ReadDhcp } from "./dhcp.ts";
import type { Downloads, ReadDownloads } from "./downloads.ts";
import type { Duties, ReadDuties } from "./duties.ts";
import type { Files, ReadFiles } from "./files.ts";
import type { Http, ReadHttp } from "./http.ts";
import type { Kernel, ReadKernel } from "./kernel.ts";
import type { Machine, ReadMachine } from "./machine.ts";
import type { Mounts, ReadMounts } from "./mounts.ts";
import type { Packages, ReadPackages } from "./packages.ts";
import type { ReadServices, Services } from "./services.ts";
import type { ReadStorage, Storage } from "./storage.ts";

/** check() gets this and nothing more. */
export interface ReadHost {
  readonly files: ReadFiles;
  readonly commands: ReadCommands;
  readonly packages: ReadPackages;
  readonly services: ReadServices;
  readonly accounts: ReadAccounts;
  readonly kernel: ReadKernel;
  readonly mounts: ReadMounts;
  readonly machine: ReadMachine;
  readonly downloads: ReadDownloads;
  readonly storage: ReadStorage;
  readonly duties: ReadDuties;
  readonly http: ReadHttp;
  readonly dhcp: ReadDhcp;
}

/** apply() gets both halves. */
export interface Host extends ReadHost {
  readonly files: Files;
  readonly commands: Commands;
  readonly packages: Packages;
  readonly services: Services;
  readonly accounts: Accounts;
  readonly kernel: Kernel;
  readonly mounts: Mounts;
  readonly machine: Machine;
  readonly downloads: Downloads;
  readonly storage: Storage;
  readonly duties: Duties;
  readonly http: Http;
}

/** One kind of effect in two halves: an object that can look, and one that can also change. */
export interface Port<R, W extends R> {
  readonly read: R;
  readonly write: W;
}

export type Ports = {
  readonly [K in keyof Host]: Port<ReadHost[K & keyof ReadHost], Host[K]>;
};

/** The half that looks, as objects of its own: a cast brings no writing method back. */
export const readHost = (ports: Ports): ReadHost => half(ports, "read") as unknown as ReadHost;
export const writeHost = (ports: Ports): Host => half(ports, "write") as unknown as Host;

type Side = "read" | "write";
type Half = Readonly<Record<string, object>>;

/** Each declaration of a run asks for the same ones. */
const made: Readonly<Record<Side, WeakMap<Ports, Half>>> = { read: new WeakMap(), write: new WeakMap() };

function half(ports: Ports, side: Side): Half {
  const known = made[side].get(ports);
  if (known) return known;
  const halves = Object.entries(ports).map(([name, port]) => [name, (port as Port<object, object>)[side]]);
  const fresh: Half = Object.freeze(Object.fromEntries(halves));
  made[side].set(ports, fresh);
  return fresh;
}
