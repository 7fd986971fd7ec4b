/** For tests of states and trees, ours and those of sites: `@boma/states/testing`. */
export * from "./contract.ts";
export type * from "./given.ts";
export * from "./memory-host.ts";
export * from "./try-state.ts";
