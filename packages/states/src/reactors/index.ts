/** What files below reactors/ of a site import. */
export type { Boma, FunctionName, Ran, RunOptions } from "./boma.ts";
export { type Limit, parseLimit } from "./limit.ts";
export {
  on,
  type Reactor,
  type ReactorEvent,
  type ReactorHandler,
  type ReactorKind,
  type ReactorOptions,
} from "./reactor.ts";
