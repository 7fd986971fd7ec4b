export { Master } from "./master.ts";
