export * from "./arguments.ts";
export * from "./define-function.ts";
export * from "./describe.ts";
export * from "./functions.gen.ts";
export type * from "./host.ts";
