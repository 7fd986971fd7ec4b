/** The program that collected these grains. */
import { present, type Collector } from "./source.ts";

export const agent = (version: string): Collector => ({
  name: "agent",
  collect: () => Promise.resolve(present({ boma_version: version, node_version: process.version.slice(1) })),
});
