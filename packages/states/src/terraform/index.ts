export * from "./moved.ts";
export * from "./plan-json.ts";
export * from "./policy.ts";
export * from "./port.ts";
export * from "./results.ts";
export * from "./workspace.ts";
