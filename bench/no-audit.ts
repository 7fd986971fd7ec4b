/** Loaded before a master of the bench, it takes the audit away, so that one sees what it costs. The product has no such switch. */
import { Audit } from "../packages/master/src/audit/audit.ts";

let n = 0;
Audit.prototype.write = () => Promise.resolve(++n);
Audit.prototype.later = () => Promise.resolve();
