// Public names of `spinn/client`: the device's side, ready to use.

export { type Client, type ClientEvents, type ClientOptions, createClient } from "./client.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export type { ClientPlanRequest, SlaRequest } from "./plan-request.ts";
export type { PlanChange } from "./self-planning.ts";
