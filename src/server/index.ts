// Public names of `spinn/server`: what serves networks to devices.

export { type ServeOptions, type Server, serve } from "./serve.ts";
export type { ServedModel } from "./served-model.ts";
