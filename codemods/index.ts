export { type Inventory, takeInventory } from "./inventory.js";
export {
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
  writeMigration,
} from "./pipeline.js";
