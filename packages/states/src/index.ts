/** What trees and states of a site import. */
export { BomaError } from "@boma/protocol";
export * from "./built-in.ts";
export * from "./core.ts";
export * from "./kits/index.ts";
export * from "./pillar.ts";
export * from "./reactors/index.ts";
export * from "./site-files.ts";
export * from "./states.gen.ts";
export * from "./yaml/parse.ts";
export * from "./yaml/schema.ts";
