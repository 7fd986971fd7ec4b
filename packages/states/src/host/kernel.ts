/** Kernel parameters and modules. */

/** `available`: not in the kernel now, and could be loaded. `missing`: this kernel has no such module. */
export type ModuleStatus = "loaded" | "builtin" | "available" | "missing";

export interface ReadKernel {
  /**
   * The value of a parameter, blanks as the kernel writes them; `undefined` when this kernel has none of that name.
   * The key has slashes between its parts, so that a part may hold a dot: `net/ipv4/conf/eth0.100/forwarding`.
   */
  parameter(key: string): Promise<string | undefined>;
  /** By the kernel's own name for it, with underscores. */
  module(name: string): Promise<ModuleStatus>;
}

export interface Kernel extends ReadKernel {
  /** Throws `state/unsupported` where parameters cannot be written, as in most containers. */
  setParameter(key: string, value: string): Promise<void>;
  load(name: string): Promise<void>;
  /** Never forced: a module that is in use stays, and this throws. */
  unload(name: string): Promise<void>;
}
