/** A small archive for the examples: `app/` with README, bin/run, and a link run → bin/run. */
import { gunzipSync } from "node:zlib";

const PACKED = [
  "H4sIAAAAAAACA0ssKNBnoDEwAAJzU1MwDQToNBa2mamRKYOCKQMdQGlxSWIR0EqGkQkSgfEf5Oro4utK2/g3MzHBE/",
  "9maPFvbmJgyKBgMBr/NAcZqTk5+VwMo2AE5/+kzDz9otK8gSv/DY1Q87+hgYGRwWj+pwdQVgRHf3HGaBkwYvM/LfM+",
  "cfW/AXr+NzUB1v9GtC6YRvP/KBgFo2AEAwDKr2xPABAAAA==",
].join("");

export const EXAMPLE_TAR: Uint8Array = gunzipSync(Buffer.from(PACKED, "base64"));
export const EXAMPLE_TAR_SHA256 = "ef603977fd9a4df3ff9454a04002dfdf52e574e933b310c9dc18a3c112670094";
