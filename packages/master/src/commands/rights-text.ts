/** Rights as they are written on the command line and shown to people. */
import type { Rights } from "../api/rights.ts";
import { usage } from "./shell.ts";

export const rightsText = ({ admin, read, run, assign = [], events, audit, netboot }: Rights): string =>
  admin
    ? "everything"
    : [
        read ? "read" : "",
        audit ? "read the audit" : "",
        netboot ? "serve netboot" : "",
        events.length > 0 ? `read the events ${events.join(",")}` : "",
        ...run.map(({ functions, target }) => `run ${functions.join(",")} on ${target}`),
        ...assign.map(({ grains, target }) => `assign ${grains.join(",")} on ${target}`),
      ]
        .filter(Boolean)
        .join("; ") || "nothing";

export function readRunRight(text: string): Rights["run"][number] {
  const [functions, target] = parts(text, "--run", "functions@target", "--run 'test.*,grains.*@env:dev'");
  return { functions, target };
}

export function readAssignRight(text: string): NonNullable<Rights["assign"]>[number] {
  const [grains, target] = parts(text, "--assign", "grains@target", "--assign 'role,rack@env:dev'");
  return { grains, target };
}

function parts(text: string, option: string, form: string, such: string): [string[], string] {
  const at = text.indexOf("@");
  if (at < 1 || at === text.length - 1)
    throw usage(`${option} ${text} is not ${form}`, `For example ${such}.`);
  return [text.slice(0, at).split(","), text.slice(at + 1)];
}
