import { fileURLToPath } from "node:url";

/** The checkout that is built. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
