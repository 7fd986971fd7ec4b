/** Names and addresses as /etc/hosts takes them. */
import { z } from "zod";

const LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";

export const HostName = z
  .string()
  .max(253)
  .regex(
    new RegExp(`^${LABEL}(\\.${LABEL})*$`, "i"),
    "a host's name: letters, digits and hyphens, parts joined by dots",
  );

/** These lead to the machine itself, and programs rely on it. */
const KEPT = /^(localhost|localhost\.localdomain|ip6-.*)$/i;

export const isKept = (name: string): boolean => KEPT.test(name);

export const BlockId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i, "letters, digits, dots and hyphens")
  .describe("By which the line is known, whatever stands in it.");
