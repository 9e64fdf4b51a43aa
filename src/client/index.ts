// Public names of `spinn/client`: the device's side, ready to use.

export { type Conditions, type CutChoice, type CutCost, type CutProfile, rankCuts } from "./choose-cut.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export { type MeasureOptions, measureCuts } from "./measure-cuts.ts";
export type { ClientPlanRequest } from "./plan-follower.ts";
