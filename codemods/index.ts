export { type Inventory, takeInventory } from "./inventory.js";
export type {
  Change,
  Choice,
  ExtraFile,
  FileStatus,
  MigratedFile,
  MigrationOptions,
  MigrationResult,
  MigrationSummary,
  PlacedFinding,
  Side,
} from "./migration.js";
export { runMigration } from "./pipeline.js";
export type { Finding } from "./shared/finding.js";
export { writeMigration } from "./write-migration.js";
