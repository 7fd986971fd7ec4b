/**
 * The language and its interpreter, without the states themselves: for agents
 * and masters, which load the states only when a catalog or a site needs them.
 */
export * from "./arguments.ts";
export * from "./catalog/catalog.ts";
export * from "./catalog/compile.ts";
export * from "./catalog/diff.ts";
export { withNamed } from "./catalog/gather.ts";
export * from "./catalog/parcel.ts";
export * from "./catalog/validate.ts";
export * from "./changes.ts";
export * from "./check-params.ts";
export * from "./debian-version.ts";
export * from "./declaration.ts";
export * from "./define-function.ts";
export * from "./define-state.ts";
export * from "./describe.ts";
export * from "./describe-state.ts";
export { movedSince, planDigests } from "./engine/digest.ts";
export * from "./engine/mask.ts";
export * from "./engine/options.ts";
export * from "./engine/report.ts";
export * from "./engine/report-text.ts";
export * from "./engine/run.ts";
export { unifiedDiff } from "./engine/text-diff.ts";
export type * from "./function-host.ts";
export * from "./functions.gen.ts";
export * from "./host/account-files.ts";
export type * from "./host/accounts.ts";
export type * from "./host/commands.ts";
export type * from "./host/downloads.ts";
export * from "./host/file-complaint.ts";
export type * from "./host/files.ts";
export * from "./host/host.ts";
export type * from "./host/kernel.ts";
export type * from "./host/machine.ts";
export type * from "./host/mounts.ts";
export type * from "./host/packages.ts";
export type * from "./host/services.ts";
export type * from "./host/storage.ts";
export * from "./secret.ts";
export * from "./state-runner.ts";
export type * from "./state-spec.ts";
export * from "./tree.ts";
