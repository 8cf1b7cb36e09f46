export { type Inventory, takeInventory } from "./inventory.js";
export {
  type Change,
  type Choice,
  type ExtraFile,
  type FileStatus,
  type Finding,
  type MigratedFile,
  type MigrationOptions,
  type MigrationResult,
  type MigrationSummary,
  type PlacedFinding,
  runMigration,
  type Side,
} from "./pipeline.js";
export { writeMigration } from "./write-migration.js";
