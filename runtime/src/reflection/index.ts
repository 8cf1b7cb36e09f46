export { createReflection, type Reflection } from "./reflection.js";
