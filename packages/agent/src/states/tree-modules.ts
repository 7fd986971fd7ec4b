/** What a tree may import by name: the very modules that this agent runs, also where all of it is one bundle. */
import * as states from "@boma/states";
import * as testing from "@boma/states/testing";
import * as zod from "zod";

type Module = Readonly<Record<string, unknown>>;

const MODULES: Readonly<Record<string, Module>> = {
  "@boma/states": states,
  "@boma/states/testing": testing,
  zod,
};

const SCHEME = "boma-module:";
/** By this name the code below finds them. */
const SHARED = "boma.tree-modules";

/** An address for a name that a tree imports, if it is one of ours. */
export const urlOf = (specifier: string): string | undefined =>
  Object.hasOwn(MODULES, specifier) ? SCHEME + specifier : undefined;

/** Code of a module that exports what the one behind this address does. */
export function sourceOf(url: string): string | undefined {
  if (!url.startsWith(SCHEME)) return undefined;
  Object.defineProperty(globalThis, Symbol.for(SHARED), { value: MODULES, configurable: true });
  const specifier = url.slice(SCHEME.length);
  const { default: _whole, ...named } = MODULES[specifier] ?? {};
  // By way of names of our own: zod exports a `catch`, which no variable may be called.
  const names = Object.keys(named).map((name, index) => ({ name, own: `own${index}` }));
  return [
    `const module = globalThis[Symbol.for("${SHARED}")][${JSON.stringify(specifier)}];`,
    `const { ${names.map(({ name, own }) => `${name}: ${own}`).join(", ")} } = module;`,
    `export { ${names.map(({ name, own }) => `${own} as ${name}`).join(", ")} };`,
    "export default module.default;",
  ].join("\n");
}
