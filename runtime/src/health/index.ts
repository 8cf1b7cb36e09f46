export { Health as HealthService } from "../gen/grpc/health/v1/health_pb.js";
export { createHealth, type Health, type ServingStatus, type ServingStatusMap } from "./health.js";
