// Public names of `spinn/server`: what serves networks to devices.

export { parseConfig, readConfig, type ServerConfig } from "./config.ts";
export { type HotReload, type HotReloadOptions, hotReload, type ReloadOutcome } from "./hot-reload.ts";
export type { JwtOptions } from "./identity/jwt-tokens.ts";
export type { TokenOptions } from "./identity/open-identity.ts";
export type { StaticClient } from "./identity/static-tokens.ts";
export type { ModelFile, NamedModelFile } from "./model-file.ts";
export type { ModelChanges } from "./model-registry.ts";
export { type ServeOptions, type Server, serve } from "./serve.ts";
export type { ServedModel } from "./served-model.ts";
export type { TlsOptions } from "./tls.ts";
