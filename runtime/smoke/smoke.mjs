import * as protobuf from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import * as core from "@connect-migrate/runtime";
import * as node from "@connect-migrate/runtime/node";
import * as telemetry from "@connect-migrate/runtime/opentelemetry";
import { smoke } from "./smoke.cjs";

await smoke({ core, node, telemetry, protobuf, wkt });
console.log("ok");
