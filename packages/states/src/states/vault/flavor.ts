/** Vault, and OpenBao, which speaks the same: what they are called on a machine. */
import { z } from "zod";

import { Path } from "../file/parameters.ts";

export const FLAVORS = ["vault", "openbao"] as const;
export type Flavor = (typeof FLAVORS)[number];

export const FlavorOf = z
  .enum(FLAVORS)
  .default("vault")
  .describe("Which of the two it is: Vault, or OpenBao, which speaks the same.");

export const Directory = Path.describe(
  "Where the configuration lies: /etc/vault.d or /etc/openbao where it is not said.",
);

export interface Names {
  readonly package: string;
  readonly program: string;
  readonly unit: string;
  /** The user and the group that it runs as. */
  readonly account: string;
  readonly directory: string;
  readonly data: string;
}

const NAMES: Readonly<Record<Flavor, Names>> = {
  vault: {
    package: "vault",
    program: "vault",
    unit: "vault.service",
    account: "vault",
    directory: "/etc/vault.d",
    data: "/opt/vault/data",
  },
  openbao: {
    package: "openbao",
    program: "bao",
    unit: "openbao.service",
    account: "openbao",
    directory: "/etc/openbao",
    data: "/opt/openbao/data",
  },
};

export const namesOf = (flavor: Flavor): Names => NAMES[flavor];

/** The one file of the configuration that a restart takes up, and the one that a reload does. */
export const configPath = (directory: string): string => `${directory}/boma.json`;
export const settingsPath = (directory: string): string => `${directory}/boma-settings.json`;
