export type { TelemetryOptions } from "./telemetry.js";
export { createClientTelemetry, createServerTelemetry } from "./telemetry.js";
