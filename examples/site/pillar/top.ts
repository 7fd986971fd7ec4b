// Data for trees, by what was assigned. Each environment is a site of its own, with its own network and its own servers.
import { pillarTop } from "@boma/states";

export default pillarTop({
  "*": ["common"],
  "env:dev": ["dev"],
  "env:prod": ["prod"],
});
