import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { describeFunction } from "../../describe.ts";

export default defineFunction({
  name: "sys.doc",
  summary: "What a function of this node's agent does and takes, as this node has it.",
  params: z.strictObject({ name: z.string().describe("The function, such as `cmd.run`.") }),
  positional: ["name"],
  result: z.unknown(),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 10_000,
  examples: ["boma-master run web01 sys.doc cmd.run"],
  async run({ name }, { functions }) {
    const spec = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (!spec) throw new BomaError("function/unknown", `this node has no function ${name}`);
    return describeFunction(spec);
  },
});
