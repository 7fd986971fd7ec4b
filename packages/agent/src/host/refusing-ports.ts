/** Ports of a machine that keeps files and nothing else. */
import { BomaError } from "@boma/protocol";
import type { Command, Port, Ports } from "@boma/states/core";

const PORTS = [
  "commands",
  "packages",
  "services",
  "accounts",
  "kernel",
  "mounts",
  "machine",
  "downloads",
  "storage",
  "duties",
  "http",
  "dhcp",
] as const;

/** Ports of which every method refuses and says why. */
export function refusingPorts(why: string): Omit<Ports, "files"> {
  const refusing = (port: string): Port<object, object> => {
    const half = new Proxy(
      {},
      {
        get:
          (_, method) =>
          (...args: unknown[]) =>
            refuse(port, String(method), args, why),
      },
    );
    return { read: half, write: half };
  };
  return Object.fromEntries(PORTS.map((port) => [port, refusing(port)])) as unknown as Omit<Ports, "files">;
}

function refuse(port: string, method: string, [first]: readonly unknown[], why: string): Promise<never> {
  const what =
    port === "commands" && typeof first === "object" ? programOf(first as Command) : `${port}.${method}`;
  return Promise.reject(new BomaError("confined/refused", `${what} was not run: this agent is ${why}`));
}

const programOf = ({ shell, argv }: Command): string => (shell ? "/bin/sh" : (argv[0] ?? ""));
