/** `env:NAME`: what stood in the master's environment when it was started, for what a supervisor hands over. */
import type { SecretProvider } from "./provider.ts";
import { assertOptions, malformed, unknown } from "./reference.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** `reserved` are the master's own credentials: they are for him and no node. */
export function envSecrets(
  environment: Readonly<Record<string, string | undefined>>,
  reserved: readonly string[],
): SecretProvider {
  const held = { ...environment };
  return {
    check(reference) {
      const { text, path, key } = reference;
      assertOptions(reference, []);
      if (!NAME.test(path) || key !== undefined) throw malformed(text, "env: takes the name of a variable.");
      if (/^(BOMA|VAULT)_/.test(path) || reserved.includes(path))
        throw malformed(text, "This variable is the master's own and given to no node.");
    },
    async read(reference) {
      const value = Object.hasOwn(held, reference.path) ? held[reference.path] : undefined;
      if (value === undefined)
        throw unknown(
          reference,
          "the master was started without this variable",
          "Set it and start the master anew.",
        );
      return value;
    },
  };
}
